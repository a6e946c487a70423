"""
What a Redis may hold for a hub and its publishers, so that no publisher can use up its memory or cut the hub off. Pure.

    --line-bytes, --body-bytes --> redis_limits() --> settings of an embedded server; docs/operations.md lists them
                                                      docker-compose.yml has the same; `sse-hub check` asks for them
"""

MEGABYTE = 1024 * 1024
# A longer argument is a protocol error, and the sender is disconnected. By default the limit is 512 MB, and one line of
# 30 MB exceeds the usual limit of a subscriber's buffer: all hubs are cut off at once.
MAX_VALUE_BYTES = 16 * MEGABYTE
# Of a request that has not been executed yet. The largest is a body of POST /publish.
MAX_REQUEST_BYTES = 64 * MEGABYTE
# A hub reads as fast as it can, but several lines of MAX_VALUE_BYTES can come while it takes one. With the usual 32 MB,
# eight of them cut it off, one after the other from one publisher; with 64 MB they don't.
MIN_BUFFER_BYTES = 64 * MEGABYTE
OUTPUT_BUFFERS = {"pubsub": "256mb 64mb 60", "normal": "128mb 64mb 60"}
MAX_MEMORY = "1gb"
# Full memory is an error that shows in /health/ready, never keys that vanish: the log is worthless with holes in it.
MEMORY_POLICY = "noeviction"


def redis_limits(line_bytes: int, body_bytes: int) -> dict[str, str]:
    """
    The settings of a server, by their names in redis.conf, for a hub that takes lines of `line_bytes` and bodies of
    `body_bytes`.

    What they mean: https://redis.io/docs/latest/operate/oss_and_stack/reference/clients/ and the comments in
    https://raw.githubusercontent.com/redis/redis/7.2/redis.conf.
    """
    return {
        "proto-max-bulk-len": _megabytes(max(MAX_VALUE_BYTES, line_bytes)),
        # Each line of a body takes a few bytes more as an argument of a script.
        "client-query-buffer-limit": _megabytes(max(MAX_REQUEST_BYTES, 2 * body_bytes)),
        "client-output-buffer-limit": " ".join(f"{kind} {limit}" for kind, limit in OUTPUT_BUFFERS.items()),
        "maxmemory": MAX_MEMORY,
        "maxmemory-policy": MEMORY_POLICY,
    }


def _megabytes(size: int) -> str:
    return f"{-(-size // MEGABYTE)}mb"
