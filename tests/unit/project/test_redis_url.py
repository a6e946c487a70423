"""The Redis URL: which ones are accepted, and that no error reveals any part of a password (S19)."""

import re
import traceback
from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import parse_url

from sse_hub.broker.address import RedisAddress
from sse_hub.broker.connect import publisher_connection
from sse_hub.broker.keys import Partition
from sse_hub.broker.topology import Topology
from sse_hub.cli import main
from sse_hub.config import Config
from sse_hub.errors import InvalidSetting
from sse_hub.logging import RedisHandler
from sse_hub.redis_url import (
    FORM,
    ONLY_DATABASE_0,
    PARAMETERS,
    SENTINEL_PARAMETERS,
    TLS_PARAMETERS,
    RedisServers,
    parse,
    passwords_in,
    validate,
    without_password,
)

GOOD = [
    "redis://127.0.0.1",
    "redis://127.0.0.1:6379/",
    "redis://hub:pw@redis_1.example.:6379/15",
    "redis://:p%40ss%2Fword@[::1]:6379/0",
    "redis://hub:a:b@c@host/0",
    "redis://host/?db=3&username=hub&password=pw",
    "rediss://hub:pw@host:6380/0?ssl_ca_certs=/etc/ca.crt&ssl_certfile=a&ssl_keyfile=b",
    "rediss://host?ssl_cert_reqs=required&ssl_check_hostname=true",
    "unix:///run/redis.sock",
    "unix://hub:pw@/run/redis.sock?db=1&password=pw",
]
SENTINEL = "redis+sentinel://hub:pw@s1:26380,s2,s3:26379/my-primary.1/3"
# What each says beside the defaults of `servers()`.
GOOD_LISTS: list[tuple[str, dict[str, object]]] = [
    (
        SENTINEL,
        {
            "hosts": (("s1", 26380), ("s2", 26379), ("s3", 26379)),
            "name": "my-primary.1",
            "database": 3,
            "username": "hub",
            "password": "pw",
        },
    ),
    ("redis+sentinel://s1/main", {"hosts": (("s1", 26379),), "name": "main"}),
    ("redis+sentinel://s1/main/", {"hosts": (("s1", 26379),), "name": "main"}),
    ("redis+sentinel://s1/main?db=4", {"hosts": (("s1", 26379),), "name": "main", "database": 4}),
    ("redis+sentinel://s1/main/5?db=4", {"hosts": (("s1", 26379),), "name": "main", "database": 4}),
    ("redis+sentinel://s1,s2,s1:26379,S1/a_B", {"hosts": (("s1", 26379), ("s2", 26379)), "name": "a_B"}),
    (
        "redis+sentinel://[::1]:1,[fd00::7],[fe80::1%25eth0]:2,10.0.0.1/0",
        {"hosts": (("::1", 1), ("fd00::7", 26379), ("fe80::1%eth0", 2), ("10.0.0.1", 26379)), "name": "0"},
    ),
    (
        "redis+sentinel://:p%40%2C%23%2Fw@s1/main?sentinel_username=guard&sentinel_password=%40+%2B",
        {
            "hosts": (("s1", 26379),),
            "name": "main",
            "password": "p@,#/w",
            "sentinel_username": "guard",
            "sentinel_password": "@ +",
        },
    ),
    (
        "rediss+sentinel://s1/main?username=hub&password=pw&ssl_ca_certs=/ca&ssl_certfile=/c&ssl_keyfile=/k",
        {
            "hosts": (("s1", 26379),),
            "name": "main",
            "username": "hub",
            "password": "pw",
            "tls": True,
            "ca_certs": "/ca",
            "certfile": "/c",
            "keyfile": "/k",
        },
    ),
    ("redis+cluster://n1", {"kind": "cluster", "hosts": (("n1", 6379),)}),
    ("redis+cluster://n1,n2:7001/", {"kind": "cluster", "hosts": (("n1", 6379), ("n2", 7001))}),
    ("redis+cluster://n1:7000,[::1]:7001/0?db=0", {"kind": "cluster", "hosts": (("n1", 7000), ("::1", 7001))}),
    (
        "rediss+cluster://hub:a:b@n1,n1:6379?ssl_check_hostname=true",
        {"kind": "cluster", "hosts": (("n1", 6379),), "username": "hub", "password": "a:b", "tls": True},
    ),
    (
        "redis+cluster://" + ",".join(f"n{number}" for number in range(64)),
        {"kind": "cluster", "hosts": tuple((f"n{number}", 6379) for number in range(64))},
    ),
]
# Each with the parts of the password that must not be revealed.
BROKEN = [
    ("redis://hub:s3#cretpw@redis.example:6379/0", ["s3", "cretpw"]),
    ("redis://hub:s3/cretpw@redis.example:6379/0", ["s3", "cretpw"]),
    ("redis://hub:s3?cretpw@redis.example:6379/0", ["s3", "cretpw"]),
    ("redis://hub:s3[cretpw@redis.example:6379/0", ["s3", "cretpw"]),
    ("redis://hub:s3 cretpw@redis.example:6379/0", ["s3", "cretpw"]),
    ("redis://hub:s3\ncretpw@redis.example:6379/0", ["s3", "cretpw"]),
    ("redis://hub:s3\u2100cretpw@redis.example:6379/0", ["s3", "cretpw"]),
    ("redis://hub:7331/cretpw@redis.example:6379/0", ["7331", "cretpw"]),
    ("redis://hub:7331?db=1&cretpw=x@redis.example:6379/0", ["7331", "cretpw"]),
    ("redis://hub:7331?password=cretpw@redis.example:6379/0", ["7331", "cretpw"]),
    ("redis://hub:7331?cretpw=1", ["7331", "cretpw"]),
    ("redis://hub:s3cretpw@redis.example:port/0", ["s3cretpw"]),
    ("redis://hub:s3cretpw@redis.example:99999/0", ["s3cretpw"]),
    ("redis://hub:s3cretpw@redis..example/0", ["s3cretpw"]),
    ("redis://hub:s3cretpw@redis.example/mine", ["s3cretpw"]),
    ("redis://hub:s3cretpw@redis.example/0?db=x", ["s3cretpw"]),
    ("redis://redis.example/0?db=1&db=2&password=s3cretpw", ["s3cretpw"]),
    ("rediss://hub:s3cretpw@redis.example/0?ssl_cert_reqs=none", ["s3cretpw"]),
    ("redis:/hub:s3cretpw@redis.example:6379/0", ["s3cretpw"]),
    ("redis:hub:s3cretpw@redis.example:6379/0", ["s3cretpw"]),
    ("hub:s3cretpw@redis.example:6379", ["s3cretpw"]),
    ("http://hub:s3cretpw@redis.example:6379", ["s3cretpw"]),
    (" redis://hub:s3cretpw@redis.example:6379", ["s3cretpw"]),
    ("unix://hub:s3/cretpw@/run/redis.sock", ["s3", "cretpw"]),
    ("unix://hub:s@3/cretpw@/run/redis.sock", ["s@3", "cretpw"]),
]
BROKEN_LISTS = [
    ("redis+sentinel://hub:s3#cretpw@s1:26379,s2/main/0", ["s3", "cretpw"]),
    ("redis+sentinel://hub:s3/cretpw@s1:26379,s2/main/0", ["s3", "cretpw"]),
    ("redis+sentinel://hub:7331/cretpw@s1:26379,s2/main/0", ["7331", "cretpw"]),
    ("redis+sentinel://hub:7331/main?cretpw@s1,s2/main", ["7331", "cretpw"]),
    ("redis+sentinel://hub:s3?cretpw@s1:26379,s2/main/0", ["s3", "cretpw"]),
    ("redis+sentinel://hub:7331?password=cretpw@s1/main", ["7331", "cretpw"]),
    ("redis+sentinel://hub:s3[cretpw@s1:26379,s2/main/0", ["s3[", "cretpw"]),
    ("redis+sentinel://hub:s3@cretpw@s1:26379,s2/main/0", ["s3@", "cretpw"]),
    ("redis+sentinel://hub:s3,cretpw@s1:26379,s2/main/0", ["s3,", "cretpw"]),
    ("redis+sentinel://hub:7331,cretpw:1@s1:26379,s2/main", ["7331", "cretpw"]),
    ("redis+sentinel://hub:s3 cretpw@s1:26379,s2/main/0", ["s3 ", "cretpw"]),
    ("redis+sentinel://hub:s3\tcretpw@s1:26379,s2/main/0", ["s3\t", "cretpw"]),
    ("redis+sentinel://hub:s3\u2100cretpw@s1:26379,s2/main", ["s3\u2100", "cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,hub:cretpw@s2/main", ["cretpw"]),
    ("redis+sentinel://s1,hub:cretpw@s2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2/", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2//0", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2/main/x", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2/main/0/0", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2/ma%69n/0", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2/m\u00e4in/0", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2/main:0", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,,s2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@,s1/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@:26379/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1:0,s2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2:65536/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,s2:-1/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1:a/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1:1:2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1;s2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1, s2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@::1,s2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@[::1,s2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1,::1]/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@[s1],s2/main", ["cretpw"]),
    ("redis+sentinel://hub:cretpw@s1..example/main", ["cretpw"]),
    ("redis+sentinel://s1/main?sentinel_password=s3&cretpw", ["s3", "cretpw"]),
    ("redis+sentinel://s1/main?sentinel_password=s3@cretpw", ["s3@", "cretpw"]),
    ("redis+sentinel://s1/main?sentinel_password=s3#cretpw", ["s3#", "cretpw"]),
    ("redis+sentinel://s1/main?sentinel_password=cretpw&sentinel_password=7331", ["cretpw", "7331"]),
    ("redis+sentinel://s1/main?sentinel_password=&password=cretpw", ["cretpw"]),
    ("redis+sentinel://s1/main?sentinel_pass=cretpw", ["cretpw"]),
    ("redis+sentinel://s1/main?password=cretpw&db=x", ["cretpw"]),
    ("redis+sentinel://s1/main?password=cretpw&ssl_ca_certs=/ca", ["cretpw"]),
    ("rediss+sentinel://s1/main?sentinel_password=cretpw&ssl_cert_reqs=none", ["cretpw"]),
    ("redis://s1/0?sentinel_password=cretpw", ["cretpw"]),
    ("unix:///run/redis.sock?sentinel_password=cretpw", ["cretpw"]),
    ("redis://hub:cretpw@h1,h2/0", ["cretpw"]),
    ("redis+cluster://hub:s3#cretpw@n1:7000,n2", ["s3#", "cretpw"]),
    ("redis+cluster://hub:7331/cretpw@n1:7000,n2", ["7331", "cretpw"]),
    ("redis+cluster://hub:7331/0?cretpw@n1:7000,n2", ["7331", "cretpw"]),
    ("redis+cluster://hub:7331/0@n1:7000,n2", ["7331", "0@"]),
    ("redis+cluster://hub:7331,cretpw@n1:7000,n2", ["7331", "cretpw"]),
    ("redis+cluster://hub:7331,cretpw/x@n1:7000,n2", ["7331", "cretpw"]),
    ("redis+cluster://hub:cretpw@n1,n2/1", ["cretpw"]),
    ("redis+cluster://hub:cretpw@n1,n2/0?db=1", ["cretpw"]),
    ("redis+cluster://hub:cretpw@n1,n2/main", ["cretpw"]),
    ("redis+cluster://hub:cretpw@n1,n2/main/0", ["cretpw"]),
    ("redis+cluster://hub:cretpw@n1,", ["cretpw"]),
    ("redis+cluster://hub:cretpw@", ["cretpw"]),
    ("redis+cluster://n1?sentinel_password=cretpw", ["cretpw"]),
    ("redis+cluster://hub:cretpw@" + ",".join(f"n{number}" for number in range(65)), ["cretpw"]),
    ("redis+Cluster://hub:cretpw@n1", ["cretpw"]),
    ("sentinel://hub:cretpw@s1/main", ["cretpw"]),
    ("redis-sentinel://hub:cretpw@s1/main", ["cretpw"]),
    ("redis+ssl+cluster://hub:cretpw@n1", ["cretpw"]),
    ("unix+cluster://hub:cretpw@n1", ["cretpw"]),
    ("redis+cluster:hub:cretpw@n1", ["cretpw"]),
]
TAKERS: list[Callable[[str], object]] = [
    validate,
    parse,
    lambda url: Topology(url, Partition()),
    lambda url: publisher_connection(url, Partition()),
    RedisHandler,
    lambda url: Config.read({"redis_url": url}, {}),
]
COMMANDS = ["serve", "demo", "check", "canary", "ship x.log", "publish log hello", "docker", "token revoke x.y.z"]


@pytest.mark.parametrize("url", GOOD)
def test_a_redis_url_that_redis_py_understands_is_accepted(url: str) -> None:
    assert validate(url) == url
    assert Config.read({}, {"REDIS_URL": url}).redis_url == url
    servers = parse(url.partition("?ssl_c")[0])
    assert RedisAddress.of(servers, ("host", 1))


@pytest.mark.parametrize("url", [*GOOD, "redis://", "redis://u:p@/07?db=2&username=v&password=w+x%2B", "unix:///a%20b"])
def test_a_url_of_a_single_server_is_read_as_redis_py_reads_it(url: str) -> None:
    assert_read_as_redis_py_does(url)


@given(
    st.sampled_from(["redis://", "rediss://", "unix://"]),
    st.lists(
        st.sampled_from(["hub", ":", "@", "pw", "h.example", ":6379", "/", "0", "/run/a%20b", "?", "db=3", "&"])
        | st.sampled_from(
            ["password=x%2B+", "username=u", "%40", "[::1]", "[fe80::1%25eth0]", "ssl_ca_certs=/a%20b", ","]
        ),
        max_size=8,
    ),
)
def test_any_accepted_url_of_a_single_server_is_read_as_redis_py_reads_it(scheme: str, pieces: list[str]) -> None:
    url = scheme + "".join(pieces)
    try:
        validate(url)
    except ValueError:
        return
    assert_read_as_redis_py_does(url)


@pytest.mark.parametrize(("url", "said"), GOOD_LISTS, ids=lambda value: str(value)[:60])
def test_a_url_of_sentinels_or_of_a_cluster_is_read(url: str, said: dict[str, object]) -> None:
    assert parse(url) == servers(**said)
    assert validate(url) == url
    assert Config.read({}, {"REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(("url", "pieces"), BROKEN + BROKEN_LISTS, ids=lambda value: ascii(value)[:60])
def test_an_invalid_redis_url_is_reported_without_any_part_of_its_password(url: str, pieces: list[str]) -> None:
    for take in TAKERS:
        with pytest.raises((ValueError, InvalidSetting)) as caught:
            take(url)
        # The frames of this file have the URL in their source.
        told = "".join(traceback.format_exception_only(caught.value))
        behind = caught.value.__context__
        told += "".join(traceback.format_exception(behind, limit=0)) if behind else ""
        assert not [piece for piece in pieces if piece in told], told


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_any_part_of_a_password(command: str) -> None:
    for url, pieces in BROKEN + BROKEN_LISTS:
        by_option = CliRunner().invoke(main, [*command.split(), "--redis-url", url])
        by_variable = CliRunner(env={"REDIS_URL": url}).invoke(main, command.split())
        for result, source in ((by_option, "--redis-url"), (by_variable, "REDIS_URL")):
            assert result.exit_code in (1, 2), url
            assert source in result.output
            assert not [piece for piece in pieces if piece in result.output], result.output


@given(st.text(max_size=12) | st.text("a7/?#@:[]%&=.", max_size=12))
def test_a_password_is_used_whole_or_refused(password: str) -> None:
    url = f"redis://hub:{password}@redis.example:6379/0"
    try:
        validate(url)
    except ValueError:
        return

    meant = {"password": unquote(password)} if password else {}
    assert parse_url(url) == {"username": "hub", "host": "redis.example", "port": 6379, "db": 0} | meant
    assert without_password(url) == "redis://redis.example:6379/0"
    assert passwords_in(url) == ({password, unquote(password)} if password else set())


@given(st.text(max_size=12) | st.text("a7/?#@:[]%&=.,", max_size=12), st.booleans())
def test_a_password_for_sentinels_or_a_cluster_is_used_whole_or_refused(password: str, is_cluster: bool) -> None:
    scheme, path = ("redis+cluster", "/0") if is_cluster else ("redis+sentinel", "/main/0")
    url = f"{scheme}://hub:{password}@a.example:7000,b.example:7001{path}"
    try:
        found = parse(url)
    except ValueError as error:
        assert quotes_nothing(error)
        return

    assert (found.username, found.password) == ("hub", unquote(password))
    assert found.hosts == (("a.example", 7000), ("b.example", 7001))
    assert without_password(url) == f"{scheme}://a.example:7000,b.example:7001{path}"
    assert passwords_in(url) == ({password, unquote(password)} if password else set())


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
def test_an_escaped_password_is_used_whole(password: str, sentinel_password: str) -> None:
    try:
        written, for_sentinels = quote(password, safe=""), quote(sentinel_password, safe="")
    except UnicodeEncodeError:
        return
    for scheme in ("redis", "redis+cluster"):
        url = f"{scheme}://hub:{written}@a.example/0"
        assert parse(url).password == password
        assert passwords_in(url) == {written, password}

    url = f"redis+sentinel://hub:{written}@a.example/main/0?sentinel_username=guard&sentinel_password={for_sentinels}"
    found = parse(url)
    assert (found.password, found.sentinel_username, found.sentinel_password) == (password, "guard", sentinel_password)
    assert passwords_in(url) == {written, password, for_sentinels, sentinel_password}
    assert without_password(url) == "redis+sentinel://a.example/main/0"


@given(
    st.sampled_from(
        ["redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster", ""]
    ),
    st.sampled_from(["://", ":/", ""]),
    st.lists(
        st.text(max_size=5)
        | st.sampled_from(["s3cret", ":", "@", ",", "/", "/main", "/0", "?", "&", "=", "#", "%40", "[::1]", "{scheme}"])
        | st.sampled_from(
            [*PARAMETERS, *SENTINEL_PARAMETERS, *TLS_PARAMETERS, "db=3", "h.example", ":7000", "{", "%s"]
        ),
        max_size=10,
    ),
)
def test_no_error_about_any_text_quotes_it(scheme: str, separator: str, pieces: list[str]) -> None:
    try:
        parse(scheme + separator + "".join(pieces))
    except ValueError as error:
        assert quotes_nothing(error)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://redis.example", FORM),
        ("redis://a,b/0", FORM),
        ("redis+cluster://n1/1", ONLY_DATABASE_0),
        ("redis+cluster://n1?db=1", ONLY_DATABASE_0),
        ("redis+cluster://n1/main", "must be redis+cluster://[user:password@]host:port,… with at most 64 nodes"),
        (
            "rediss+sentinel://s1",
            "must be rediss+sentinel://[user:password@]host:port,…/name/0 with at most 64 Sentinels",
        ),
        ("redis+sentinel://s1/a b", "must be redis://"),
        ("redis+sentinel://s1/a%20b", "name is what they call the primary, of letters, digits, . _ and -"),
        ("redis+sentinel://u:a,b@s1/main", "%2C for a comma"),
        ("redis+sentinel://s1/main?ssl_ca_certs=/ca", "ssl_ca_certs needs a connection with TLS (rediss+sentinel://)"),
        ("redis+cluster://n1?ssl_keyfile=/k", "ssl_keyfile needs a connection with TLS (rediss+cluster://)"),
        ("unix:///run/redis?ssl_keyfile=/k", "ssl_keyfile needs a connection with TLS (rediss://)"),
        ("redis://n1?sentinel_username=a", "sentinel_username needs Sentinels (redis+sentinel://)"),
        ("rediss+cluster://n1?sentinel_password=a", "sentinel_password needs Sentinels (rediss+sentinel://)"),
        ("redis+sentinel://s1/main?x=1", "among db, username, password, sentinel_username, sentinel_password"),
        ("redis+sentinel://s1/main?sentinel_password=", "its sentinel_password is invalid or given twice"),
        ("rediss+cluster://n1?ssl_check_hostname=no", "ssl_check_hostname must not switch verification off"),
    ],
)
def test_an_error_says_what_is_allowed(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        parse(url)
    assert quotes_nothing(caught.value)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("ssl_cert_reqs=none", "ssl_cert_reqs must not switch verification off"),
        ("ssl_cert_reqs=optional", "ssl_cert_reqs must not switch verification off"),
        ("ssl_cert_reqs=required&ssl_cert_reqs=none", "ssl_cert_reqs"),
        ("ssl_cert_reqs=", "ssl_cert_reqs must not switch verification off"),
        ("ssl%5Fcert_reqs=n%6Fne", "ssl_cert_reqs must not switch verification off"),
        ("ssl_check_hostname=false", "ssl_check_hostname must not switch verification off"),
        ("ssl_check_hostname=0", "ssl_check_hostname must not switch verification off"),
        ("ssl_exclude_verify_flags=VERIFY_X509_STRICT", "must be among db, username, password, ssl_ca_certs"),
        ("ssl_ciphers=NULL", "must be among db, username, password, ssl_ca_certs"),
        ("ssl=false", "must be among db, username, password, ssl_ca_certs"),
    ],
)
def test_certificate_verification_cannot_be_disabled(query: str, said: str) -> None:
    for take in TAKERS:
        with pytest.raises((ValueError, InvalidSetting)) as caught:
            take(f"rediss://redis.example:6380/0?{query}")
        assert said in str(caught.value)


def test_tls_parameters_without_tls_are_refused() -> None:
    with pytest.raises(ValueError, match="ssl_ca_certs needs a connection with TLS"):
        validate("redis://redis.example/0?ssl_ca_certs=/etc/ca.crt")


def test_printed_settings_and_addresses_contain_no_password() -> None:
    url = "redis://hub:s3cretpw@redis.example:6379/0"

    assert "s3cretpw" not in f"{Config(redis_url=url)} {RedisAddress.of(parse(url), ('host', 1))}"
    sentinels = parse("redis+sentinel://hub:s3cretpw@s1/main?sentinel_password=7331s3cretpw")
    assert "s3cretpw" not in f"{sentinels} {sentinels!r}"


def test_a_password_in_the_url_parameters_is_hidden_too() -> None:
    url = "redis://hub:one@redis.example/0?username=a&password=tw%6F%2B"

    assert passwords_in(url) == {"one", "tw%6F%2B", "two+"}
    assert without_password(url) == "redis://redis.example/0"


def test_a_password_for_sentinels_is_hidden_too() -> None:
    url = "redis+sentinel://hub:one@s1,s2/main/0?sentinel_username=a&sentinel%5Fpassword=tw%6F%2B+"

    assert passwords_in(url) == {"one", "tw%6F%2B+", "two+ "}
    assert without_password(url) == "redis+sentinel://s1,s2/main/0"


def servers(**said: object) -> RedisServers:
    """Sentinels, unless `said` names another kind, without passwords and TLS."""
    defaults: dict[str, object] = {
        "kind": "sentinel",
        "path": None,
        "name": "",
        "database": 0,
        **dict.fromkeys(("username", "password", "sentinel_username", "sentinel_password"), ""),
        "tls": False,
        **dict.fromkeys(("ca_certs", "certfile", "keyfile")),
    }
    return RedisServers(**defaults | said)  # type: ignore[arg-type]  # compared with what parse() made


def assert_read_as_redis_py_does(url: str) -> None:
    """Check parse() against redis-py, which leaves out what the URL does not say."""
    meant: dict[str, object] = dict(parse_url(url))
    at = () if url.startswith("unix:") else ((meant.get("host", "localhost"), meant.get("port", 6379)),)
    assert parse(url) == servers(
        kind="single",
        hosts=at,
        path=meant.get("path"),
        database=meant.get("db", 0),
        username=meant.get("username", ""),
        password=meant.get("password", ""),
        tls=url.startswith("rediss:"),
        ca_certs=meant.get("ssl_ca_certs"),
        certfile=meant.get("ssl_certfile"),
        keyfile=meant.get("ssl_keyfile"),
    )


def quotes_nothing(error: ValueError) -> bool:
    """Whether an error has only texts that no URL can change, but for schemes and names of parameters."""
    names = {**PARAMETERS, **SENTINEL_PARAMETERS, **TLS_PARAMETERS}
    name, scheme = f"(?:{'|'.join(names)})", r"rediss?(?:\+sentinel|\+cluster)?://"
    escapes = re.escape(FORM.rpartition("; ")[2])
    texts = [
        re.escape(FORM),
        re.escape(ONLY_DATABASE_0),
        rf"must be {scheme}\[user:password@\]host:port,…(?:/name/0)? with at most 64 [A-Za-z0-9 .,_;-]+; {escapes}",
        rf"{name} needs (?:a connection with TLS|Sentinels) \({scheme}\)",
        rf"{name} must not switch verification off: the server's certificate and name are always checked",
        rf"its parameters must be among {name}(?:, {name})*",
        rf"its {name} is invalid or given twice",
    ]
    return error.__context__ is None and any(re.fullmatch(text, str(error)) for text in texts)
