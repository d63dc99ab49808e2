"""Describes network files of any format."""
