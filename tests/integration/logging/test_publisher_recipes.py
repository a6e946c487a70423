"""The recipes of docs/publishers.md for other programs, each run unchanged by that program."""

import json
import logging
import logging.handlers
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sse_hub.formats.levels import WARN
from sse_hub.formats.reader import read_line
from tests.support.language_recipes import RECIPES, SNIPPETS
from tests.support.logging_programs import published_lines
from tests.support.programs import node_binary
from tests.support.servers import RedisServer, free_port, redis_server
from tests.support.settings import DEADLINE_SECONDS, STOP_SECONDS
from tests.support.waiting import wait_until

HOSTILE = ('plain "quoted" text', "back\\slash 'and' $(more)", "新增 \t {}", "%s %d")
PINO = '{"level":40,"time":1795233018000,"pid":1,"hostname":"h","user":"ana","msg":"line %d 新增"}'


def shell(command: str, server: RedisServer, channel: str, folder: Path, lines: str = "") -> None:
    """Run a shell recipe with `lines` as the output of ./job.sh."""
    job = folder / "job.sh"
    (folder / "lines").write_text(lines)
    job.write_text("#!/bin/sh\ncat lines\n")
    job.chmod(0o755)
    command = command.replace("redis-cli", f"redis-cli -p {server.port}").replace("PUBLISH app", f"PUBLISH {channel}")
    subprocess.run(["sh", "-c", command], cwd=folder, timeout=DEADLINE_SECONDS, check=True, stdout=subprocess.DEVNULL)


def test_every_recipe_that_the_manual_calls_tested_is_tested() -> None:
    compiled = {snippet for recipe in RECIPES.values() for snippet in recipe.snippets}

    assert SNIPPETS.keys() == {"redis-cli", "sh", "node", "rsyslog"} | compiled


def test_the_redis_cli_recipe_publishes_a_line(server: RedisServer, channel: str, tmp_path: Path) -> None:
    with published_lines(server, channel) as lines:
        shell(SNIPPETS["redis-cli"], server, channel, tmp_path)

    assert lines == [{"level": "warn", "message": "disk is nearly full"}]


def test_the_shell_recipe_publishes_output_unchanged(server: RedisServer, channel: str, tmp_path: Path) -> None:
    texts = [json.dumps({"message": text}, ensure_ascii=False) for text in HOSTILE] * 50

    with published_lines(server, channel) as lines:
        shell(SNIPPETS["sh"], server, channel, tmp_path, "\n".join(texts) + "\n")

    assert [line["message"] for line in lines] == [*HOSTILE] * 50


NODE = """
import transport from "./hub.mjs";
import { readFileSync } from "node:fs";
const [port, channel] = process.argv.slice(2);
const stream = transport({ port: Number(port), channel });
const text = readFileSync("lines", "utf8");
for (let at = 0; at < text.length; at += 1000) stream.write(text.slice(at, at + 1000));
stream.end(() => process.exit(0));
"""


@contextmanager
def node(port: int, channel: str, folder: Path, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """A program that gives the transport `count` lines as pino does: as chunks of text that ignore line ends."""
    (folder / "hub.mjs").write_text(SNIPPETS["node"])
    (folder / "lines").write_text("".join(PINO % number + "\n" for number in range(count)))
    (folder / "app.mjs").write_text(NODE)
    process = subprocess.Popen([node_binary(), "app.mjs", str(port), channel], cwd=folder)
    try:
        yield process
        assert process.wait(DEADLINE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def test_the_node_transport_publishes_what_pino_writes(server: RedisServer, channel: str, tmp_path: Path) -> None:
    with published_lines(server, channel) as lines, node(server.port, channel, tmp_path, 500):
        pass

    assert [line["msg"] for line in lines] == [f"line {number} 新增" for number in range(500)]
    assert {read_line(json.dumps(line)).level for line in lines} == {WARN}


def test_the_node_transport_waits_for_redis(channel: str, tmp_path: Path) -> None:
    port = free_port()
    with redis_server() as server, server.client() as client, published_lines(server, channel) as lines:
        with node(port, channel, tmp_path, 3) as process:
            # Only now does Redis listen on the transport's port, with a subscriber already there.
            client.config_set("port", port)
            assert process.wait(DEADLINE_SECONDS) == 0
        client.config_set("port", server.port)

    assert [line["msg"] for line in lines] == [f"line {number} 新增" for number in range(3)]


@contextmanager
def rsyslogd(server: RedisServer, channel: str, folder: Path) -> Iterator[Path]:
    """rsyslog with the recipe. Yields the socket that it reads from."""
    found = shutil.which("rsyslogd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert found, "rsyslog is missing: `make test` installs it on Debian, with rsyslog-hiredis"
    recipe = SNIPPETS["rsyslog"].replace('"6379"', f'"{server.port}"').replace('key="syslog"', f'key="{channel}"')
    socket, config = folder / "socket", folder / "rsyslog.conf"
    inputs = f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{socket}")\n'
    config.write_text(inputs + recipe)
    process = subprocess.Popen([found, "-n", "-f", str(config), "-i", str(folder / "pid")], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: process.poll() is not None or socket.exists(), "rsyslog listens")
        yield socket
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0
        assert process.stderr and not process.stderr.read()
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def published(server: RedisServer) -> int:
    """The number of lines that Redis has received."""
    with server.client() as client:
        return int(client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"])


def test_the_rsyslog_recipe_publishes_what_is_logged(server: RedisServer, channel: str, tmp_path: Path) -> None:
    before = published(server)
    with published_lines(server, channel) as lines, rsyslogd(server, channel, tmp_path) as socket:
        handler = logging.handlers.SysLogHandler(str(socket))
        handler.ident = "shop: "
        logger = logging.Logger("shop")
        logger.addHandler(handler)
        for text in HOSTILE:
            logger.warning("%s", text)
        handler.close()
        wait_until(lambda: published(server) >= before + len(HOSTILE), "rsyslog has published")

    # rsyslog escapes line breaks and other control characters itself.
    assert [line["message"].strip() for line in lines] == [text.replace("\t", "#011") for text in HOSTILE]
    records = [read_line(json.dumps(line)) for line in lines]
    assert {(record.level, record.logger) for record in records} == {(WARN, "shop")}
    assert all(line["time"] and line["host"] for line in lines)
