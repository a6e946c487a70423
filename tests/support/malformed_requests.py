"""
Requests that RFC 9112 forbids, or that this hub refuses where the RFC lets it: a proxy may read each in another way.

    malformed(inner) --> Form(section of the RFC, request), whose body is the request `inner`, by one reading of it
"""

from typing import NamedTuple

LINE = b"POST /publish?channel=malformed HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
START = LINE + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"


class Form(NamedTuple):
    section: str
    request: bytes


def malformed(inner: bytes) -> dict[str, Form]:
    """All forms by their names."""
    length = b"Content-Length: %d\r\n" % len(inner)
    chunks = b"%x\r\n%b\r\n" % (len(inner), inner)

    def head(section: str, fields: bytes, start: bytes = START) -> Form:
        return Form(section, start + fields + b"\r\n" + inner)

    def line(section: str, request_line: bytes) -> Form:
        return Form(section, request_line + b"\r\n" + HOST + b"\r\n" + inner)

    def target(text: bytes, method: bytes = b"GET") -> Form:
        return line("3.2", b"%b %b HTTP/1.1" % (method, text))

    def coding(section: str, field: bytes, start: bytes = START) -> Form:
        return Form(section, start + field + b"\r\n" + chunks + END)

    def chunk(size_line: bytes, end: bytes = b"\r\n", last: bytes = END) -> Form:
        return Form("7.1", START + CHUNKED + b"\r\n" + size_line + inner + end + last)

    size = b"%x" % len(inner)
    return {
        "LF after the request line": line("2.2", b"GET / HTTP/1.1\nX: y"),
        "CR alone in the request line": line("2.2", b"GET /\r HTTP/1.1"),
        "LF before the request": Form("2.2", b"\n" + START + b"\r\n" + inner),
        "blank before a header": head("2.2", length, LINE + b" " + HOST),
        "LF after headers": Form("2.2", LINE + b"Host: localhost\n" + length.replace(b"\r", b"") + b"\n" + inner),
        "LF in a value": head("2.2", b"X: y\nContent-Length: %d\r\n" % len(inner)),
        "CR in a value": head("2.2", b"X: y\rContent-Length: %d\r\n" % len(inner)),
        "version 0.9": line("2.3", b"GET / HTTP/0.9"),
        "version 1.2": line("2.3", b"GET / HTTP/1.2"),
        "version 2.0": line("2.3", b"PRI * HTTP/2.0"),
        "version of two digits": line("2.3", b"GET / HTTP/01.1"),
        "no version": line("3", b"GET /"),
        "two blanks": line("3", b"GET  / HTTP/1.1"),
        "tabs": line("3", b"GET\t/\tHTTP/1.1"),
        "blank before the request line": line("3", b" GET / HTTP/1.1"),
        "blank after the request line": line("3", b"GET / HTTP/1.1 "),
        "method with a byte over 127": line("3.1", b"POS\xf1 / HTTP/1.1"),
        "method in quotes": line("3.1", b'"GET" / HTTP/1.1'),
        "target with ESC": target(b"/\x1b[31m"),
        "target with NUL": target(b"/\0"),
        "target with bytes over 127": target(b"/\xc3\xa9"),
        "target with a fragment": target(b"/metrics#/index"),
        "target with a backslash": target(b"\\x"),
        "target of CONNECT": target(b"localhost:443", b"CONNECT"),
        "path for CONNECT": target(b"/", b"CONNECT"),
        "authority for GET": target(b"localhost:443"),
        "asterisk for GET": target(b"*"),
        "another scheme": target(b"ftp://localhost/x"),
        "half an address": target(b"http://["),
        "URL without a host": target(b"http:///index"),
        "URL with a user": target(b"http://user:pass@localhost/index"),
        "URL with a port too high": target(b"http://localhost:99999999/index"),
        "no Host": head("3.2", length, LINE),
        "two Hosts": head("3.2", b"Host: other\r\n" + length),
        "two Hosts, one of them empty": head("3.2", b"Host:\r\n" + length),
        "Host with a path": head("3.2", length, LINE + b"Host: localhost/x\r\n"),
        "Host with a blank": head("3.2", length, LINE + b"Host: local host\r\n"),
        "Host with a user": head("3.2", length, LINE + b"Host: a@localhost\r\n"),
        "empty name": head("5", b": x\r\n" + length),
        "no colon": head("5", b"abc\r\n" + length),
        "name with a byte over 127": head("5", b"X\xe9: y\r\n" + length),
        "name in parentheses": head("5", b"(X): y\r\n" + length),
        "blank before the colon": head("5.1", b"Content-Length : %d\r\n" % len(inner)),
        "tab before the colon": head("5.1", b"Content-Length\t: %d\r\n" % len(inner)),
        "folded value": head("5.2", b"X: y\r\n z\r\n" + length),
        "folded length": head("5.2", b"Content-Length:\r\n %d\r\n" % len(inner)),
        "NUL in a value": head("5.5", b"X: y\0z\r\n" + length),
        "control character in a value": head("5.5", b"X: y\x01z\r\n" + length),
        "DEL in a value": head("5.5", b"X: y\x7fz\r\n" + length),
        "Transfer-Encoding in HTTP/1.0": coding("6.1", CHUNKED, START.replace(b"1.1", b"1.0")),
        "length and coding": coding("6.1", length + CHUNKED),
        "coding and length": coding("6.1", CHUNKED + length),
        "two codings": coding("6.1", CHUNKED + CHUNKED),
        "gzip, chunked": coding("6.1", b"Transfer-Encoding: gzip, chunked\r\n"),
        "chunked, gzip": coding("6.1", b"Transfer-Encoding: chunked, gzip\r\n"),
        "identity": coding("6.1", b"Transfer-Encoding: identity\r\n"),
        "xchunked": coding("6.1", b"Transfer-Encoding: xchunked\r\n"),
        "chunked in quotes": coding("6.1", b'Transfer-Encoding: "chunked"\r\n'),
        "empty coding": coding("6.1", b"Transfer-Encoding:\r\n"),
        "coding after VT": coding("6.1", b"Transfer-Encoding: \x0bchunked\r\n"),
        "blank before the colon of a coding": coding("6.1", b"Transfer-Encoding : chunked\r\n"),
        "two lengths": head("6.3", length + length),
        "two different lengths": head("6.3", b"Content-Length: 0\r\n" + length),
        "list of lengths": head("6.3", b"Content-Length: %d, %d\r\n" % (len(inner), len(inner))),
        "length with a plus": head("6.2", b"Content-Length: +%d\r\n" % len(inner)),
        "negative length": head("6.2", b"Content-Length: -1\r\n"),
        "length in base 16": head("6.2", b"Content-Length: 0x%x\r\n" % len(inner)),
        "length with an underscore": head("6.2", b"Content-Length: 1_0\r\n"),
        "length after VT": head("6.2", b"Content-Length: \x0b%d\r\n" % len(inner)),
        "length in full-width digits": head("6.2", "Content-Length: ２\r\n".encode()),
        "length over 64 bits": head("6.2", b"Content-Length: 99999999999999999999\r\n"),
        "empty length": head("6.2", b"Content-Length:\r\n"),
        "size with 0x": chunk(b"0x%b\r\n" % size),
        "size with a plus": chunk(b"+%b\r\n" % size),
        "size with a minus": chunk(b"-%b\r\n" % size),
        "size with an underscore": chunk(b"0_%b\r\n" % size),
        "size in full-width digits": chunk("２\r\n".encode()),
        "size over 64 bits": chunk(b"1%b\r\n" % (b"0" * 16)),
        "no size": chunk(b"\r\n"),
        "blank before a size": chunk(b" %b\r\n" % size),
        "blank after a size": chunk(b"%b \r\n" % size),
        "LF after a size": chunk(b"%b\n" % size),
        "CR in an extension": chunk(b"%b;a\rb\r\n" % size),
        "LF after an extension": chunk(b"%b;a\n" % size),
        "NUL in an extension": chunk(b"%b;a\0b\r\n" % size),
        "long extension": chunk(b"%b;a=%b\r\n" % (size, b"x" * 300)),
        "other bytes after a chunk": chunk(b"%b\r\n" % size, b"XX"),
        "LF after a chunk": chunk(b"%b\r\n" % size, b"\n"),
        "nothing after a chunk": chunk(b"%b\r\n" % size, b""),
        "trailer": chunk(b"%b\r\n" % size, last=b"0\r\nX: y\r\n\r\n"),
        "length as a trailer": chunk(b"%b\r\n" % size, last=b"0\r\nContent-Length: 9\r\n\r\n"),
        "LF at the end": chunk(b"%b\r\n" % size, last=b"0\r\n\n"),
        "other bytes at the end": chunk(b"%b\r\n" % size, last=b"0\r\nXX"),
    }  # fmt: skip


