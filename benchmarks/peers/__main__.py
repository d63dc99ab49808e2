"""``samnet bench peers``; see :mod:`benchmarks.peers.command`."""

from benchmarks.peers.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
