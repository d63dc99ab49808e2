"""Artifacts of any format written, checked and named."""
