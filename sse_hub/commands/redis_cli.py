"""
A `redis-cli` command for a person to copy. Pure.

    URL of a Redis, channel, line --> publish_command() --> redis-cli -h … --tls … PUBLISH log '…'
"""

import shlex
from typing import Any

from redis.asyncio.connection import parse_url

USUAL_PORT = 6379
LOCAL = ("127.0.0.1", "localhost", "::1")
# https://redis.io/docs/latest/develop/tools/cli/#ssltls
TLS_OPTIONS = {"ssl_ca_certs": "--cacert", "ssl_certfile": "--cert", "ssl_keyfile": "--key"}


def publish_command(url: str, channel: str, line: str) -> str:
    """
    The command that publishes `line` through the Redis at `url`, which must be valid.

    It never has the password: redis-cli asks for it. A database is left out, because channels belong to none.
    """
    options: dict[str, Any] = dict(parse_url(url))
    words = ["redis-cli"]
    if "path" in options:
        words += ["-s", str(options["path"])]
    else:
        host, port = str(options.get("host", "localhost")), int(options.get("port", USUAL_PORT))
        # A certificate is for a name, which must be the one in the URL.
        words += ["-h", host] if host not in LOCAL or url.startswith("rediss://") else []
        words += ["-p", str(port)] if port != USUAL_PORT else []
    if url.startswith("rediss://"):
        words.append("--tls")
        for name, option in TLS_OPTIONS.items():
            words += [option, str(options[name])] if options.get(name) else []
    if options.get("password"):
        words += ["--user", str(options["username"])] if options.get("username") else []
        words.append("--askpass")
    return shlex.join([*words, "PUBLISH", channel, line])
