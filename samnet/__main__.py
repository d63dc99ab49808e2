"""``python -m samnet``; see :mod:`samnet.cli`."""

from samnet.cli import main

if __name__ == "__main__":
    main()
