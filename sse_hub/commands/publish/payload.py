"""
The payload of a line of text. Pure; no I/O.

    line, fields --> payload(): the line unchanged, or a JSON object with the fields added          --> as_json()
"""

import json

import orjson

from sse_hub.protocol.lines import find_json_error


def payload(line: bytes, fields: dict[str, str]) -> bytes:
    """
    `line` itself if there are no `fields`. Otherwise a JSON object: the one in `line` as it was written, plus those
    fields it does not have; or, if it is none, `{"message": line}` with the fields.
    """
    if not fields:
        return line
    record = _parse_object(line)
    if record is None:
        return orjson.dumps({"message": line.decode(errors="replace"), **fields})
    added = {name: value for name, value in fields.items() if name not in record}
    if not added:
        return line
    # Before the rest, which stays byte for byte: parsing would change a number of twenty digits.
    head = orjson.dumps(added)[:-1]
    rest = line[line.index(b"{") + 1 :]
    return head + (b"," if record else b"") + rest


def as_json(line: bytes) -> bytes:
    """`line` as JSON text on one line: itself if it is JSON, else the object that a hub makes of it."""
    if find_json_error(line) is None:
        return line.replace(b"\r", b" ").replace(b"\n", b" ")
    return orjson.dumps({"info": line.decode(errors="replace")})


def _parse_object(line: bytes) -> dict[str, object] | None:
    if not line.lstrip().startswith(b"{") or find_json_error(line) is not None:
        return None
    record = json.loads(line)
    return record if isinstance(record, dict) else None
