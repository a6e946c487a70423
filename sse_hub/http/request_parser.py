"""
The requests of one connection, checked strictly and written anew. No I/O.

    bytes from a client --> feed() --> the same requests in one plain form --> Sanic
                              └──► refusal: why the rest can't be read

Sanic reads more than RFC 9112 allows: a blank before a colon, a line end without CR, a size of `0x2`. A proxy that
reads such a request in another way sees another request in its body. So llhttp (the parser of Node.js, in httptools)
reads every byte first, and Sanic gets only what this module has written: `name: value`, plain chunks, nothing else.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple, NoReturn

from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserInvalidURLError,
    HttpRequestParser,
    parse_url,
)

from sse_hub.errors import error_text

# The size of a chunk with its extensions, which nobody uses (RFC 9112, section 7.1.1).
MAX_SIZE_LINE_BYTES = 256
# How many lines are read at a time, which takes some milliseconds: a body may consist of chunks of one byte.
SLICE_LINES = 1_000
# The method and the version, beside the URL.
REST_OF_LINE_BYTES = 32
# Their bodies mean nothing (RFC 9110, section 9.3.1): they are read and dropped.
WITHOUT_BODY = (b"GET", b"HEAD", b"OPTIONS")
MAX_DROPPED_BYTES = 65_536
# An unknown method in a well-formed request line.
UNKNOWN_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [!-~]+ HTTP/1\.[01]\r\n")
INVALID_REQUEST_LINE = "The request line is not METHOD /path HTTP/1.1."
INVALID_TARGET = "The request target is not a path or an http URL."
# RFC 3986, section 3.2.2: a name, or an address in brackets, perhaps with a zone (RFC 6874); then a port.
HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Za-z:.%_~-]+\])(?::[0-9]*)?")
# Sanic refuses these, so that its response comes after those to the requests before.
MALFORMED_HEAD = b"\r\n\r\n"
MALFORMED_CHUNK = b"!\r\n"


class Refusal(NamedTuple):
    """Why a request is refused; `reason` is the label in metrics and logs. `detail` has nothing of the request."""

    status: HTTPStatus
    reason: str
    detail: str


class RequestParser:
    """
    Reads one connection. A URL has at most `url_bytes`, the headers of a request together at most `header_bytes`.

    `rest` has not been read yet, since it has too many lines for one time. After a `refusal` nothing more is read.
    """

    __slots__ = (
        "_chunked", "_content", "_dropped", "_fields", "_head", "_header_bytes", "_header_limit", "_in_body", "_last",
        "_left", "_line", "_llhttp", "_output", "_request_line_read", "_target", "_trailers", "_url_limit", "_waiting",
        "refusal", "rest",
    )  # fmt: skip

    def __init__(self, url_bytes: int, header_bytes: int) -> None:
        self.refusal: Refusal | None = None
        self.rest = b""
        self._url_limit, self._header_limit = url_bytes, header_bytes
        self._llhttp: HttpRequestParser | None = HttpRequestParser(self)
        self._output: list[bytes] = []
        # The line being read, and how many bytes of content follow before the next line.
        self._line = b""
        self._left = 0
        self._begin()

    def feed(self, data: bytes) -> bytes:
        """The requests, and parts of requests, that are complete with `data`, which follows the `rest`."""
        data, at, lines = self.rest + data, 0, 0
        while at < len(data) and lines < SLICE_LINES and not self.refusal and self._llhttp:
            if self._left:
                end = min(len(data), at + self._left)
                self._left -= end - at
                self._read(data[at:end])
            else:
                end = data.find(b"\n", at) + 1 or len(data)
                self._line += data[at:end]
                self._read_line()
                lines += 1
            at = end
        self.rest = data[at:] if lines == SLICE_LINES and self._llhttp and not self.refusal else b""
        self._write_content()
        output, self._output = b"".join(self._output), []
        return output

    @property
    def waiting(self) -> bool:
        """True while Sanic knows nothing of a request that has begun."""
        return self._waiting or (bool(self._line) and not self._in_body)

    @property
    def malformed(self) -> bytes:
        """Bytes that Sanic refuses where it is now: in a body, or where a request begins."""
        return MALFORMED_CHUNK if self._in_body and not self._dropped else MALFORMED_HEAD

    def close(self) -> None:
        """Read nothing more, and free llhttp, which holds a reference to this object."""
        self._llhttp = None

    # Called by llhttp.

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            self._refuse("A request may not have trailers.")
        self._fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        assert self._llhttp
        method, version = self._llhttp.get_method(), self._llhttp.get_http_version()
        target = self._plain_target(method)
        self._check_head(version)
        lengths, self._chunked = self._values(b"content-length"), bool(self._values(b"transfer-encoding"))
        self._left = int(lengths[0]) if lengths else 0
        self._in_body, self._dropped = True, method in WITHOUT_BODY
        if self._dropped and self._left > MAX_DROPPED_BYTES:
            self._refuse(f"A body of {method.decode()} may have at most {MAX_DROPPED_BYTES} bytes.")
        self._head = b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version.encode(), b"".join(self._plain_headers()))
        if not self._dropped:
            self._write_head()

    def on_chunk_header(self) -> None:
        # llhttp has found hexadecimal digits there. CR LF follow the content.
        size = int(self._line.partition(b";")[0], 16)
        self._left, self._trailers = (size + 2, False) if size else (0, True)

    def on_body(self, piece: bytes) -> None:
        self._content.append(piece)

    def on_message_complete(self) -> None:
        assert self._llhttp
        if self._dropped:
            self._write_head()
        self._write_content()
        if self._chunked and not self._dropped:
            self._output.append(b"0\r\n\r\n")
        self._begin()
        # What follows is not answered.
        self._last = not self._llhttp.should_keep_alive()

    # The rest.

    def _begin(self) -> None:
        self._request_line_read = self._waiting = self._last = False
        self._in_body = self._chunked = self._trailers = self._dropped = False
        self._header_bytes = 0
        self._target = self._head = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._content: list[bytes] = []

    def _read(self, data: bytes) -> None:
        if self.refusal or not self._llhttp:
            return
        try:
            self._llhttp.feed_data(data)
        except HttpParserInvalidMethodError:
            if UNKNOWN_METHOD.match(self._line):
                self.refusal = Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "malformed", "This method is not known here.")
            else:
                self._malformed(INVALID_REQUEST_LINE)
        except HttpParserInvalidURLError:
            self._malformed(INVALID_TARGET)
        except HttpParserError as error:
            # One of _refuse() comes back as another exception.
            if not self.refusal:
                self._malformed(f"The request is not valid HTTP/1.1: {error_text(error)}.")
        if self._last:
            self.close()

    def _read_line(self) -> None:
        """Read the line that has begun, if it is complete, unless it is too long already."""
        complete = self._line.endswith(b"\n")
        if self._in_body:
            self._check_frame()
        elif self._request_line_read:
            self._check_headers()
        elif self._line == b"\r\n":
            # An empty line before a request is ignored (RFC 9112, section 2.2).
            self._line = b""
            return
        else:
            self._check_request_line(complete)
        if complete:
            # No protocol is offered, so an upgrade is ignored (RFC 9110, section 7.8); llhttp would stop at the body.
            hidden = b"x-" if self._line[:8].lower() == b"upgrade:" and not self._in_body else b""
            self._read(hidden + self._line)
            self._line = b""

    def _check_frame(self) -> None:
        if self._trailers and not b"\r\n".startswith(self._line):
            self._malformed("A request may not have trailers.")
        elif len(self._line) > MAX_SIZE_LINE_BYTES:
            self._malformed(f"The line with the size of a chunk has more than {MAX_SIZE_LINE_BYTES} bytes.")

    def _check_request_line(self, complete: bool) -> None:
        words = self._line.split(b" ")
        # A line without two blanks is malformed, and may be one long word.
        if (max(map(len, words)) if complete else len(self._line) - REST_OF_LINE_BYTES) > self._url_limit:
            detail = f"The URL has more than {self._url_limit} bytes."
            self.refusal = Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "url", detail)
        elif complete and len(words) != 3:
            self._malformed(INVALID_REQUEST_LINE)
        self._request_line_read = self._waiting = complete

    def _check_headers(self) -> None:
        if self._header_bytes + len(self._line) > self._header_limit:
            detail = f"The headers have more than {self._header_limit} bytes in total."
            self.refusal = Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers", detail)
        elif self._line.endswith(b"\n"):
            self._header_bytes += len(self._line)

    def _plain_target(self, method: bytes) -> bytes:
        """
        The path and query of the request target, or `*`. The host of an http URL becomes that of the request.

        See RFC 9112, section 3.2. CONNECT is for proxies.
        """
        if self._target == b"*" and method == b"OPTIONS":
            return self._target
        # A fragment is not sent, and proxies don't agree on where the path of such a URL ends.
        if method == b"CONNECT" or b"#" in self._target or not self._target.startswith((b"/", b"http://", b"https://")):
            self._refuse(INVALID_TARGET)
        try:
            url = parse_url(self._target)
        except HttpParserInvalidURLError:
            self._refuse(INVALID_TARGET)
        if self._target.startswith(b"/"):
            return self._target
        authority = self._target.partition(b"//")[2].partition(b"/")[0].partition(b"?")[0]
        self._fields = [(name, authority if name == b"host" else value) for name, value in self._fields]
        return (url.path or b"/") + (b"?" + url.query if url.query is not None else b"")

    def _check_head(self, version: str) -> None:
        """Refuse what llhttp takes, and RFC 9112 or this hub does not."""
        hosts, codings = self._values(b"host"), self._values(b"transfer-encoding")
        if version not in ("1.0", "1.1"):
            self._refuse("The version is not HTTP/1.0 or HTTP/1.1.")
        # RFC 9112, section 3.2.
        if len(hosts) > 1 or (not hosts and version == "1.1"):
            self._refuse("There must be exactly one Host header.")
        if hosts and not HOST.fullmatch(hosts[0]):
            self._refuse("The host is not a name or an address with a port.")
        # RFC 9112, section 6.1.
        if codings and (version == "1.0" or [each.lower() for each in codings] != [b"chunked"]):
            self._refuse("The Transfer-Encoding must be chunked, in HTTP/1.1.")

    def _plain_headers(self) -> Iterator[bytes]:
        for name, value in self._fields:
            if name == b"transfer-encoding":
                # Sanic knows it in lower case only.
                value = value.lower()
            if not (self._dropped and name in (b"content-length", b"transfer-encoding")):
                yield b"%b: %b\r\n" % (name, value)

    def _values(self, name: bytes) -> list[bytes]:
        return [value for each, value in self._fields if each == name]

    def _write_head(self) -> None:
        self._output.append(self._head)
        self._waiting = False

    def _write_content(self) -> None:
        # One chunk for all of them: Sanic takes as long for a small one as for a large one.
        content, self._content = b"".join(self._content), []
        if content and not self._dropped:
            self._output.append(b"%x\r\n%b\r\n" % (len(content), content) if self._chunked else content)

    def _malformed(self, detail: str) -> None:
        self.refusal = Refusal(HTTPStatus.BAD_REQUEST, "malformed", detail)

    def _refuse(self, detail: str) -> NoReturn:
        """Refuse the request from within llhttp, which the error stops."""
        self._malformed(detail)
        raise ValueError(detail)
