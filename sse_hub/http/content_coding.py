"""
Compressed request bodies (RFC 9110, section 8.4): gzip, deflate and zstd.

    Content-Encoding, body --> decode_body(): bytes, or UnsupportedCoding, InvalidRequest, TooLarge
"""

import asyncio
import sys
import zlib
from collections.abc import Callable
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from sse_hub.errors import InvalidRequest, TooLarge, UnsupportedCoding, error_text

# A frame of zstd may ask for gigabytes. All compressors keep to 8 MiB unless told otherwise (RFC 9659).
WINDOW_LOG = 23
# What is decompressed at a time, in a thread.
PIECE_BYTES = 1024 * 1024


class _Zlib:
    """A zlib decompressor with the interface of zstd's."""

    def __init__(self, window_bits: int) -> None:
        self._zlib = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        # It hands back what it has not read yet, which zstd's keeps.
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def _zstd() -> Any:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})


# `x-gzip` is the same as gzip (RFC 9110, section 8.4.1.3).
DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: _Zlib(31),
    "x-gzip": lambda: _Zlib(31),
    "deflate": lambda: _Zlib(15),
    "zstd": _zstd,
}
ALLOWED = ", ".join(name for name in DECOMPRESSORS if name != "x-gzip")
ERRORS = (zlib.error, zstd.ZstdError)


def check_coding(coding: str) -> str:
    """The coding of the header `Content-Encoding`, empty for none. Raises UnsupportedCoding."""
    name = coding.strip(" \t").lower()
    if name in ("", "identity"):
        return ""
    if name not in DECOMPRESSORS:
        raise UnsupportedCoding(f"Content-Encoding {coding[:32]!r} must be one of {ALLOWED}, or be left out.")
    return name


async def decode_body(body: bytes, coding: str, limit: int, reserve: Callable[[int], None]) -> bytes:
    """
    `body` without its `coding`, one of check_coding(). `reserve` is called with the size of each piece.

    Raises InvalidRequest for other data, TooLarge where more than `limit` bytes come out, LimitExceeded from `reserve`.
    """
    if not coding:
        return body
    pieces: list[bytes] = []
    size = 0
    # Several members, or frames, one after the other are one text (RFC 1952, section 2.2; RFC 8878, section 3.1).
    while body:
        decompressor = DECOMPRESSORS[coding]()
        while not decompressor.eof:
            try:
                piece = await asyncio.to_thread(decompressor.decompress, body, PIECE_BYTES)
            except ERRORS as error:
                raise InvalidRequest(f"The body is not {coding}: {error_text(error)}.") from None
            if not piece and not decompressor.eof:
                raise InvalidRequest(f"The body is not {coding}: it has no end.")
            body = b""
            size += len(piece)
            if size > limit:
                raise TooLarge(f"The decompressed body has more than {limit} bytes.")
            reserve(len(piece))
            pieces.append(piece)
        body = decompressor.unused_data
    # In a thread: up to 64 MB are copied.
    return await asyncio.to_thread(b"".join, pieces)
