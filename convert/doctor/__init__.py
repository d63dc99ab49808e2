"""Examines the environment: which commands can run, and what the others lack."""
