"""The nine laws: each a checker, a generator that aims at edges, and a sabotage that must be caught."""
