"""The demo: shipped weights to int8 artifacts, and a report of what that changes."""
