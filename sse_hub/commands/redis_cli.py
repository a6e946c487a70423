"""
A command that publishes a line, for a person to copy. Pure.

    URL of a Redis, channel, line --> publish_command() --> redis-cli -h … --tls … PUBLISH log '…'
                                                        --> sse-hub publish … log '…'    where Sentinels name the server
"""

import shlex

from sse_hub.redis_url import RedisServers, parse, passwords_in

USUAL_PORT = 6379
LOCAL = ("127.0.0.1", "localhost", "::1")


def publish_command(url: str, channel: str, line: str) -> str:
    """
    The command that publishes `line` through the Redis at `url`, which must be valid.

    It never has a password: redis-cli asks for it. A database is left out, because channels belong to none.
    """
    servers = parse(url)
    if servers.kind == "sentinel":
        # redis-cli does not ask Sentinels. sse-hub doesn't ask for a password: this shell may have the hub's variable.
        shown = '"$REDIS_URL"' if passwords_in(url) else shlex.quote(url)
        return f"sse-hub publish --redis-url {shown} {shlex.join([channel, line])}"
    return shlex.join(["redis-cli", *_connection(servers), "PUBLISH", channel, line])


def _connection(servers: RedisServers) -> list[str]:
    words = ["-c"] if servers.kind == "cluster" else []
    if servers.path is not None:
        words += ["-s", servers.path]
    else:
        # Any node of a cluster passes the line on to all.
        host, port = servers.hosts[0]
        # A certificate is for a name, which must be the one in the URL.
        words += ["-h", host] if host not in LOCAL or servers.tls else []
        words += ["-p", str(port)] if port != USUAL_PORT else []
    if servers.tls:
        words.append("--tls")
        # https://redis.io/docs/latest/develop/tools/cli/#ssltls
        files = (("--cacert", servers.ca_certs), ("--cert", servers.certfile), ("--key", servers.keyfile))
        words += [word for option, file in files if file for word in (option, file)]
    if servers.password:
        words += ["--user", servers.username] if servers.username else []
        words.append("--askpass")
    return words
