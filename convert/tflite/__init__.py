"""The converter to ``.tflite``."""
