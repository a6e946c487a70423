"""Messages between supervisor and worker."""

from sse_hub.config import Config
from sse_hub.http.peers import WorkerId
from sse_hub.server.worker import GONE, HURRY, decode_start, encode_message, encode_start


def test_settings_reach_a_worker_unchanged() -> None:
    config = Config.read({"ingest": "a.* b", "redis_url": "redis://:pässword@host:1/0", "drain_seconds": "7"}, {})

    line = encode_start(config, 12, WorkerId(1, 2, "/folder"))

    assert line.index(b"\n") == len(line) - 1
    assert decode_start(line) == (config, 12, WorkerId(1, 2, "/folder"))


def test_each_message_to_the_supervisor_is_one_line() -> None:
    assert (encode_message(HURRY), encode_message(GONE, "ab12")) == (b"hurry \n", b"gone ab12\n")
