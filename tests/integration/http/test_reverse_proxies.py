"""The configurations in docs/proxies with Debian's proxies: lines pass at once, streams resume and share HTTP/2."""

import asyncio
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import psutil
import pytest

from sse_hub.tasks import cancel_and_wait
from tests.support.certificates import make_certificates
from tests.support.http_client import post
from tests.support.malformed_requests import malformed
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, ROOT
from tests.support.waiting import wait_until

TABS = 8
AT_ONCE_SECONDS = 1.0 * PATIENCE
SPELLINGS = ["/metrics", "/metrics?x", "/metrics/", "/metrics//?x", "//metrics", "/%6detrics", "/%2fmetrics/"]


class Proxy(NamedTuple):
    """A running proxy in front of the hub."""

    url: str
    authority: Path

    def curl(self, *words: str) -> list[str]:
        """A curl command that trusts the proxy's certificate and ignores proxy settings of the environment."""
        return ["curl", "-sSN", "--http2", "--cacert", str(self.authority), "--noproxy", "*", *words]

    def status(self, path: str) -> str:
        """The HTTP version and status of a GET for `path`, which is sent unchanged."""
        words = ("-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--path-as-is")
        asked = self.curl(*words, self.url + path)
        return subprocess.run(asked, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False).stdout


def manual(name: str) -> str:
    return (ROOT / "docs" / "proxies" / name).read_text()


def nginx(folder: Path, port: int, hub: HubProcess) -> list[str]:
    text = manual("nginx.conf").replace("listen 443", f"listen 127.0.0.1:{port}").replace(":8091", f":{hub.port}")
    text = text.replace("/etc/ssl/logs.example", str(folder / "server"))
    temporary = "".join(
        f"{each}_temp_path {folder}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}"
    (folder / "nginx.conf").write_text(f"{head}{text}}}\n")
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, hub: HubProcess) -> list[str]:
    text = manual("Caddyfile").replace(":8091", f":{hub.port}")
    named = f"https://localhost:{port} {{\n\ttls {folder}/server.crt {folder}/server.key\n"
    settings = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    (folder / "Caddyfile").write_text(settings + text.replace("logs.example {\n", named))
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def haproxy(folder: Path, port: int, hub: HubProcess) -> list[str]:
    text = manual("haproxy.cfg").replace("bind :443", f"bind 127.0.0.1:{port}").replace(":8091", f":{hub.port}")
    # One hub runs here; the second one of the manual is never up.
    text = text.replace("/etc/ssl/logs.example.pem", str(folder / "server.pem")).replace(":8092", f":{free_port()}")
    (folder / "haproxy.cfg").write_text(text)
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


