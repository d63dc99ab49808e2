"""``python -m benchmarks.docs``; see :mod:`benchmarks.docs.command`."""

from benchmarks.docs.command import run

if __name__ == "__main__":
    run()
