"""Which site sent a request: Origin, Host and Sec-Fetch-Site (S11, S12), and the CORS headers of the response."""

from ipaddress import ip_network

import pytest

from sse_hub.auth.authenticator import parse_groups
from sse_hub.auth.client_address import is_in_networks
from sse_hub.auth.credentials import Credentials, is_foreign_origin, is_same_origin, reject_unproven_origin
from sse_hub.errors import ForeignOrigin, Unauthenticated
from sse_hub.http.security_headers import cors_headers

HOST = "hub.example"
ALLOWED = frozenset({"https://app.example"})


def knock(changes: bool = False, **headers: str | list[str]) -> Credentials:
    given = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    values = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
    return Credentials("127.0.0.1", lambda name: values.get(name, []), unsafe=changes)


@pytest.mark.parametrize(
    ("origin", "foreign"),
    [
        ("https://hub.example", False),
        ("http://HUB.example", False),
        ("https://app.example", False),
        ("https://app.example:444", True),
        ("http://app.example", True),
        ("https://evil-app.example", True),
        ("https://app.example.evil.example", True),
        ("https://hub.example.evil.example", True),
        ("https://hub.example@evil.example", True),
        ("https://evil.example#hub.example", True),
        ("null", True),
        ("", True),
        ("hub.example", True),
        ("file://hub.example", True),
        ("https://[", True),
    ],
)
def test_an_origin_is_foreign_unless_it_is_the_hubs_own_or_allowed(origin: str, foreign: bool) -> None:
    assert is_foreign_origin(knock(origin=origin), ALLOWED) == foreign


@pytest.mark.parametrize(
    ("site", "foreign"),
    [("same-origin", False), ("none", False), ("same-site", True), ("cross-site", True), ("anything", True)],
)
def test_without_an_origin_header_sec_fetch_site_decides(site: str, foreign: bool) -> None:
    assert is_foreign_origin(knock(sec_fetch_site=site), ALLOWED) == foreign


def test_an_allowed_origin_may_send_cross_site_requests() -> None:
    assert not is_foreign_origin(knock(origin="https://app.example", sec_fetch_site="cross-site"), ALLOWED)


def test_a_request_without_origin_and_sec_fetch_site_is_not_foreign() -> None:
    assert not is_foreign_origin(knock(), ALLOWED)


def test_of_two_origin_or_host_headers_the_foreign_one_counts() -> None:
    assert is_foreign_origin(knock(origin=["https://hub.example", "https://evil.example"]), ALLOWED)
    assert not is_same_origin("https://hub.example", ["hub.example", "evil.example"])


def test_a_cookie_request_that_changes_something_needs_proof_of_its_origin() -> None:
    reject_unproven_origin(knock())
    reject_unproven_origin(knock(changes=True, origin="https://hub.example"))
    reject_unproven_origin(knock(changes=True, sec_fetch_site="same-origin"))
    for given in ({}, {"sec_fetch_site": "none"}):
        with pytest.raises(ForeignOrigin):
            reject_unproven_origin(knock(changes=True, **given))


def test_a_repeated_user_header_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        knock(remote_user=["alice", "root"]).header("remote-user")


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "https://app.example.evil.example", "*"])
def test_an_origin_that_is_not_allowed_gets_no_cors_headers(origin: str | None) -> None:
    assert cors_headers(origin, ALLOWED) == {"Vary": "Origin"}
    assert cors_headers(origin, frozenset()) == {}


def test_an_allowed_origin_gets_cors_headers_with_its_own_name_and_no_star() -> None:
    headers = cors_headers("https://app.example", ALLOWED)

    assert headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert headers["Vary"] == "Origin"
    assert "*" not in "".join(headers.values())


@pytest.mark.parametrize(
    ("peer", "among"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::7", True),
        ("fd00::7%eth0", True),
        ("11.1.2.3", False),
        ("::ffff:11.1.2.3", False),
        ("fe80::1", False),
        ("", False),
        ("10.1.2.3, 11.1.2.3", False),
    ],
)
def test_a_peer_is_trusted_by_its_address_alone(peer: str, among: bool) -> None:
    assert is_in_networks(peer, [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]) == among


def test_groups_in_a_proxy_header_are_separated_by_comma_or_bar() -> None:
    assert parse_groups("ops, dev|night shift,,") == ["ops", "dev", "night shift"]
