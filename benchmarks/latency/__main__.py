"""``samnet bench latency``; see :mod:`benchmarks.latency.command`."""

from benchmarks.latency.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
