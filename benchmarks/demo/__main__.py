"""``python -m benchmarks.demo``; see :mod:`benchmarks.demo.command`."""

from benchmarks.demo.command import run

if __name__ == "__main__":
    run()
