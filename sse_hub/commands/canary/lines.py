"""
The canary's lines: each follows from its number, so that a reader can tell one that was altered. Pure; no I/O.

    seq --> Lines.line() --> {"canary": <run>, "seq": 17, "text": …} --> Lines.seq_of() --> seq
"""

import re
import string

SMALLEST_BYTES = 100
# Characters of two, three and four bytes, and escapes: what goes wrong first where text is handled carelessly.
TEXT = 'é新\u2028🚚 \\n\\u00e9\\" '
TEXT_BYTES = len(TEXT.encode())
LETTERS = string.ascii_letters + string.digits


class CanaryLines:
    """The lines of one run, which its name tells from those of any other, each of `size` bytes."""

    def __init__(self, run: str, size: int) -> None:
        self.run = run
        self.size = size
        self._head = f'{{"canary": "{run}", "seq": '
        self._filler = LETTERS * (size // len(LETTERS) + 2)
        # Also in a line that was wrapped or cut, where quotes are escaped.
        self._seq = re.compile(rf"{re.escape(run)}\W{{1,8}}seq\W{{1,8}}(\d{{1,18}})", re.ASCII)

    def line(self, seq: int) -> str:
        """Line `seq`: one JSON object, `size` bytes in UTF-8."""
        head = f'{self._head}{seq}, "text": "'
        room = self.size - len(head) - TEXT_BYTES - 2
        start = seq % len(LETTERS)
        return f'{head}{TEXT}{self._filler[start : start + room]}"}}'

    def seq_of(self, data: str) -> int | None:
        """The number of the line that `data` is, altered or not; None where it has none, or is none of this run."""
        match = self._seq.search(data)
        return int(match[1]) if match else None
