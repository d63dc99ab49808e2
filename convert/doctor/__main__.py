"""``samnet doctor``; see :mod:`convert.doctor.command`."""

from convert.doctor.command import COMMAND

if __name__ == "__main__":
    COMMAND.run()
