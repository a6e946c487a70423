"""The address of a client: its peer address, or the one a trusted proxy forwards; IPv6 counts by /64 prefix."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_hub.auth.client_address import TrustedProxies, is_local

PROXIES = ("10.0.0.7", "192.168.0.0/16", "2001:db8:ffff::/48")
TRUSTED = "10.0.0.7"


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_s15_an_ipv4_address_counts_alone_and_an_ipv6_address_by_its_64_prefix(peer: str, counted: str) -> None:
    assert TrustedProxies(()).client_of(peer) == counted


@pytest.mark.parametrize(
    "forwarded", [["1.2.3.4"], ["1.2.3.4, 10.0.0.7"], ["10.0.0.7"], ["::1"], ["1.2.3.4", "5.6.7.8"]]
)
def test_s15_a_forwarded_header_of_an_untrusted_peer_has_no_effect(forwarded: list[str]) -> None:
    assert TrustedProxies(PROXIES).client_of("203.0.113.9", forwarded) == "203.0.113.9"
    assert TrustedProxies(()).client_of("10.0.0.7", forwarded) == "10.0.0.7"


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["[2001:db8:1:2::9]:4711"], "2001:db8:1:2::/64"),
        (["2001:db8:1:2::9"], "2001:db8:1:2::/64"),
        # What the client sent itself is on the left of what the proxy adds.
        (["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
        # Through a second trusted proxy.
        (["6.6.6.6, 203.0.113.9, 192.168.3.4"], "203.0.113.9"),
        (["192.168.3.4, 192.168.9.9"], "192.168.3.4"),
        (["203.0.113.9, unknown"], TRUSTED),
        (["203.0.113.9, unknown, 192.168.3.4"], "192.168.3.4"),
        ([], TRUSTED),
        ([""], TRUSTED),
    ],
)
def test_s15_the_forwarded_address_counts_when_the_peer_is_trusted(forwarded: list[str], counted: str) -> None:
    assert TrustedProxies(PROXIES).client_of(TRUSTED, forwarded) == counted


@given(st.text(), st.lists(st.text()))
@settings(max_examples=50)
def test_s15_no_peer_or_forwarded_text_raises_an_error(peer: str, forwarded: list[str]) -> None:
    for text in (peer, TRUSTED):
        TrustedProxies(PROXIES).client_of(text, forwarded)


def test_local_addresses_are_recognized() -> None:
    assert [is_local(name) for name in ("127.0.0.1", "127.8.9.1", "::1", "", "10.0.0.7", "2001:db8::/64")] == [
        *(True, True, True, True),
        *(False, False),
    ]
