"""``python -m convert.tflite``; see :mod:`convert.tflite.command`."""

from convert.tflite.command import run

if __name__ == "__main__":
    run()
