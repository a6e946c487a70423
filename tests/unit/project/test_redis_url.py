"""The Redis URL: which ones are accepted, and that no error reveals any part of a password (S19)."""

import traceback
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import ConnectionPool, parse_url

from sse_hub.broker.connect import RedisAddress, command_pool, publisher_connection
from sse_hub.cli import main
from sse_hub.config import Config
from sse_hub.errors import InvalidSetting
from sse_hub.logging import RedisHandler
from sse_hub.redis_url import passwords_in, validate, without_password

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
TAKERS: list[Callable[[str], object]] = [
    validate,
    RedisAddress.parse,
    publisher_connection,
    RedisHandler,
    lambda url: command_pool(url, ConnectionPool),
    lambda url: Config.read({"redis_url": url}, {}),
]
COMMANDS = ["serve", "demo", "check", "canary", "ship x.log", "publish log hello", "docker", "token revoke x.y.z"]


@pytest.mark.parametrize("url", GOOD)
def test_a_redis_url_that_redis_py_understands_is_accepted(url: str) -> None:
    assert validate(url) == url
    assert Config.read({}, {"REDIS_URL": url}).redis_url == url
    assert RedisAddress.parse(url.partition("?ssl_c")[0])


@pytest.mark.parametrize(("url", "pieces"), BROKEN, ids=lambda value: ascii(value)[:60])
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
    for url, pieces in BROKEN:
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

    assert "s3cretpw" not in f"{Config(redis_url=url)} {RedisAddress.parse(url)}"


def test_a_password_in_the_url_parameters_is_hidden_too() -> None:
    url = "redis://hub:one@redis.example/0?username=a&password=tw%6F%2B"

    assert passwords_in(url) == {"one", "tw%6F%2B", "two+"}
    assert without_password(url) == "redis://redis.example/0"
