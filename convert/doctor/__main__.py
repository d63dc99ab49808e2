"""``python -m convert.doctor``; see :mod:`convert.doctor.command`."""

from convert.doctor.command import run

if __name__ == "__main__":
    run()
