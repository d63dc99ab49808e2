"""``samnet bench baseline``; see :mod:`benchmarks.baselines.command`."""

from benchmarks.baselines.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