WELL_FORMED = {
    "curl": b"GET /channels HTTP/1.1\r\nHost: localhost:8091\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n",
    "curl, asking for HTTP/2": b"GET /channels HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
    "Java, asking for HTTP/2 with a body": START + b"Connection: Upgrade, HTTP2-Settings\r\nContent-Length: 2\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n\r\n{}",
    "ab": b"GET /channels HTTP/1.0\r\nHost: localhost:8091\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n",
    "HTTP/1.0 without Host": b"GET /channels HTTP/1.0\r\n\r\n",
    "a proxy's URL": b"GET http://localhost:8091/channels?x=1 HTTP/1.1\r\nHost: other\r\n\r\n",
    "an address in brackets": b"GET /channels HTTP/1.1\r\nHost: [::1]:8091\r\n\r\n",
    "an address with a zone": b"GET http://[fe80::1%25eth0]:8091/channels HTTP/1.1\r\nHost: x\r\n\r\n",
    "an empty Host": b"GET /channels HTTP/1.1\r\nHost:\r\n\r\n",
    "signs that browsers leave in a query": b"GET /channels?a={}|^`\"<>\\' HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no blank after the colon": b"GET /channels HTTP/1.1\r\nHost:localhost\r\nX:\ty \r\n\r\n",
    "Latin-1 in a value": b"GET /channels HTTP/1.1\r\nHost: localhost\r\nX: \xe9\r\n\r\n",
    "empty line before the request": b"\r\nGET /channels HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET with a body": b"GET /channels HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    "GET with chunks": b"GET /channels HTTP/1.1\r\nHost: localhost\r\n" + CHUNKED + b"\r\n2\r\n{}\r\n" + END,
    "chunks": START + CHUNKED + b"\r\n2\r\n{}\r\n" + END,
    "Chunked": START + b"Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n" + END,
    "chunks with extensions": START + CHUNKED + b'\r\n2;a=b;c="d;e"\r\n{}\r\n0;x\r\n\r\n',
    "sizes with zeros": START + CHUNKED + b"\r\n00000002\r\n{}\r\n000\r\n\r\n",
}
"""Legal requests as real clients send them, and as RFC 9112 allows them; each is answered with 200."""
