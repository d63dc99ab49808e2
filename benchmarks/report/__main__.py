"""``samnet report``; see :mod:`benchmarks.report.command`."""

from benchmarks.report.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
