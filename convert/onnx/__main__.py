"""``samnet convert onnx``; see :mod:`convert.onnx.command`."""

from convert.onnx.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
