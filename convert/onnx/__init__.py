"""The converter to ``.onnx``."""
