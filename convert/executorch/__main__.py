"""``python -m convert.executorch``; see :mod:`convert.executorch.command`."""

from convert.executorch.command import run

if __name__ == "__main__":
    run()
