"""
The address of a client, as rate limits count it. Pure; no I/O.

    peer, X-Forwarded-For --> TrustedProxies.client_of() --> "10.0.0.7", or "2001:db8:1:2::/64": one customer's network

The header counts only as far as trusted peers have written it, since anybody can send one.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPV6_BITS = 64
# What the peer of a Unix socket counts as: a client, or a proxy, on this machine.
UNIX_PEER = "127.0.0.1"

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]


class TrustedProxies:
    """`trusted` are the addresses and networks of the proxies whose X-Forwarded-For counts."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted: Networks = [ip_network(each) for each in trusted]

    def trusts(self, peer: str) -> bool:
        """True when `peer` is a trusted proxy."""
        return bool(self._trusted) and is_in_networks(peer, self._trusted)

    def client_of(self, peer: str, forwarded: Iterable[str] = ()) -> str:
        """
        The rate limit key of the client: "" if it has no IP address.

        `peer` is the address at the other end of the connection, `forwarded` the X-Forwarded-For headers in order.
        """
        if not self._trusted:
            return _key_of(peer)
        address = parse_address(peer)
        if address is None or not self._trusts(address):
            return rate_limit_key(address)
        # Each proxy appends its own peer, so the client is the first address from the right that is not a trusted one.
        for text in reversed(",".join(forwarded).split(",")):
            previous = parse_address(text)
            if previous is None:
                break
            address = previous
            if not self._trusts(address):
                break
        return rate_limit_key(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def parse_address(text: str) -> Address | None:
    """The IP address in `text`, which may have a port. None if it has no IP address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # An IPv6 socket maps the address of an IPv4 peer.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_in_networks(peer: str, networks: Networks) -> bool:
    """True when the address `peer` lies in one of `networks`."""
    address = parse_address(peer)
    return address is not None and any(address in network for network in networks)


def rate_limit_key(address: Address | None) -> str:
    """What `address` is counted as: itself, or its IPv6 network, since one customer has all of that."""
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return str(IPv6Network((int(address) >> IPV6_BITS << IPV6_BITS, IPV6_BITS)))
    return "" if address is None else str(address)


@lru_cache(maxsize=10_000)
def _key_of(peer: str) -> str:
    return rate_limit_key(parse_address(peer))


def is_local(key: str) -> bool:
    """True when the rate limit key `key` is of a client on this machine."""
    return not key or key == "::1" or key.startswith("127.")
