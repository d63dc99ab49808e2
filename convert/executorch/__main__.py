"""``samnet convert executorch``; see :mod:`convert.executorch.command`."""

from convert.executorch.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
