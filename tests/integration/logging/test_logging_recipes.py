"""The Python recipes of docs/publishers.md, each run unchanged in its own program."""

import json
import re
import sys
from pathlib import Path

import pytest

from sse_hub.formats.levels import ERROR, INFO
from sse_hub.formats.reader import read_line
from tests.support.logging_programs import published_lines, run_python
from tests.support.servers import RedisServer, free_port
from tests.support.settings import DEADLINE_SECONDS, ROOT

DOCUMENT = (ROOT / "docs" / "publishers.md").read_text()
RECIPES = dict(re.findall(r"<!-- recipe: (\w+) -->\n```python\n(.*?)```", DOCUMENT, re.DOTALL))

# What each program does after the recipe.
USES = {
    "logging": 'logging.getLogger("shop").info("done", extra={"user": "ana"})',
    "dictconfig": 'logging.getLogger("shop").info("done", extra={"user": "ana"})',
    "loguru": """
logger.bind(user="ana").info("done")
try:
    1 / 0
except ZeroDivisionError:
    logger.exception("failed")
""",
    "structlog": """
structlog.get_logger("shop").info("done", user="ana")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("shop").exception("failed")
""",
    "flask": """
@app.get("/")
def index():
    app.logger.info("done", extra={"user": "ana"})
    return "", 204

assert app.test_client().get("/").status_code == 204
""",
    "django": """
from django.conf import settings
settings.configure(LOGGING=LOGGING, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
import django
django.setup()
urlpatterns = []
from django.test import Client
assert Client().get("/nowhere").status_code == 404
logging.getLogger("shop").info("done", extra={"user": "ana"})
""",
}


# Configuration files, by the function that gunicorn and uvicorn pass them to.
FILES = dict(re.findall(r"<!-- recipe: (gunicorn|uvicorn) -->\n```\w+\n(.*?)```", DOCUMENT, re.DOTALL))
READERS = {
    "gunicorn": "logging.config.fileConfig(sys.argv[1], disable_existing_loggers=False)",
    "uvicorn": "logging.config.dictConfig(json.load(open(sys.argv[1])))",
}


def lines_of(recipe: str, server: RedisServer, channel: str, more: str = "") -> list[dict[str, object]]:
    code = RECIPES[recipe].replace("redis://127.0.0.1:6379/0", server.publisher_url).replace('"app"', f'"{channel}"')
    with published_lines(server, channel) as lines:
        run_python(code + (more or USES[recipe]))
    return lines


def test_every_logging_recipe_is_tested() -> None:
    assert RECIPES.keys() == USES.keys() | {"sanic", "celery"}


@pytest.mark.parametrize("recipe", USES)
def test_each_recipe_publishes_messages_with_their_fields(recipe: str, server: RedisServer, channel: str) -> None:
    lines = lines_of(recipe, server, channel)

    done = [line for line in lines if line["message"] == "done"]
    assert [(line["user"], line["level"]) for line in done] == [("ana", "info")]
    (record,) = [read_line(json.dumps(line)) for line in done]
    assert (record.message, record.level, record.fields["user"]) == ("done", INFO, "ana")
    assert record.time
    assert record.time.zoned
    assert record.logger


@pytest.mark.parametrize("recipe", ["loguru", "structlog"])
def test_each_recipe_publishes_tracebacks(recipe: str, server: RedisServer, channel: str) -> None:
    lines = lines_of(recipe, server, channel)

    (failed,) = [line for line in lines if line["message"] == "failed"]
    assert "ZeroDivisionError" in str(failed["exception"])
    record = read_line(json.dumps(failed))
    assert record.error
    assert (record.message, record.level, record.error.type) == ("failed", ERROR, "ZeroDivisionError")


@pytest.mark.parametrize("program", READERS)
def test_the_recipes_for_gunicorn_and_uvicorn_publish_the_servers_lines_and_the_apps(
    program: str, server: RedisServer, channel: str, tmp_path: Path
) -> None:
    """G2."""
    file = tmp_path / "logging"
    text = FILES[program].replace("redis://127.0.0.1:6379/0", server.publisher_url).replace('"app"', f'"{channel}"')
    file.write_text(text)
    # gunicorn's loggers don't propagate before it reads its file.
    code = f"""
import json, logging.config, sys
names = [{program!r} + ".error", {program!r} + ".access"]
if {program!r} == "gunicorn":
    for name in names:
        logging.getLogger(name).propagate = False
{READERS[program]}
for name in [*names, "shop"]:
    logging.getLogger(name).info("done %s", 1, extra={{"user": "ana"}})
"""
    with published_lines(server, channel) as lines:
        run_python(code, str(file))

    names = [f"{program}.error", f"{program}.access", "shop"]
    assert [(each["logger"], each["message"], each["user"]) for each in lines] == [
        (name, "done 1", "ana") for name in names
    ]


def test_the_django_recipe_publishes_requests(server: RedisServer, channel: str) -> None:
    lines = lines_of("django", server, channel)

    (line,) = [line for line in lines if line["logger"] == "django.request"]
    assert (line["message"], line["status_code"]) == ("Not Found: /nowhere", 404)


def test_the_sanic_recipe_publishes_sanics_own_loggers(server: RedisServer, channel: str) -> None:
    port = free_port()
    more = f"""
import asyncio, urllib.request
from sanic.response import text

@app.get("/")
async def index(request):
    return text("hi")

async def ask(app):
    await asyncio.to_thread(lambda: urllib.request.urlopen("http://127.0.0.1:{port}/").read())
    app.stop()

@app.after_server_start
async def begin(app):
    app.add_task(ask(app))

app.run(port={port}, single_process=True, access_log=True, motd=False)
"""
    lines = lines_of("sanic", server, channel, more)

    assert {"sanic.root", "sanic.access"} <= {str(line["logger"]) for line in lines}
    assert [line["status"] for line in lines if line["logger"] == "sanic.access"] == [200]


def test_the_celery_recipe_publishes_what_tasks_log(server: RedisServer, channel: str, tmp_path: Path) -> None:
    code = RECIPES["celery"].replace("redis://127.0.0.1:6379/0", server.url).replace('"app"', f'"{channel}"')
    (tmp_path / "jobs.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}"
        """
import logging

@app.task
def work(n):
    logging.getLogger("shop").info("done", extra={"n": n})
    if n == 4:
        app.control.shutdown()
"""
    )
    run = f"""
import os, subprocess, sys
os.chdir({str(tmp_path)!r})
sys.path.insert(0, "")
from jobs import work
for n in range(5):
    work.delay(n)
command = [{sys.executable!r}, "-m", "celery", "-A", "jobs", "worker", "-c", "2", "--loglevel", "info"]
subprocess.run(command, check=True, capture_output=True, timeout={DEADLINE_SECONDS})
"""
    with published_lines(server, channel) as lines:
        run_python(run)

    assert sorted(json.dumps(line["n"]) for line in lines if line["message"] == "done") == list("01234")
