"""``python -m benchmarks.accuracy``; see :mod:`benchmarks.accuracy.command`."""

from benchmarks.accuracy.command import run

if __name__ == "__main__":
    run()
