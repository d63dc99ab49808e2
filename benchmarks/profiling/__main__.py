"""``python -m benchmarks.profiling``; see :mod:`benchmarks.profiling.command`."""

from benchmarks.profiling.command import run

if __name__ == "__main__":
    run()
