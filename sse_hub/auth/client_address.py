"""
From where a request comes, as limits count it. Pure; no I/O.

    peer, X-Forwarded-For --> Whence.of() --> "10.0.0.7", or "2001:db8:1:2::/64": one subscriber of a provider has that

What a header says counts as far as trusted peers have written it: anybody can send one.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPV6_BITS = 64

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]


class TrustedProxies:
    """`trusted` are the addresses and networks of proxies; what they forwarded, and for whom, is believed."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted: Networks = [ip_network(each) for each in trusted]

    def trusts(self, peer: str) -> bool:
        """True when `peer` may say for whom it asks."""
        return bool(self._trusted) and is_in_networks(peer, self._trusted)

    def client_of(self, peer: str, forwarded: Iterable[str] = ()) -> str:
        """
        Who asks, when `peer` is at the other end of the connection and `forwarded` are the X-Forwarded-For headers in
        their order. What is no IP address, as the peer of a Unix socket, is "".
        """
        if not self._trusted:
            return _name_of(peer)
        address = address_of(peer)
        if address is None or not self._trusts(address):
            return rate_limit_key(address)
        # Each proxy appends whom it was asked by, so the first from the right that is none of ours is the client.
        for text in reversed(",".join(forwarded).split(",")):
            before = address_of(text)
            if before is None:
                break
            address = before
            if not self._trusts(address):
                break
        return rate_limit_key(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def address_of(text: str) -> Address | None:
    """The IP address that `text` is, with or without a port. None when it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # What an IPv6 socket calls a peer that came by IPv4.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_in_networks(peer: str, networks: Networks) -> bool:
    """True when the address `peer` lies in one of `networks`."""
    address = address_of(peer)
    return address is not None and any(address in network for network in networks)


def rate_limit_key(address: Address | None) -> str:
    """The name under which `address` is counted: its own, or that of its IPv6 network."""
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return str(IPv6Network((int(address) >> IPV6_BITS << IPV6_BITS, IPV6_BITS)))
    return "" if address is None else str(address)


@lru_cache(maxsize=10_000)
def _name_of(peer: str) -> str:
    return rate_limit_key(address_of(peer))


def is_local(name: str) -> bool:
    """True when what counted() calls `name` is on this machine."""
    return not name or name == "::1" or name.startswith("127.")
