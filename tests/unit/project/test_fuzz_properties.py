"""
Random ids, cursors, times, names, tokens and bodies: each is parsed correctly or refused with one of our errors.
At full scale there are 20,000 of each kind.
"""

import contextlib
import json
import re
import time
from datetime import UTC, datetime

import jwt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sse_hub.auth.grant import MAX_PATTERNS
from sse_hub.auth.keyring import Keyring
from sse_hub.auth.token import verify
from sse_hub.commands.watch.printer import LineFormatter
from sse_hub.errors import InvalidChannel, InvalidId, InvalidLine, TooLarge, Unauthenticated
from sse_hub.formats.reader import read_line
from sse_hub.hub.line_templates import LineTemplates, is_error
from sse_hub.hub.position import Position
from sse_hub.protocol.ids import Cursor, cursor_since, cursor_until
from sse_hub.protocol.line_ids import SeenLineIds
from sse_hub.protocol.lines import normalize
from sse_hub.protocol.ndjson import MAX_LINES, parse_body
from sse_hub.protocol.selection import Selection
from tests.support.settings import at_scale
from tests.support.tokens import SECRET, key_set

NOW = datetime(2026, 11, 21, 3, 50, 18, tzinfo=UTC)
LINE_BYTES = 200
BETWEEN = "\x1f"
NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,128}", re.ASCII)
RESERVED = ("sse-hub:", "{sse-hub}:", "__key", "__sentinel__", "__redis__")
KEYS = Keyring.parse(key_set(SECRET))
thorough = settings(max_examples=at_scale(100, 20_000), deadline=None, suppress_health_check=[HealthCheck.too_slow])

digits = st.text("0123456789", max_size=25)
cursors = st.one_of(
    st.text(max_size=40),
    st.builds(lambda fence, counts: f"{fence}-{'.'.join(counts)}", digits, st.lists(digits, max_size=40)),
    st.from_regex(r"-?\d{0,20}[smhd]", fullmatch=True),
    st.datetimes().map(datetime.isoformat),
    st.text("0123456789-.:TZ+ smhd", max_size=30),
)
names = st.one_of(st.text(max_size=140), st.text("ab*.:/@+-_ \0\r\n?[]\\", max_size=140), st.sampled_from(RESERVED))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
patterns = st.lists(st.text("a*. [", max_size=8) | values, max_size=4)
rights = st.fixed_dictionaries({}, optional={"subscribe": patterns | values, "publish": patterns, "operate": values})
claims = st.fixed_dictionaries(
    {
        "sub": st.text(max_size=10) | values,
        "aud": st.just("sse-hub") | values,
        "exp": st.just(4e9) | values,
        "sse_hub": rights | values,
    },
    optional=dict.fromkeys(("jti", "iss", "nbf", "iat", "extra"), values),
)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


pieces = st.sampled_from(
    [b"{}", b"1", b'"a"', b"[", b"]", b"\n", b"\r\n", b" ", b"\xff", b"\xef\xbb\xbf", b'{"a":', b"}"]
)
bodies = (
    st.binary(max_size=300) | st.lists(pieces, max_size=60).map(b"".join) | values.map(lambda v: json.dumps(v).encode())
)


@thorough
@given(cursors)
@example("9" * 500 + "-1")
@example("1-" + "1." * 200)
def test_any_text_as_a_cursor_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidId):
        cursor = Cursor.parse(text)
        assert Cursor.parse(str(cursor)) == cursor
        # For a stream of as many channels it is a position; for any other only its fence is known.
        for count in (1, 2, len(cursor.counts)):
            place = Position(Selection(tuple(map(str, range(count)))), cursor.fence, cursor.counts).cursor().decode()
            exact = count == len(cursor.counts)
            assert Cursor.parse(place) == (cursor if exact else Cursor(cursor.fence, (0,) * count))
    for parse in (cursor_since, cursor_until):
        with contextlib.suppress(InvalidId):
            assert Cursor.parse(str(parse(text, NOW))) is not None


@thorough
@given(st.lists(names, max_size=40).map(BETWEEN.join))
def test_any_text_as_channels_is_a_selection_or_is_refused(wanted: str) -> None:
    try:
        selection = Selection.parse(wanted.split(BETWEEN))
    except InvalidChannel as error:
        assert len(str(error)) < 1_000
        return
    assert 1 <= len(selection.channels) + len(selection.patterns) <= 32
    for name in selection.channels:
        assert NAME.fullmatch(name)
        assert not name.startswith(RESERVED)
    for pattern in selection.patterns:
        assert NAME.fullmatch(pattern.replace("*", "x")[:128])


@thorough
@given(claims.map(lambda said: json.dumps(said).encode()) | st.binary(max_size=100))
def test_any_claims_of_a_signed_token_are_rights_or_are_refused(said: bytes) -> None:
    """Login services can issue wrong claims too."""
    head = json.dumps({"alg": "HS256", "kid": "test"}).encode()
    body = ".".join(jwt.utils.base64url_encode(part).decode() for part in (head, said))
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(body.encode(), SECRET)
    try:
        grant = verify(f"{body}.{jwt.utils.base64url_encode(signature).decode()}", KEYS, "sse-hub", None)
    except Unauthenticated:
        return
    assert grant.expires_at is not None
    assert grant.expires_at > time.time()
    assert grant.subject == json.loads(said)["sub"]
    assert len(grant.subscribe) <= MAX_PATTERNS
    assert isinstance(grant.operate, bool)


@thorough
@given(bodies)
@example(b"9e611")
def test_any_body_is_lines_or_is_refused(body: bytes) -> None:
    try:
        lines = [line for line in parse_body(body, LINE_BYTES) if line is not None]
    except (InvalidLine, TooLarge) as error:
        assert len(str(error)) < 1_000
        return
    assert 0 < len(lines) <= MAX_LINES
    for line in lines:
        assert len(line) <= LINE_BYTES
        # Not with orjson, which refuses 1e999.
        json.loads(line, parse_constant=refuse)


@thorough
@given(
    bodies | values.map(lambda value: json.dumps({"level": value, "time": value, "message": value, "@m": 1}).encode())
)
@example(b'{"time": 1e999}')
def test_any_line_can_be_sampled_and_displayed(payload: bytes) -> None:
    """By the code that finds templates, errors and repeats in it, and by `sse-hub watch`."""
    line, _ = normalize(payload, LINE_BYTES)

    assert len(LineTemplates().template_of(line)) <= 200
    assert is_error(line) in (True, False)
    assert not SeenLineIds().is_repeat("log", line)
    assert "\x1b" not in LineFormatter(colours=False, channels=True).line(
        read_line(line.decode(errors="replace")), "log", 0
    )
