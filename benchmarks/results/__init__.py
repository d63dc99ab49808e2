"""Figures that the paper and others published."""
