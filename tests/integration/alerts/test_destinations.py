"""What destinations connect to, what they send there, and what nobody may learn of them."""

import base64
import logging
import re
import socket
import ssl
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.alert_outbox import LEASE, hook, marked, put, until
from tests.support.alert_receiver import AlertReceiver, alert_receiver
from tests.support.certificates import make_certificates
from tests.support.sending_program import sending
from tests.support.servers import RedisServer

HIDDEN = "hush-hush"
HOSTILE = [
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://0x7f000001:{port}/", "http://2130706433:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://localhost:{port}/", "http://user:hush-hush@127.0.0.1:{port}/",
    "http://rebinding.example:{port}/",
]  # fmt: skip


def lead_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, the name rebinding.example leads there."""
    resolve = socket.getaddrinfo

    def attacked(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return resolve("127.0.0.1" if name == "rebinding.example" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", attacked)


@pytest.mark.parametrize("kind", ["webhook", "apprise"])
async def test_no_form_of_a_private_address_is_connected_to(
    module_server: RedisServer, outbox: redis.Redis, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name leads to loopback, as a name of an attacker may, whoever asks and whenever."""
    resolve = socket.getaddrinfo

    def attacked(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve(
            "127.0.0.1" if host in ("rebinding.example", b"rebinding.example") else host, *arguments, **options
        )

    monkeypatch.setattr(socket, "getaddrinfo", attacked)
    with alert_receiver() as receiver:
        urls = [each.format(port=receiver.port) for each in HOSTILE]
        if kind == "apprise":
            # Of the others, Apprise itself takes none for a host.
            urls = [
                each.replace("http://", "json://") for each in urls if re.search("//(127[.]0|local|user|reb)", each)
            ]
        tables = {f"d{at}": {"kind": kind, "url": url} for at, url in enumerate(urls)}
        put(outbox, to=tuple(tables))
        async with sending(module_server.url, LEASE, tables) as (_, counters, _):
            await until(lambda: sum(counters.alert_failures.values()) == len(urls), "each has been tried")
            await until(lambda: all("allow_private" in marked(outbox, name) for name in tables), "each has this error")

    assert receiver.requests == []


def tried(name: str, sent: Counter[str], failed: Counter[str]) -> bool:
    """Whether a destination has taken or refused an alert."""
    return sent[name] + failed[name] > 0


async def test_services_get_what_they_expect_and_nobody_else_learns_the_secrets(
    module_server: RedisServer, outbox: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with alert_receiver() as receiver:
        receiver.answers += [(200, {})] * 3
        receiver.answers += [(403, {})]
        at = f"127.0.0.1:{receiver.port}"
        urls = {
            "ntfy": f"ntfy://user:{HIDDEN}@{at}/topic-{HIDDEN}",
            "chat": f"mmost://{at}/{HIDDEN.replace('-', '')}aaaaaaaaaaaa",
            "json": f"json://user:{HIDDEN}@{at}/{HIDDEN}?redirect=yes",
            "hook": f"http://user:{HIDDEN}@{at}/{HIDDEN}?key={HIDDEN}",
        }
        for name, url in urls.items():
            kind = "webhook" if name == "hook" else "apprise"
            table = {"kind": kind, "url": url, "allow_private": True}
            put(outbox, to=(name,), text="<b>@everyone</b> <!channel> declined")
            async with sending(module_server.url, LEASE, {name: table}) as (sender, counters, _):
                tries = counters.alerts_sent, counters.alert_failures
                await until(partial(tried, name, *tries), "it is tried")
                states = await sender.states()
                assert HIDDEN not in f"{states} {sender!r} {vars(sender)}"

    ntfy, chat, custom, webhook = receiver.requests
    assert (ntfy.json["topic"], ntfy.json["title"]) == (f"topic-{HIDDEN}", "pay")
    assert "declined" in chat.json["text"] and "@everyone" not in chat.json["text"]
    assert "<!channel>" not in chat.json["text"]
    assert custom.json["message"].endswith("declined") and custom.json["title"] == "pay"
    assert webhook.headers["authorization"] == "Basic " + base64.b64encode(f"user:{HIDDEN}".encode()).decode()
    assert HIDDEN not in caplog.text


async def test_a_certificate_must_be_that_of_the_name_though_an_address_is_connected_to(
    module_server: RedisServer, outbox: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is good for the address, too: that does not count."""
    make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    lead_to_loopback(monkeypatch)
    receiver = AlertReceiver(tls=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
    assert receiver.tls
    receiver.tls.load_cert_chain(tmp_path / "server.pem")
    tables = {name: hook(f"https://{name}:{receiver.port}/") for name in ("localhost", "rebinding.example")}
    tables = {name.partition(".")[0]: table for name, table in tables.items()}
    with receiver.listening():
        put(outbox, to=tuple(tables))
        async with sending(module_server.url, LEASE, tables) as (_, counters, _):
            await until(partial(tried, "rebinding", counters.alerts_sent, counters.alert_failures), "one is tried")
            await until(partial(tried, "localhost", counters.alerts_sent, counters.alert_failures), "both are tried")
            await until(lambda: "Its certificate is not" in marked(outbox, "rebinding"), "its error is marked")

    assert [each.headers["host"] for each in receiver.requests] == [f"localhost:{receiver.port}"]


async def test_a_service_that_hangs_is_left_alone_until_it_has_ended(
    module_server: RedisServer, outbox: redis.Redis
) -> None:
    """A thread can't be ended, and never are there two of one destination."""
    with alert_receiver() as receiver:
        receiver.answers = [(0, {})]
        url = f"json://127.0.0.1:{receiver.port}/"
        tables = {"ops": {"kind": "apprise", "url": url, "allow_private": True, "timeout": "1s"}}
        put(outbox)
        async with sending(module_server.url, LEASE, tables) as (_, counters, _):
            await until(lambda: "has not ended" in marked(outbox, "ops"), "it is not given another one")
            assert len(receiver.requests) == 1
            await until(lambda: counters.alerts_sent["ops"] == 1, "it is tried again")

    assert len(receiver.requests) == 2
