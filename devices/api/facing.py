"""Which address of this computer another one sees: what a server bound to all of them must tell its peers."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

from bench.errors import BadInput, LinkDown


async def address_towards(url: str) -> str:
    """Address of this computer on the way to the host of a URL; nothing is sent.

    Raises:
        BadInput: the URL names no host. LinkDown: that name is not known, or there is no way to it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise BadInput("the URL names no host", "write it as http://host:port/path")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port or 80, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)  # of UDP: only looks for the way
            return str(probe.getsockname()[0])
    except (OSError, UnicodeError) as error:
        raise LinkDown(f"there is no way to {host}: {error}", "look at its name and at the network") from error
