"""The OpenAPI document describes all routes with their parameters."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

import sse_hub
from sse_hub.alerts.rule import CONDITIONS, DEFAULT_TEXT, MAX_BY, MAX_COUNT, MEMBERS
from sse_hub.alerts.template import MAX_TEMPLATE_CHARACTERS
from sse_hub.history.export import FORMATS, format_of
from sse_hub.history.query import MAX_LINES
from sse_hub.http.parameters import MAX_FILTER_CHARACTERS, MAX_ID_CHARACTERS, MAX_TAIL
from sse_hub.http.routes.channels import MAX_PATTERNS
from sse_hub.http.routes.history import DEFAULT_LIMIT
from sse_hub.http.routes.message import MAX_RATE
from sse_hub.http.routes.openapi import document, render_page
from sse_hub.http.routes.search import MAX_TEXT_CHARACTERS
from sse_hub.http.routes.stats import DEFAULT_SINCE, DEFAULT_TOP, MAX_FIELD_CHARACTERS, MAX_TOP
from sse_hub.hub.hub import HEARTBEAT_SECONDS
from sse_hub.protocol.selection import MAX_CHANNELS
from tests.support.hub_app import hub_app

DOCUMENT = document()
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (each for name, each in part.items() if name == "$ref")
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def parameters(path: str, method: str = "get") -> dict[str, dict[str, Any]]:
    found = {}
    for each in DOCUMENT["paths"][path][method].get("parameters", ()):
        resolved = DOCUMENT["components"]["parameters"][each["$ref"].split("/")[-1]] if "$ref" in each else each
        found[resolved["name"]] = resolved["schema"]
    return found


def test_the_openapi_document_describes_exactly_the_routes() -> None:
    app = hub_app()
    routes = {(f"/{route.path}", method.lower()) for route in app.router.routes for method in route.methods}
    named = {(re.sub(r"<(\w+):\w+>", r"{\1}", path), method) for path, method in routes}
    told = {(path, method) for path, method in named if not path.startswith("/web/")}

    assert {each for each in told if each[1] != "head"} == set(OPERATIONS)
    assert {path for path, method in told if method == "head"} == {
        path for path, method in OPERATIONS if method == "get"
    }


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_has_a_name_a_summary_and_responses(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]

    assert operation["operationId"]
    assert operation["summary"].endswith(".")
    assert operation["responses"]
    assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
    assert set(operation["tags"]) <= {each["name"] for each in DOCUMENT["tags"]}


def test_every_reference_resolves_and_every_component_is_used() -> None:
    used = set(references(DOCUMENT))
    components = {kind: parts for kind, parts in DOCUMENT["components"].items() if kind != "securitySchemes"}
    there = {f"#/components/{kind}/{name}" for kind, parts in components.items() for name in parts}

    assert used == there


def test_documented_limits_and_choices_are_those_of_the_code() -> None:
    message, history, export = parameters("/message"), parameters("/history"), parameters("/export")

    assert message["tail"]["maximum"] == MAX_TAIL
    assert message["max_rate"]["maximum"] == message["guard"]["maximum"] == MAX_RATE
    assert parameters("/search")["text"]["maxLength"] == MAX_TEXT_CHARACTERS
    stats = parameters("/stats")
    assert stats["by"]["maxLength"] == stats["field"]["maxLength"] == MAX_FIELD_CHARACTERS
    assert (stats["top"]["maximum"], stats["top"]["default"]) == (MAX_TOP, DEFAULT_TOP)
    assert stats["since"]["default"] == DEFAULT_SINCE
    assert stats["q"]["maxLength"] == MAX_FILTER_CHARACTERS
    assert parameters("/patterns")["limit"]["maximum"] == MAX_PATTERNS
    assert (message["heartbeat"]["minimum"], message["heartbeat"]["maximum"]) == HEARTBEAT_SECONDS
    assert message["channel"]["maxItems"] == MAX_CHANNELS
    assert message["since"]["maxLength"] == MAX_ID_CHARACTERS
    assert (history["limit"]["maximum"], history["limit"]["default"]) == (MAX_LINES, DEFAULT_LIMIT)
    assert export["format"]["enum"] == list(FORMATS)
    rule = DOCUMENT["components"]["schemas"]["Rule"]["properties"]
    assert tuple(rule) == MEMBERS
    assert rule["when"]["enum"] == list(CONDITIONS)
    assert (rule["text"]["maxLength"], rule["text"]["default"]) == (MAX_TEMPLATE_CHARACTERS, DEFAULT_TEXT)
    assert (rule["count"]["maximum"], rule["by"]["maxItems"]) == (MAX_COUNT, MAX_BY)
    content = DOCUMENT["paths"]["/export"]["get"]["responses"]["200"]["content"]
    assert set(content) == {format_of(name, True).content_type.split(";")[0] for name in FORMATS}


def test_the_docs_page_has_every_route_and_no_script() -> None:
    shown = render_page(DOCUMENT)

    assert DOCUMENT["info"]["version"] == sse_hub.__version__
    assert all(f"<b>{method.upper()}</b> {path}<" in shown for path, method in OPERATIONS)
    assert "<script" not in shown
    assert not re.search(r"https?://", shown), "the page loads nothing from other servers"


def test_the_openapi_document_is_plain_json() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"
