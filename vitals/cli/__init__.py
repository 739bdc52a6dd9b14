"""The command line: parse, call a flow, print what it said."""
