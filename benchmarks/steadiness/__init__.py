"""Flicker of the maps of videos, with and without the filter against it."""
