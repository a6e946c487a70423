"""
Fan-out: N subscribers of one channel, R lines a second; what it costs the hub, and how late lines arrive.

    publisher (this process) --> Redis --> hub process --> N sockets --> reader process: counts frames, samples delays

    python bench/fanout.py --subscribers 1000 --rate 1000 --seconds 10

Every subscriber must get every line: frames are counted on every connection, the last line's number is read on each.
Delays are sampled on one connection in fifty, from the time the publisher wrote into the line (one clock, one machine).
"""

import argparse
import json
import multiprocessing
import os
import re
import selectors
import socket
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import redis

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.rig import hub_process, redis_server, valkey_binary

CHANNEL = "bench"
SAMPLED = 50
SENT_AT = re.compile(rb'"t": (\d+)')
FRAME = b"\nevent: message\n"
NUMBER = re.compile(rb'"n": (\d+)')
PATIENCE_SECONDS = 30


class Reader:
    """One connection. `frames` counts lines; chunk borders are counted across by keeping the end of the last read."""

    def __init__(self, port: int, sampled: bool) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(f"GET /message?channel={CHANNEL} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        self.frames = 0
        self.last = -1
        self.delays_ms: list[float] = []
        self._sampled = sampled
        self._rest = b""

    def read(self) -> bool:
        """Take what is there; False when the hub has closed the connection."""
        data = self.socket.recv(262_144)
        text = self._rest + data
        self.frames += text.count(FRAME)
        numbers_from = text.rfind(b'"n": ')
        if numbers_from >= 0 and (match := NUMBER.match(text, numbers_from)):
            self.last = int(match[1])
        if self._sampled:
            now = time.time_ns()
            self.delays_ms += [(now - int(sent)) / 1e6 for sent in SENT_AT.findall(text[len(self._rest) :])]
        self._rest = text[-(len(FRAME) - 1) :]
        return bool(data)


def read_all(port: int, subscribers: int, lines: int, pipe: Connection) -> None:
    """The reader process: says "ready" when every stream has begun, then sends what it found."""
    readers = [Reader(port, number % SAMPLED == 0) for number in range(subscribers)]
    for reader in readers:
        reader.read()
    pipe.send("ready")
    selector = selectors.DefaultSelector()
    for reader in readers:
        selector.register(reader.socket, selectors.EVENT_READ, reader)
    missing = subscribers
    deadline = time.monotonic() + PATIENCE_SECONDS + lines
    while missing and time.monotonic() < deadline:
        for key, _ in selector.select(1):
            reader = key.data
            before = reader.last
            if not reader.read():
                selector.unregister(reader.socket)
            if before < lines - 1 <= reader.last:
                missing -= 1
    pipe.send(
        {
            "delivered": sum(reader.frames for reader in readers),
            "complete": sum(reader.frames == lines for reader in readers),
            "delays_ms": sorted(delay for reader in readers for delay in reader.delays_ms),
        }
    )


def publish(port: int, rate: int, lines: int, size: int) -> None:
    """`lines` lines of about `size` bytes at `rate` a second, a pipeline every 5 ms at the most."""
    client = redis.Redis(port=port)
    began = time.monotonic()
    sent = 0
    while sent < lines:
        due = min(lines, int((time.monotonic() - began) * rate) + 1)
        with client.pipeline(transaction=False) as pipeline:
            for number in range(sent, due):
                line = f'{{"t": {time.time_ns()}, "n": {number}, "level": "info", "info": "'
                _ = pipeline.publish(CHANNEL, line + "x" * max(1, size - len(line) - 2) + '"}')
            if due > sent:
                pipeline.execute()
        sent = due
        time.sleep(min(0.005, max(0.0, sent / rate - (time.monotonic() - began))))
    client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0].strip())
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=1000, help="lines a second")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--size", type=int, default=200, help="bytes a line")
    options = parser.parse_args()
    lines = options.rate * options.seconds
    with redis_server(valkey_binary()) as server, hub_process(server.url) as hub:
        process = psutil.Process(hub.process.pid)
        rss_before = process.memory_info().rss
        ours, theirs = multiprocessing.Pipe()
        arguments = (hub.port, options.subscribers, lines, theirs)
        reader = multiprocessing.get_context("spawn").Process(target=read_all, args=arguments)
        reader.start()
        assert ours.recv() == "ready"
        rss_idle = process.memory_info().rss
        cpu_before = sum(process.cpu_times()[:2])
        publish(server.port, options.rate, lines, options.size)
        found = ours.recv()
        cpu = sum(process.cpu_times()[:2]) - cpu_before
        reader.join()
    delays = found.pop("delays_ms")
    percentile = {f"p{p}_ms": round(delays[min(len(delays) - 1, len(delays) * p // 100)], 2) for p in (50, 99)}
    report = {
        "subscribers": options.subscribers,
        "lines_per_second": options.rate,
        "expected": lines * options.subscribers,
        **found,
        "hub_cpu_us_per_delivery": round(cpu * 1e6 / max(1, found["delivered"]), 3),
        **percentile,
        "idle_kb_per_subscriber": round((rss_idle - rss_before) / 1024 / options.subscribers, 1),
        "cores": os.cpu_count(),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
