"""What is installed beside this software."""

from __future__ import annotations

from importlib import metadata


def installed_version(package: str) -> str | None:
    """Return the version of an installed distribution, None where there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
