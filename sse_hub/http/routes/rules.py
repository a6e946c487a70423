"""
Rules for alerts: list, make, change, remove and try them.

    GET /rules, /rules.toml --> RuleBook, states     PUT, DELETE /rules/<id> --> RuleBook: another version is a conflict
    POST /rules/test --> the last hour of the log --> try_rule() --> what it would have sent

A rule tells what is in the lines of its channels, so nobody sees or makes one without the right to read them all.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson
from sanic import HTTPResponse, Request, json

from sse_hub.alerts.rule import AlertRule, parse_rule
from sse_hub.alerts.rule_file import rules_as_toml
from sse_hub.alerts.rule_state import RuleHead
from sse_hub.alerts.trial import TRIAL_SECONDS, try_rule
from sse_hub.auth import Grant
from sse_hub.errors import Forbidden, HubError, InvalidRequest, InvalidRule
from sse_hub.http.authorization import authorize
from sse_hub.http.context import Context, context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.parameters import client_address
from sse_hub.http.response import NO_STORE, get_route
from sse_hub.http.transfer import discard_body, read_body
from sse_hub.protocol.ids import cursor_since, iso_time

MAX_RULE_BYTES = 32 * 1024
TRIAL_ID = "trial"
# What GET /rules says of a rule beside its members.
SHOWN = ("id", "version", "source", "state")
WHY_SKIPPED = "since they were too long for this filter, or for a reason that is in the log of the hub"

rule_routes = api_blueprint("sse_hub_rules")


@get_route(rule_routes, "/rules")
async def list_rules(request: Request) -> HTTPResponse:
    """The rules whose channels the sender may read; for operators, also the destinations."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    book, heads = context.alerts.book, await context.alerts.store.heads()
    await book.refresh()
    rules = [
        _as_json(context, rule, heads) for _, rule in sorted(book.rules.items()) if grant.may_read_all(rule.channels)
    ]
    state: dict[str, object] = {"rules": rules, "destinations": []}
    if grant.operate:
        state["destinations"] = [
            asdict(each) | {"error": each.error or None} for each in await context.alerts.sender.states()
        ]
        state["error"] = book.error or context.alerts.evaluator.error or None
    return json(state, headers=NO_STORE)


@get_route(rule_routes, "/rules.toml")
async def rule_file(request: Request) -> HTTPResponse:
    """All rules as a file."""
    context = context_of(request.app)
    grant = await _require_operator(request, context)
    await context.alerts.book.refresh()
    rules = [rule for _, rule in sorted(context.alerts.book.rules.items()) if grant.may_read_all(rule.channels)]
    headers = NO_STORE | {"Content-Disposition": 'attachment; filename="rules.toml"'}
    return HTTPResponse(rules_as_toml(rules), headers=headers, content_type="application/toml")


@rule_routes.put("/rules/<id:str>", stream=True)
async def put_rule(request: Request, id: str) -> HTTPResponse:
    """Make a rule, or replace the version that the sender has seen."""
    context = context_of(request.app)
    # Sanic leaves it as it is in the path.
    rule, _ = await _rule_in(request, context, unquote(id))
    version = _version_in(request)
    await context.alerts.book.put(rule, version)
    await context.alerts.wait_at_work(rule)
    shown = _as_json(context, rule, await context.alerts.store.heads())
    return json(shown, status=201 if version is None else 200, headers=NO_STORE | {"ETag": f'"{rule.version}"'})


@rule_routes.delete("/rules/<id:str>")
async def remove_rule(request: Request, id: str) -> HTTPResponse:
    """Remove the version of a rule that the sender has seen."""
    id = unquote(id)
    context = context_of(request.app)
    grant = await _require_operator(request, context)
    _require_readable(grant, context.alerts.book.rules.get(id))
    if request.headers.get("if-match", "").strip() in ("", "*"):
        raise InvalidRequest("Send If-Match with the version of the rule.")
    version = _version_in(request) or ""
    await context.alerts.book.remove(id, version)
    return json({"id": id}, headers=NO_STORE)


@rule_routes.post("/rules/test", stream=True)
async def test_rule(request: Request) -> HTTPResponse:
    """What a rule would have made of the last hour of the log."""
    context = context_of(request.app)
    rule, grant = await _rule_in(request, context, TRIAL_ID)
    sender = context.admission.sender_of(client_address(request, context), grant.subject)
    after = cursor_since(f"-{TRIAL_SECONDS}s", datetime.now(UTC))
    async with context.query_slots.slot(*sender):
        log_range = await context.history.resolve_range(grant.restrict(rule.selection), after, None)
        result = await try_rule(rule, context.history, log_range)
    shown = {
        "lines": result.lines,
        "seconds": result.seconds,
        "more": result.more,
        "made": result.made,
        "alerts": [alert.members() for alert in result.alerts],
    }
    return json(shown, headers=NO_STORE)


def _as_json(context: Context, rule: AlertRule, heads: dict[str, RuleHead]) -> dict[str, Any]:
    head = heads.get(rule.id)
    if head is not None and head.version != rule.version:
        head = None
    skipped = head.skipped if head else 0
    state = {
        "alerts": head.alerts if head else 0,
        "last_alert": iso_time(head.last_alert_ms) if head and head.last_alert_ms else None,
        "error": f"{skipped} lines were not looked at, {WHY_SKIPPED}." if skipped else None,
        "at_work": head is not None,
    }
    source = "file" if rule.id in context.alerts.book.file_rules else "page"
    return rule.members() | dict(zip(SHOWN, (rule.id, rule.version, source, state), strict=True))


async def _require_operator(request: Request, context: Context) -> Grant:
    grant = await authorize(request, context)
    grant.require_operator()
    return grant


def _require_readable(grant: Grant, rule: AlertRule | None) -> None:
    if rule is not None and not grant.may_read_all(rule.channels):
        raise Forbidden("You may not read all channels of this rule.")


async def _rule_in(request: Request, context: Context, id: str) -> tuple[AlertRule, Grant]:
    """
    The rule in the body, which its sender may make, and the sender's rights.

    Raises InvalidRule, Forbidden and what authorize() does.
    """
    try:
        grant = await _require_operator(request, context)
        book = context.alerts.book
        await book.refresh()
        _require_readable(grant, book.rules.get(id))
    except HubError:
        await discard_body(request)
        raise
    body = await read_body(request, MAX_RULE_BYTES)
    try:
        members = orjson.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRule("The body must be a rule as a JSON object.") from None
    if isinstance(members, dict) and id in (members.get("id", id), TRIAL_ID):
        # Whoever changes a rule sends back what GET /rules has shown.
        members = {name: value for name, value in members.items() if name not in SHOWN}
    rule = parse_rule(id, members, book.destinations)
    _require_readable(grant, rule)
    return rule, grant


def _version_in(request: Request) -> str | None:
    """The version that the sender has seen; None for a rule that must not exist. Raises InvalidRequest."""
    matches, makes = (str(request.headers.get(name, "")).strip() for name in ("if-match", "if-none-match"))
    if makes == "*" and not matches:
        return None
    if makes or matches in ("", "*"):
        raise InvalidRequest("Send If-Match with the version of the rule, or If-None-Match: * to make a new one.")
    return matches.strip('"')
