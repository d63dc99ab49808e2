"""``samnet inspect``; see :mod:`convert.inspect.command`."""

from convert.inspect.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