@contextmanager
def running(make: Callable[[Path, int, HubProcess], list[str]], folder: Path, hub: HubProcess) -> Iterator[Proxy]:
    make_certificates(folder)
    port = free_port()
    command = make(folder, port, hub)
    # Debian installs some of them in directories that are only on root's PATH.
    found = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{command[0]} is missing: `make test` installs it on Debian"
    said = folder / "said"
    with said.open("wb") as output:
        environ = {**os.environ, "HOME": str(folder)}
        process = subprocess.Popen([found, *command[1:]], stdout=output, stderr=output, env=environ)
    try:
        proxy = Proxy(f"https://localhost:{port}", folder / "ca.crt")

        def ready() -> bool:
            assert process.poll() is None, said.read_text()
            return proxy.status("/health/ready") == "2 200"

        wait_until(ready, f"{command[0]} answers")
        yield proxy
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module", params=[nginx, caddy, haproxy], ids=lambda make: str(make.__name__))
def proxy(request: pytest.FixtureRequest, hub: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    hub.wait_recording()
    with running(request.param, tmp_path_factory.mktemp(request.param.__name__), hub) as proxy:
        yield proxy


def test_a_proxy_passes_lines_at_once_and_a_stream_resumes_through_it(
    proxy: Proxy, server: RedisServer, hub: HubProcess, channel: str
) -> None:
    stream = subprocess.Popen(proxy.curl(f"{proxy.url}/message?channel={channel}"), stdout=subprocess.PIPE, text=True)
    assert stream.stdout
    try:
        first_id = next(line for line in stream.stdout if line.startswith("id:"))[3:].strip()
        assert next(line for line in stream.stdout if line.startswith("data:")) == "data: {}\n"
        published = time.monotonic()
        with server.client() as client:
            client.publish(channel, '{"n": 1}')
        assert next(line for line in stream.stdout if line.startswith("data:")) == 'data: {"n": 1}\n'
        assert time.monotonic() - published < AT_ONCE_SECONDS
    finally:
        stream.kill()
        stream.communicate()

    post(hub, channel, b'{"n": 2}')
    asked = proxy.curl("-H", f"Last-Event-ID: {first_id}", f"{proxy.url}/message?channel={channel}")
    stream = subprocess.Popen(asked, stdout=subprocess.PIPE, text=True)
    assert stream.stdout
    try:
        data = (json.loads(line[5:]) for line in stream.stdout if line.startswith("data:"))
        assert [next(data), next(data), next(data)] == [{}, {"n": 1}, {"n": 2}]
    finally:
        stream.kill()
        stream.communicate()


def test_eight_tabs_share_one_http2_connection_to_the_proxy(
    proxy: Proxy, server: RedisServer, channel: str, tmp_path: Path
) -> None:
    outputs = [tmp_path / str(tab) for tab in range(TABS)]
    words = [word for each in outputs for word in ("-o", str(each), f"{proxy.url}/message?channel={channel}")]
    tabs = subprocess.Popen(proxy.curl("--parallel", "--parallel-max", str(TABS), *words))
    try:

        def all_have(text: str) -> Callable[[], bool]:
            return lambda: all(each.exists() and text in each.read_text() for each in outputs)

        wait_until(all_have("id: "), "all tabs have their stream")
        with server.client() as client:
            client.publish(channel, '{"n": 1}')
        wait_until(all_have('data: {"n": 1}'), "all tabs have the line")
        connections = psutil.Process(tabs.pid).net_connections("tcp")
        assert len([each for each in connections if each.status == psutil.CONN_ESTABLISHED]) == 1
    finally:
        tabs.kill()
        tabs.wait()


def test_a_proxy_without_a_ready_hub_tells_streams_to_retry(own_server: RedisServer, tmp_path: Path) -> None:
    """The response must come from the hub: on HAProxy's own 503, an `EventSource` would give up for good."""
    with hub_process(own_server.url) as hub, running(haproxy, tmp_path, hub) as proxy:
        own_server.freeze()
        try:
            wait_until(lambda: hub.status("/health/ready") == 503, "the hub is not ready")
            # HAProxy needs three failed checks, one per second.
            deadline = time.monotonic() + 5.0
            while time.monotonic() < deadline:
                assert proxy.status("/message?channel=log") == "2 200"
        finally:
            own_server.thaw()


async def test_no_form_makes_a_request_that_the_proxy_has_not_seen(
    proxy: Proxy, server: RedisServer, channel: str
) -> None:
    """R6: each response that a client gets is that to its own request, however many the proxy sees in its bytes."""
    context = ssl.create_default_context(cafile=str(proxy.authority))

    async def send(request: bytes, received: bytearray) -> None:
        """Send `request`, and read until the connection ends."""
        reader, writer = await asyncio.open_connection("localhost", int(proxy.url.rpartition(":")[2]), ssl=context)
        try:
            writer.write(request)
            with suppress(OSError):
                while data := await reader.read(65_536):
                    received += data
        finally:
            writer.transport.abort()

    async def others(number: int) -> list[bytearray]:
        """The responses to two requests on the connections that the proxy keeps open to the hub."""
        after = b"GET /history?channel=after.%d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % number
        answers = [bytearray(), bytearray()]
        async with asyncio.timeout(DEADLINE_SECONDS):
            for answer in answers:
                await send(after, answer)
        return answers

    names, answers, sending = list(malformed(b"")), {}, []
    for number, name in enumerate(names):
        inner = f"POST /publish?channel={channel}.{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}"
        answers[name] = bytearray()
        sending.append(asyncio.create_task(send(malformed(inner.encode())[name].request, answers[name])))
    found = await asyncio.gather(*map(others, range(len(names))))

    with server.client() as client:

        def all_told() -> bool:
            recorded = [client.xlen(f"sse-hub:log:{channel}.{number}") for number in range(len(names))]
            return recorded == [answer.count(b'"published":') for answer in answers.values()]

        # A proxy that sees two requests, each by its own reading, passes on two, and two responses.
        await asyncio.to_thread(wait_until, all_told, "each recorded line has its response")
    for name, pair in zip(names, found, strict=True):
        assert all(each.startswith(b"HTTP/1.1 200") and b'"lines":' in each for each in pair), (name, pair)
    await cancel_and_wait(sending)


@pytest.mark.parametrize("path", SPELLINGS)
def test_the_proxy_does_not_expose_metrics(proxy: Proxy, path: str) -> None:
    """However the path is spelled: the hub must not serve a spelling that the proxy does not recognize."""
    assert proxy.status(path) == "2 403"


def test_the_check_finds_a_proxy_that_buffers_streams(
    server: RedisServer, hub: HubProcess, tmp_path: Path, channel: str
) -> None:
    """nginx with buffering forced on against the hub's headers, as by somebody who has not read the manual."""

    def careless(folder: Path, port: int, hub: HubProcess) -> list[str]:
        command = nginx(folder, port, hub)
        file = folder / "nginx.conf"
        slow = 'proxy_ignore_headers X-Accel-Buffering;\nproxy_buffering on;\nproxy_set_header Last-Event-ID "";\n'
        file.write_text(file.read_text().replace("client_max_body_size", slow + "client_max_body_size"))
        return command

    with running(careless, tmp_path, hub) as proxy:
        words = ["--redis-url", server.url, "--url", proxy.url, "--channel", channel]
        environ = {**os.environ, "SSL_CERT_FILE": str(proxy.authority)}
        checked = subprocess.run(
            [sys.executable, "-m", "sse_hub.cli", "check", *words],
            cwd=ROOT, env=environ, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
        )  # fmt: skip

    assert checked.returncode == 1, checked.stdout
    grades = {line[5:23].strip(): line[:4].strip() for line in checked.stdout.splitlines()}
    assert {what for what, grade in grades.items() if grade == "BAD"} == {"buffering"}, checked.stdout


def test_the_hub_works_below_a_path_of_a_proxy(hub: HubProcess, tmp_path: Path) -> None:
    """F10: with the recipe of operations.md, every redirect, link and file of the page is below the path."""
    recipe = (ROOT / "docs" / "operations.md").read_text().partition("<!-- proxy: a path -->\n```nginx\n")[2]
    rules = recipe.partition("```")[0].replace(":8091", f":{hub.port}")

    def below_a_path(folder: Path, port: int, hub: HubProcess) -> list[str]:
        command = nginx(folder, port, hub)
        file = folder / "nginx.conf"
        file.write_text(file.read_text().replace("    location / {", f"{rules}\n    location / {{"))
        return command

    def fetched(proxy: Proxy, path: str) -> str:
        asked = proxy.curl("-L", "-o", str(tmp_path / "body"), "-w", "%{http_code} %{url_effective}", proxy.url + path)
        return subprocess.run(asked, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False).stdout

    with running(below_a_path, tmp_path, hub) as proxy:
        for path in ("/logs/", "/logs"):
            assert fetched(proxy, path) == f"200 {proxy.url}/logs/index"
        links = re.findall(r"""(?:href|src)="([^"#]+)\"""", (tmp_path / "body").read_text())
        fetched(proxy, "/logs/docs")
        links += re.findall(r"""(?:href|src)="([^"#]+)\"""", (tmp_path / "body").read_text())
        for link in links:
            if "://" not in link:
                assert fetched(proxy, urljoin("/logs/index", link)).startswith("200 "), link
        assert fetched(proxy, "/logs/metrics").startswith("403 ")
    assert len(links) > 5


def test_the_manual_names_each_proxy_configuration() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()

    for file in (ROOT / "docs" / "proxies").iterdir():
        assert f"(proxies/{file.name})" in text
