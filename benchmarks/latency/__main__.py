"""``python -m benchmarks.latency``; see :mod:`benchmarks.latency.command`."""

from benchmarks.latency.command import run

if __name__ == "__main__":
    run()
