"""Shipped weights to int8 artifacts, and what that changes, as one report."""
