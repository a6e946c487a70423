"""
The canary's lines. A line's text depends only on its number, so that a reader can detect an altered one. Pure; no I/O.

    seq --> CanaryLines.line() --> {"canary": <run>, "seq": 17, "text": …} --> CanaryLines.seq_of() --> seq
"""

import re
import string

MIN_LINE_BYTES = 100
# Characters of two, three and four bytes, and escapes: careless text handling breaks these first.
TEXT = 'é新\u2028🚚 \\n\\u00e9\\" '
TEXT_BYTES = len(TEXT.encode())
LETTERS = string.ascii_letters + string.digits


class CanaryLines:
    """The lines of one run, `size` bytes each. `run` distinguishes them from those of other runs."""

    def __init__(self, run: str, size: int) -> None:
        self.run = run
        self.size = size
        self._head = f'{{"canary": "{run}", "seq": '
        self._filler = LETTERS * (size // len(LETTERS) + 2)
        # Matches in a line that was wrapped or cut too, where quotes are escaped.
        self._seq = re.compile(rf"{re.escape(run)}\W{{1,8}}seq\W{{1,8}}(\d{{1,18}})", re.ASCII)

    def line(self, seq: int) -> str:
        """Line `seq`: one JSON object, `size` bytes in UTF-8."""
        head = f'{self._head}{seq}, "text": "'
        room = self.size - len(head) - TEXT_BYTES - 2
        start = seq % len(LETTERS)
        return f'{head}{TEXT}{self._filler[start : start + room]}"}}'

    def seq_of(self, data: str) -> int | None:
        """The number of the line `data`, altered or not; None if it has none or is not of this run."""
        match = self._seq.search(data)
        return int(match[1]) if match else None
