"""``samnet bench arm64``; see :mod:`benchmarks.arm64.command`."""

from benchmarks.arm64.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
