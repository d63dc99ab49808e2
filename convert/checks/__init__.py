"""Checks that an artifact passes before it is kept."""
