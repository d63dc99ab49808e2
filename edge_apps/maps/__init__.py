"""Turns the bytes that a network gives into the map of a photo."""
