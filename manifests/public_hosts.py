"""Where inputs may be fetched from over HTTP: public addresses alone, checked at every connection that is made."""

from __future__ import annotations

import ipaddress
import os
import socket
from functools import lru_cache
from typing import Any

import fsspec

ALLOWED = "MESHMILL_ALLOWED_NETWORKS"  # such as 10.20.0.0/16,192.168.1.5/32: private addresses that may be asked
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


class NotPublic(OSError):
    """The connection would go to an address that is not public and not allowed."""


def guard_http() -> None:
    """From now on every http and https file system of this process connects through `public_socket`.

    Names, redirects and names that resolve anew all end in a connection, so this one place sees what they lead to: a
    check of the URL alone is passed by a redirect or by a name whose address changes (OWASP, Server-Side Request
    Forgery Prevention).
    """
    for scheme in ("http", "https"):
        fsspec.config.conf.setdefault(scheme, {})["get_client"] = guarded_client


async def guarded_client(**options: Any) -> Any:
    """An aiohttp session whose sockets are opened by `public_socket`; fsspec calls this."""
    import aiohttp

    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=public_socket), **options)


def public_socket(address: Any) -> socket.socket:
    """A socket for what `getaddrinfo` gave; raises NotPublic, also where ALLOWED is no list of networks."""
    family, kind, protocol, _, place = address
    try:
        allowed = is_allowed(place[0], os.environ.get(ALLOWED, ""))
    except ValueError as error:
        raise NotPublic(f"{ALLOWED} has to be networks such as 10.20.0.0/16,192.168.1.5/32: {error}") from error
    if not allowed:
        raise NotPublic(f"{place[0]} is not a public address; {ALLOWED} may allow its network")
    return socket.socket(family=family, type=kind, proto=protocol)


@lru_cache(maxsize=1024)
def is_allowed(host: str, networks: str) -> bool:
    """Whether an address is public (IANA's special-purpose registries) or in one of the networks.

    Raises ValueError for a network that is none.
    """
    address: Any = ipaddress.ip_address(host.partition("%")[0])
    if address.version == 6 and address in NAT64:
        address = ipaddress.ip_address(int(address) & 0xFFFFFFFF)
    address = getattr(address, "ipv4_mapped", None) or address
    named = [ipaddress.ip_network(name.strip()) for name in networks.split(",") if name.strip()]
    return any(address in network for network in named) or (address.is_global and not address.is_multicast)


def refusal(error: BaseException | None) -> NotPublic | None:
    """The NotPublic that an error of fsspec's or aiohttp's was made from, if it was."""
    while error is not None:
        for found in (error, getattr(error, "os_error", None)):
            if isinstance(found, NotPublic):
                return found
        error = error.__cause__ or error.__context__
    return None
