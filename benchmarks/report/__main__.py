"""``python -m benchmarks.report``; see :mod:`benchmarks.report.command`."""

from benchmarks.report.command import run

if __name__ == "__main__":
    run()
