"""Turns checkpoints and quantised programs into artefacts for devices."""

from samnet.notices import silence_notices

# Before the converters' libraries are imported, which is when they speak.
silence_notices()
