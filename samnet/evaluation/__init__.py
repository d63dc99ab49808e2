"""Predicts maps and measures them."""
