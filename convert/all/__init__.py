"""Converts a network to all forms at once."""
