"""
A text that nobody may see again: it is not in a repr, a log, an error or an answer.

    url, url_env, url_file --> read_secret() --> Secret --> reveal(), where it is used
"""

from collections.abc import Mapping
from pathlib import Path

MAX_CHARACTERS = 4_096


class Secret:
    """A secret text. Whatever shows it shows `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def read_secret(table: Mapping[str, object], member: str, environ: Mapping[str, str]) -> Secret | None:
    """
    The secret that `table` has in `member`, in the variable named by `<member>_env`, or in the file of `<member>_file`.

    None if it has none of them. Raises ValueError, which never has the secret.
    """
    given = [name for name in (member, f"{member}_env", f"{member}_file") if name in table]
    if not given:
        return None
    if len(given) > 1:
        raise ValueError(f"it has {given[0]} and {given[1]}: one of them is allowed")
    [name] = given
    source = table[name]
    if not isinstance(source, str) or not source:
        raise ValueError(f"{name} must be a text")
    text = _read(name, source, environ).strip()
    if not text or len(text) > MAX_CHARACTERS:
        raise ValueError(f"what {name} gives must have 1 to {MAX_CHARACTERS} characters")
    if not text.isprintable() or " " in text:
        raise ValueError(f"what {name} gives must have no blanks, line ends or control characters")
    return Secret(text)


def _read(name: str, source: str, environ: Mapping[str, str]) -> str:
    if name.endswith("_env"):
        if source not in environ:
            raise ValueError(f"{name} names the variable {source[:64]!r}, which is not set")
        return environ[source]
    if name.endswith("_file"):
        try:
            with Path(source).open(encoding="utf-8") as file:
                return file.read(MAX_CHARACTERS + 2)
        except OSError as error:
            raise ValueError(f"{name}: {source[:200]!r} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{name}: {source[:200]!r} is not UTF-8") from None
    return source
