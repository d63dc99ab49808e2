"""``samnet bench profile``; see :mod:`benchmarks.profiling.command`."""

from benchmarks.profiling.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
