"""``samnet convert tflite``; see :mod:`convert.tflite.command`."""

from convert.tflite.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
