"""Which addresses an alert may be sent to: hostile forms of private ones are refused."""

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from sse_hub.alerts.addresses import REFUSED_V4, addresses_of, check_address
from sse_hub.errors import AddressRefused, NotSent

PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.9", "168.63.129.16",
    "169.254.169.254", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.19.0.1", "224.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::",
    "2001::1", "2001:db8::1", "100::1", "fec0::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_public_internet_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="allow_private"):
        check_address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    check_address(address)


@given(integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_alike_in_each_form_that_has_it_in_it(number: int) -> None:
    address = IPv4Address(number)

    def refused(text: str) -> bool:
        try:
            check_address(text)
        except AddressRefused:
            return True
        return False

    assert refused(str(address)) == any(address in each for each in REFUSED_V4)
    assert refused(f"::ffff:{address}") == refused(f"64:ff9b::{address}") == refused(str(address))
    # Whatever Python's own table calls private, ours does, too; those it alone has not are of clouds and relays.
    assert refused(str(address)) or ip_address(number).is_global


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1", "::1", "localhost"])
async def test_each_form_in_which_the_system_knows_loopback_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        await addresses_of(host, 80, allow_private=False)

    assert set(await addresses_of(host, 80, allow_private=True)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["", "a..b", "x" * 300, "name.invalid", "1.2.3.4.5"])
async def test_a_host_without_an_address_is_told_without_its_name(host: str) -> None:
    with pytest.raises(NotSent) as told:
        await addresses_of(host or "a b", 80, allow_private=False)

    assert not host or host not in str(told.value)
