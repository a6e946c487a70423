"""
Which addresses an alert may be sent to: those of the public internet, unless a destination allows private ones.

    host of a URL --> addresses_of(): resolved once, all of them checked --> the address that is connected to

A name may have another address a moment later, so what is checked must be what is connected to.
The ranges are those of the registries of special purposes, written out since each Python's `ipaddress` knows others:
https://www.iana.org/assignments/iana-ipv4-special-registry/ and
https://www.iana.org/assignments/iana-ipv6-special-registry/.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from sse_hub.errors import AddressRefused, NotSent

RESOLVE_SECONDS = 5.0

REFUSED_V4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a carrier's NAT; 100.100.100.200 has Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, seen from its guests
        "169.254.0.0/16",  # link-local; 169.254.169.254 has the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocols; 192.0.0.192 has Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All that is not in it is special: loopback, link-local, unique local (with AWS's fd00:ec2::254), multicast.
GLOBAL_V6 = IPv6Network("2000::/3")
REFUSED_V6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocols, Teredo among them, which has an IPv4 address in it
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which has an IPv4 address in it
        "3fff::/20",  # documentation
    )
)
# Their last 32 bits are the IPv4 address that a packet ends at: IPv4-mapped, and NAT64 with its common prefix.
V4_IN_V6 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


def check_address(text: str) -> None:
    """Raises AddressRefused if `text`, an IP address in its usual form, is not one of the public internet."""
    try:
        address = ip_address(text)
    except ValueError:
        raise AddressRefused(f"{text[:64]!r} is not an IP address.") from None
    if not _is_public(address):
        raise AddressRefused(
            f"It leads to {address}, which is not an address of the public internet; allow_private = true allows it."
        )


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in each for each in REFUSED_V4)
    if any(address in each for each in V4_IN_V6):
        return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in GLOBAL_V6 and not any(address in each for each in REFUSED_V6)


async def addresses_of(host: str, port: int, allow_private: bool) -> list[str]:
    """
    The addresses of `host`, a name or an address in any form that the system knows (`127.1`, `0x7f000001`).

    Raises AddressRefused if one of them is not allowed, NotSent if there is none.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise NotSent(f"The name of its host was not resolved within {RESOLVE_SECONDS:.0f} s.") from None
    except (OSError, UnicodeError):
        # The reason has the name, which a secret URL may consist of.
        raise NotSent("The name of its host can't be resolved.") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not allow_private:
        for each in addresses:
            check_address(each)
    return addresses
