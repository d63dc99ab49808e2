"""The converter to ``.pte``."""
