"""Which address of this computer another one sees, and which URLs lead back into it."""

from __future__ import annotations

import asyncio
import ipaddress
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


async def leads_inside(url: str) -> bool:
    """Whether a URL names this computer itself or its link (127.0.0.1, 169.254.169.254, ::1, ...): what a system elsewhere has no
    reason to send the bench to. A name that is not known leads nowhere.
    """
    try:
        host = urlsplit(url).hostname
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM) if host else []
        addresses = [ipaddress.ip_address(address[0]) for *_, address in found]
    except (OSError, UnicodeError, ValueError):
        return False
    return any(_inside(getattr(address, "ipv4_mapped", None) or address) for address in addresses)


def _inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or address.is_link_local or address.is_unspecified
