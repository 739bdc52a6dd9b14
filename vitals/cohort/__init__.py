"""Retrospective data: read it, refuse what is wrong in it, keep it as a cohort folder, split it by patient."""
