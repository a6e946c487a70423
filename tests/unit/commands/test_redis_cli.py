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
        ("unix:///run/redis/redis.sock", " -s /run/redis/redis.sock"),
        ("unix://hub:x@/run/my%20redis.sock?db=3", " -s '/run/my redis.sock' --user hub --askpass"),
    ],
)  # fmt: skip
def test_the_command_to_try_leads_to_the_redis_of_the_hub_and_shows_no_password(url: str, options: str) -> None:
    """I10: for a Unix socket, TLS or a password it led elsewhere, or nowhere."""
    assert publish_command(url, "log", '{"info": "it\'s"}') == f"redis-cli{options} PUBLISH log " + (
        """'{"info": "it'"'"'s"}'"""
    )


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
