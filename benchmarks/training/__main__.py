"""``samnet bench training``; see :mod:`benchmarks.training.command`."""

from benchmarks.training.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
