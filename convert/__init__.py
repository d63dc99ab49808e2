"""Turns checkpoints and quantised programs into artefacts for devices."""
