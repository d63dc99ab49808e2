"""``samnet docs``; see :mod:`benchmarks.docs.command`."""

from benchmarks.docs.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
