"""``python -m benchmarks.training``; see :mod:`benchmarks.training.command`."""

from benchmarks.training.command import run

if __name__ == "__main__":
    run()
