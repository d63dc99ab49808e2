"""Weights in files: ours, the authors', and warm starts from others."""
