"""``python -m convert.onnx``; see :mod:`convert.onnx.command`."""

from convert.onnx.command import run

if __name__ == "__main__":
    run()
