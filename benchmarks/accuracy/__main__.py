"""``samnet bench accuracy``; see :mod:`benchmarks.accuracy.command`."""

from benchmarks.accuracy.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
