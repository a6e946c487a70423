"""
Which lines belong together: a stack trace, a dump or a message of several lines is one record. Pure.

    Joiner.add(line) --> verdicts: True for a line that begins a record, False for one that continues it

The rules are data, `joining.json`, and the page has the same machine over them (`web/js/store/joiner.js`). A record is
in a state, and a state has rules in order: an expression at the beginning of the next line, and the state that follows.
No rule, or one without a next state: the line begins a record. A next state with `?` is a guess: the line waits, with
those after it, until a rule without one proves that they all continue the record, or none fits, and they are records of
their own. docs/formats.md describes the file.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

RULES = Path(__file__).with_name("joining.json")


class LineJoiner(Protocol):
    """Tells which lines of one source begin a record."""

    def add(self, line: bytes) -> list[bool]:
        """The verdicts that `line` brings, in the order of the lines: True for a line that begins a record."""

    def end(self) -> list[bool]:
        """The verdicts on the lines that still wait for one, since no more lines follow."""


NewJoiner = Callable[[], LineJoiner]


class _Rule(NamedTuple):
    """What becomes of a line that fits: `next` is the state after it, None if it begins a record."""

    pattern: re.Pattern[str]
    next: str | None
    guess: bool
    same_session: bool


class _Part(NamedTuple):
    """Some rules of a state; `any` is all their expressions as one: for most lines none fits, which it finds fast."""

    any: re.Pattern[str]
    rules: tuple[_Rule, ...]


_State = tuple[_Part, ...]


def _match(state: _State, text: str) -> _Rule | None:
    for part in state:
        if part.any.match(text):
            return next(rule for rule in part.rules if rule.pattern.match(text))
    return None


class _Table(NamedTuple):
    lines: int
    held: int
    characters: int
    escapes: re.Pattern[str]
    session: re.Pattern[str]
    owner: tuple[str, ...]
    letter: re.Pattern[str]
    begins: re.Pattern[str]
    resumes: re.Pattern[str]
    openings: _State
    found: tuple[tuple[str, re.Pattern[str], str], ...]
    states: dict[str, _State]


def _compile(text: str) -> re.Pattern[str]:
    # As in a browser: \d and \w are ASCII.
    return re.compile(text, re.ASCII)


def _state(rules: list[Any], sets: dict[str, list[Any]]) -> _State:
    """A string stands for a set of rules; with `!` before its name: these begin a record."""
    parts: list[_Part] = []
    own: list[Any] = []
    for rule in [*rules, None]:
        if isinstance(rule, list):
            own.append(rule)
            continue
        if own:
            parts.append(_part(own))
            own = []
        if rule is not None and rule.startswith("!"):
            parts.append(_part([[text, None] for text, *_ in sets[rule[1:]]]))
        elif rule is not None:
            parts.append(_part(sets[rule]))
    return tuple(parts)


def _part(rules: list[Any]) -> _Part:
    return _Part(_compile("|".join(f"(?:{text})" for text, *_ in rules)), tuple(map(_rule, rules)))


def _rule(rule: list[Any]) -> _Rule:
    text, state, *flags = rule
    guess = state is not None and state.startswith("?")
    return _Rule(_compile(text), state and state.removeprefix("?"), guess, "session" in flags)


@cache
def _table() -> _Table:
    data = json.loads(RULES.read_text(encoding="utf-8"))
    limits, sets = data["limits"], data["sets"]
    return _Table(
        lines=limits["lines"],
        held=limits["held"],
        characters=limits["characters"],
        escapes=_compile(data["escapes"]),
        session=_compile(data["session"]),
        owner=tuple(data["owner"]),
        letter=_compile(data["letter"]),
        begins=_part(sets["begins"]).any,
        resumes=_part(sets["resumes"]).any,
        openings=_state(["events", "starts"], sets),
        found=tuple((word, _compile(text), state) for word, text, state in data["found"]),
        states={name: _state(rules, sets) for name, rules in data["states"].items()},
    )


class Joiner:
    """Joins by the rules of `joining.json`."""

    def __init__(self) -> None:
        self._table = _table()
        # None while the record has one line, `_head`, whose state nobody has asked for.
        self._state: _State | None = None
        self._head: str | None = None
        self._head_begins = False
        self._session: str | None = None
        # How many lines the record has, and the lines of which it is not known whether they continue it.
        self._lines = 0
        self._held: list[str] = []

    def add(self, line: bytes) -> list[bool]:
        """The verdicts that `line` brings, in the order of the lines: True for a line that begins a record."""
        size = self._table.characters
        # No character has more bytes.
        text = line[: 4 * size].decode(errors="replace")
        if "\x1b" in text:
            text = self._table.escapes.sub("", text)
        return self._add(text[:size].removesuffix("\r"))

    def end(self) -> list[bool]:
        """The verdicts on the lines that still wait for one, since no more lines follow."""
        verdicts = self._give_up() if self._held else []
        self._head = self._state = None
        return verdicts

    def _add(self, text: str) -> list[bool]:
        table = self._table
        begins = table.begins.match(text) is not None
        if self._head is None or (begins and self._head_begins and not self._held and not table.resumes.match(text)):
            # The usual line: one that certainly begins a record after one of the kind.
            self._begin(text, begins)
            return [True]
        rule = self._rule_for(text)
        if rule is None or rule.next is None or self._lines + len(self._held) >= table.lines:
            if self._held:
                return self._give_up() + self._add(text)
            self._begin(text, begins)
            return [True]
        self._state, self._head_begins = table.states[rule.next], False
        if rule.guess:
            self._held.append(text)
            return self._give_up() if len(self._held) > table.held else []
        verdicts = [False] * (len(self._held) + 1)
        self._lines += len(verdicts)
        self._held.clear()
        return verdicts

    def _rule_for(self, text: str) -> _Rule | None:
        if self._state is None:
            self._state = self._table.states[self._first_state(self._head or "")]
        rule = _match(self._state, text)
        if rule is not None and rule.same_session and _group(self._table.session, text) != self._session:
            return None
        return rule

    def _give_up(self) -> list[bool]:
        """The lines that wait don't continue the record. They are read again, without guesses, so only once."""
        held, self._held = self._held, []
        self._begin(held[0], False)
        verdicts = [True]
        for text in held[1:]:
            rule = self._rule_for(text)
            if rule is None or rule.next is None or rule.guess:
                self._begin(text, False)
                verdicts.append(True)
            else:
                self._state = self._table.states[rule.next]
                self._lines += 1
                verdicts.append(False)
        return verdicts

    def _begin(self, text: str, begins: bool) -> None:
        self._lines = 1
        self._state = self._session = None
        self._head, self._head_begins = text, begins

    def _first_state(self, text: str) -> str:
        table = self._table
        # A record of one line of JSON stays what it is.
        if (text.startswith("{") and text.endswith("}")) or not text.strip(" \t"):
            return "done"
        opening = _match(table.openings, text)
        if opening is not None and opening.next is not None:
            return opening.next
        for word, pattern, state in table.found:
            if word in text and pattern.search(text):
                self._session = _group(table.session, text) if state == "postgres" else None
                return state
        small = text.lower()
        return "owner" if any(word in small for word in table.owner) or table.letter.match(text) else "line"


def _group(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


class StartJoiner:
    """Joins by one expression: a line begins a record where `start` is found in its first 1,000 characters."""

    def __init__(self, start: re.Pattern[str]) -> None:
        self._start = start
        self._lines = 0

    def add(self, line: bytes) -> list[bool]:
        """The verdict on `line`."""
        table = _table()
        begins = self._lines in (0, table.lines) or self._start.search(
            line[: 4 * table.characters].decode(errors="replace")[: table.characters].removesuffix("\r")
        )
        self._lines = 1 if begins else self._lines + 1
        return [bool(begins)]

    def end(self) -> list[bool]:
        """None: each line has its verdict at once."""
        return []
