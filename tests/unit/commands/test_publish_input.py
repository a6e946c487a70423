"""Standard input becomes lines: in any encoding, in any pieces, and while a progress bar is drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.commands.publish.input_buffer import DRAWN_SECONDS, LineReader
from sse_hub.commands.shipping.encodings import text_encoding

TEXT = "時刻 one\nzwei ü\n三"
MARKS = [
    ("utf-8", b"\xef\xbb\xbf"),
    ("utf-16-le", b"\xff\xfe"),
    ("utf-16-be", b"\xfe\xff"),
    ("utf-32-le", b"\xff\xfe\0\0"),
]


def read(reader: LineReader, pieces: list[bytes]) -> list[bytes]:
    return [line for line in [*(line for piece in pieces for line in reader.feed(piece)), *reader.end()] if line]


@pytest.mark.parametrize(("encoding", "mark"), MARKS)
@given(st.lists(st.integers(1, 5)))
def test_f13_a_mark_names_the_encoding_however_the_input_is_split(encoding: str, mark: bytes, sizes: list[int]) -> None:
    data, pieces = mark + TEXT.encode(encoding), []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]

    assert read(LineReader(), [*pieces, data]) == TEXT.encode().split(b"\n")


@pytest.mark.parametrize("encoding", ["gbk", "shift_jis", "utf-16-le", "big5", "utf-16"])
def test_m1_lines_are_read_in_the_given_encoding(encoding: str) -> None:
    data = "時刻 one\n三".encode(encoding)

    found = read(LineReader(text_encoding(encoding)), [data[at : at + 1] for at in range(len(data))])

    assert found == ["時刻 one".encode(), "三".encode()]


@pytest.mark.parametrize(
    ("data", "lines"),
    [(b"", []), (b"a", [b"a"]), (b"\xef", [b"\xef"]), (b"\xff", [b"\xff"]), (b"\xef\xbb\xbf", []), (b"\xff\xfe", [])],
)
def test_f13_short_input_is_complete(data: bytes, lines: list[bytes]) -> None:
    assert read(LineReader(), [data]) == lines


def test_f4_what_a_progress_bar_has_drawn_goes_out_now_and_then() -> None:
    now = 0.0
    reader = LineReader(clock=lambda: now)
    found = []
    for percent in range(10, 60, 10):
        found.append(reader.feed(b"\r%d%%" % percent))
        now += DRAWN_SECONDS / 2
    found.append(reader.feed(b"\r60% done\n"))

    # No state is cut in two, and none is lost.
    assert found == [[], [], [b"\r10%\r20%"], [], [b"30%\r40%"], [b"50%\r60% done"]]
