"""``samnet bench results``: see :mod:`benchmarks.results.command`."""

from benchmarks.results.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
