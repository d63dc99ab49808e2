"""``samnet bench demo``; see :mod:`benchmarks.demo.command`."""

from benchmarks.demo.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
