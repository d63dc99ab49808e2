"""The address at which the preview is served, and the token that viewers need."""

from __future__ import annotations

import dataclasses
import ipaddress
import secrets
import socket

from common.errors import InputError


@dataclasses.dataclass(frozen=True)
class Address:
    """Where the page is served; anywhere but on this machine alone it asks for a token.

    Args:
        host: name or number of an interface.
        port: 0 takes a free one.
        token: token that viewers have to know; empty on this machine alone.
    """

    host: str
    port: int
    token: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``HOST:PORT`` and make a token where one is needed.

        Raises:
            InputError: if it is none.
        """
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise InputError(f"address is {text!r}, expected HOST:PORT such as 127.0.0.1:8000")
        return cls(host, int(port), "" if is_loopback(host) else secrets.token_urlsafe(16))

    def url(self, port: int) -> str:
        """Return what a viewer opens, ``port`` being the one in use."""
        everywhere = self.host in ("0.0.0.0", "::")
        host = socket.gethostname() if everywhere else self.host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}/" + (f"?token={self.token}" if self.token else "")


def is_loopback(host: str) -> bool:
    """Tell whether a name or number stands for this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
