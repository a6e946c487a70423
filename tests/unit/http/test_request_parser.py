"""The parser before Sanic (R6): it refuses what RFC 9112 forbids, and what it writes has one meaning only."""

from http import HTTPStatus

import pytest

from sse_hub.http.request_parser import MALFORMED_CHUNK, MALFORMED_HEAD, SLICE_LINES, RequestParser
from tests.support.malformed_requests import CHUNKED, END, START, WELL_FORMED, malformed

INNER = b"POST /publish?channel=inner HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
FORMS = malformed(INNER)
HEAD = b"POST /publish?channel=malformed HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"


def read(data: bytes, step: int) -> tuple[bytes, RequestParser]:
    """What is passed on of `data`, which comes in pieces of `step` bytes."""
    parser = RequestParser(4_096, 8_192)
    output = b"".join(parser.feed(data[at : at + step]) for at in range(0, len(data), step))
    while parser.rest:
        output += parser.feed(b"")
    return output, parser


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("name", FORMS)
def test_what_rfc_9112_forbids_is_refused_however_it_is_cut(name: str, step: int) -> None:
    form = FORMS[name]
    passed_on, parser = read(form.request, step)

    assert parser.refusal and parser.refusal.status == HTTPStatus.BAD_REQUEST, f"RFC 9112, section {form.section}"
    assert parser.refusal.reason == "malformed"
    # Where a request has begun, its head and one plain chunk may have passed; Sanic refuses what comes next.
    plain = form.section == "7.1" and (HEAD.startswith(passed_on) or passed_on.startswith(HEAD))
    assert passed_on == b"" or (plain and parser.malformed == MALFORMED_CHUNK)
    assert parser.feed(INNER) == b""


@pytest.mark.parametrize("step", [1, 100_000])
@pytest.mark.parametrize("name", WELL_FORMED)
def test_legal_requests_pass_one_after_the_other(name: str, step: int) -> None:
    once, _ = read(WELL_FORMED[name], step)
    twice, parser = read(WELL_FORMED[name] * 2, step)

    assert parser.refusal is None
    assert not parser.waiting
    assert once.count(b" HTTP/1.") == 1
    # The connection ends with a request of HTTP/1.0.
    assert twice == once * (1 if b"HTTP/1.0" in once else 2)


def test_requests_are_written_in_one_plain_form() -> None:
    request = START + b"X-A:\t b \r\n" + CHUNKED.upper() + b"\r\n001;x=y\r\n{\r\n1\r\n}\r\n" + END

    assert read(request, 100_000)[0] == HEAD.replace(b"transfer", b"x-a: b\r\ntransfer") + b"2\r\n{}\r\n" + END


def test_the_body_of_a_get_is_dropped() -> None:
    """R13: Sanic logs an error for a body that a route doesn't read."""
    request = b"GET /channels HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n"

    assert read(WELL_FORMED["GET with chunks"], 5)[0] == b"GET /channels HTTP/1.1\r\nhost: localhost\r\n\r\n"
    refusal = read(request, 100_000)[1].refusal
    assert refusal and refusal.detail == "A body of GET may have at most 65536 bytes."


def test_a_url_of_a_proxy_becomes_a_path_and_its_host_that_of_the_request() -> None:
    assert read(WELL_FORMED["a proxy's URL"], 100)[0] == b"GET /channels?x=1 HTTP/1.1\r\nhost: localhost:8091\r\n\r\n"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /%b HTTP/1.1\r\n" % (b"x" * 4_096), HTTPStatus.REQUEST_URI_TOO_LONG),
        (b"GET /%b" % (b"x" * 65_536), HTTPStatus.REQUEST_URI_TOO_LONG),
        (b"GET / HTTP/1.1\r\nX: %b" % (b"y" * 8_192), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        (b"GET / HTTP/1.1\r\n%b" % (b"X: y\r\n" * 1_400), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        (b"FROB / HTTP/1.1\r\n", HTTPStatus.METHOD_NOT_ALLOWED),
    ],
    ids=["url", "no-end-of-url", "header", "headers", "method"],
)
def test_a_head_over_a_limit_is_refused_before_its_end(request_line: bytes, status: HTTPStatus) -> None:
    for step in (1, 1_000_000):
        refusal = read(request_line, step)[1].refusal
        assert refusal and refusal.status == status


def test_a_malformed_request_after_another_is_refused_in_its_place() -> None:
    passed_on, parser = read(WELL_FORMED["curl"] + FORMS["two Hosts"].request, 100_000)

    assert passed_on.startswith(b"GET /channels ")
    assert parser.malformed == MALFORMED_HEAD


def test_a_body_of_tiny_chunks_is_read_in_slices() -> None:
    """It must not hold up other clients."""
    parser = RequestParser(4_096, 8_192)
    passed_on = parser.feed(START + CHUNKED + b"\r\n" + b"1\r\nx\r\n" * 3 * SLICE_LINES + END)
    slices = 1
    while parser.rest:
        passed_on += parser.feed(b"")
        slices += 1

    assert slices == 4
    assert passed_on.count(b"x" * 900) == 3
    assert passed_on.endswith(END)
