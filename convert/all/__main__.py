"""``samnet convert all``; see :mod:`convert.all.command`."""

from convert.all.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
