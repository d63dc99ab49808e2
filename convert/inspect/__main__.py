"""``python -m convert.inspect``; see :mod:`convert.inspect.command`."""

from convert.inspect.command import run

if __name__ == "__main__":
    run()
