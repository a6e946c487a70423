"""The redis-cli command that a starting hub shows: it must lead to the Redis that the hub uses."""

import subprocess
from pathlib import Path

import pytest

from sse_hub.commands.redis_cli import publish_command
from tests.support.certificates import make_certificates
from tests.support.servers import free_port, redis_server


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("redis://127.0.0.1:6379/0", ""),
        ("redis://localhost/", ""),
        ("redis://127.0.0.1:6380/7", " -p 6380"),
        ("redis://redis.example", " -h redis.example"),
        ("redis://[::1]:6379/0", ""),
        ("redis://[fd00::7]:6400/0", " -h fd00::7 -p 6400"),
        ("redis://:p%40ss@127.0.0.1:6379/0", " --askpass"),
        ("redis://hub:p%40ss@127.0.0.1:6379/0", " --user hub --askpass"),
        ("redis://127.0.0.1:6379/0?username=hub&password=x", " --user hub --askpass"),
        ("rediss://localhost:6390/0", " -h localhost -p 6390 --tls"),
        (
            "rediss://redis.example/0?ssl_ca_certs=/etc/own%20ca.crt",
            " -h redis.example --tls --cacert '/etc/own ca.crt'",
        ),
        (
            "rediss://hub:x@redis.example/0?ssl_certfile=/c.crt&ssl_keyfile=/c.key",
            " -h redis.example --tls --cert /c.crt --key /c.key --user hub --askpass",
        ),
        ("redis+cluster://127.0.0.1:6379,n2", " -c"),
        ("redis+cluster://hub:x@n1:7000,n2:7001/0", " -c -h n1 -p 7000 --user hub --askpass"),
        ("rediss+cluster://[::1]:7000?ssl_ca_certs=/ca.crt", " -c -h ::1 -p 7000 --tls --cacert /ca.crt"),
        ("unix:///run/redis/redis.sock", " -s /run/redis/redis.sock"),
        ("unix://hub:x@/run/my%20redis.sock?db=3", " -s '/run/my redis.sock' --user hub --askpass"),
    ],
)  # fmt: skip
def test_the_command_to_try_leads_to_the_redis_of_the_hub_and_shows_no_password(url: str, options: str) -> None:
    """I10: for a Unix socket, TLS or a password it led elsewhere, or nowhere."""
    assert publish_command(url, "log", '{"info": "it\'s"}') == f"redis-cli{options} PUBLISH log " + (
        """'{"info": "it'"'"'s"}'"""
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis+sentinel://s1,s2:26380/main/3", "redis+sentinel://s1,s2:26380/main/3"),
        ("redis+sentinel://[::1]/main", "'redis+sentinel://[::1]/main'"),
        ("rediss+sentinel://s1/main?ssl_ca_certs=/a$b", "'rediss+sentinel://s1/main?ssl_ca_certs=/a$b'"),
        ("redis+sentinel://hub:x@s1/main", '"$REDIS_URL"'),
        ("redis+sentinel://s1/main?sentinel_password=x", '"$REDIS_URL"'),
    ],
)
def test_the_command_to_try_asks_sentinels_for_the_server_and_shows_no_password(url: str, shown: str) -> None:
    assert publish_command(url, "log", '{"a": 1}') == f"sse-hub publish --redis-url {shown} log '{{\"a\": 1}}'"


def test_the_command_to_try_works_with_a_node_of_a_cluster() -> None:
    with redis_server(options=("--cluster-enabled", "yes", "--cluster-port", str(free_port()))) as server:
        command = publish_command(f"redis+cluster://127.0.0.1:{server.port}", "log", "hello")
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("0\n", "")


def test_the_command_to_try_works_over_tls_and_over_a_unix_socket(tmp_path: Path) -> None:
    """I10."""
    make_certificates(tmp_path)
    port, path = free_port(), tmp_path / "redis.sock"
    files = f"--tls-cert-file {tmp_path}/server.crt --tls-key-file {tmp_path}/server.key"
    tls = f"--tls-port {port} {files} --tls-auth-clients no"
    options = (*tls.split(), "--unixsocket", str(path))
    with redis_server(options=options):
        for url in (f"rediss://localhost:{port}/0?ssl_ca_certs={tmp_path}/ca.crt", f"unix://{path}?db=2"):
            command = publish_command(url, "log", "hello")
            done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
            assert (done.stdout, done.stderr) == ("0\n", "")
