"""Messages between supervisor and worker."""

from sse_hub.config import Config
from sse_hub.http.peers import WorkerId
from sse_hub.server.worker import EXITED, FINISH, decode_start, encode_message, encode_start


def test_settings_reach_a_worker_unchanged() -> None:
    config = Config.read({"ingest": "a.* b", "redis_url": "redis://:pässword@host:1/0", "drain_seconds": "7"}, {})
    worker = WorkerId(1, 2, counters=5, inbox=6, outboxes=(7, 8))

    line = encode_start(config, 12, worker)

    assert line.index(b"\n") == len(line) - 1
    assert decode_start(line) == (config, 12, worker)


def test_each_message_to_the_supervisor_is_one_line() -> None:
    assert (encode_message(FINISH), encode_message(EXITED, "ab12")) == (b"finish \n", b"exited ab12\n")
