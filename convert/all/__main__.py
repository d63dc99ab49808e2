"""``python -m convert.all``; see :mod:`convert.all.command`."""

from convert.all.command import run

if __name__ == "__main__":
    run()
