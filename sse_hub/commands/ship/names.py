"""
Names: which files a pattern means, which of them are rotated ones of another, and the channel of each. Pure but for
the look into the folders.

    app.log  <--  app.log.1, app.log-20261121, app.log.2.gz, app-20261121.log         {name} --> app
"""

import glob
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from sse_hub.errors import InvalidSetting
from sse_hub.protocol.selection import is_channel

NOT_IN_CHANNELS = re.compile(r"[^A-Za-z0-9._:/@+-]+")
TURN = re.compile(r"\d+")
CHANNEL_CHARACTERS = 128


class RotatedName:
    """The names under which rotators put away the file `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        stem, dot, suffix = name.rpartition(".")
        forms = [rf"{re.escape(name)}[._-]\d[\w.:-]*"]
        if stem and dot and not suffix.isdigit():
            forms.append(rf"{re.escape(stem)}[._-]\d[\d.:T_-]*{re.escape(dot + suffix)}(?:\.gz)?")
        self._pattern = re.compile("|".join(forms), re.ASCII)

    def matches(self, name: str) -> bool:
        """True for a rotated file's name; a temporary file of a compressor or a transfer is none."""
        return self._pattern.fullmatch(name) is not None and not name.endswith((".tmp", ".part", ".swp"))

    def turn(self, name: str) -> int:
        """The higher, the older, of `app.log.3` and `app.log.2`; 0 where a name tells no such number."""
        found = TURN.findall(name.removeprefix(self.name))
        return int(found[0]) if found and len(found[0]) < 5 else 0


def followed(patterns: Sequence[str]) -> list[Path]:
    """
    The files that `patterns` mean now, without those that are rotated ones of another. A name without `*`, `?` or
    `[` is followed before it is there.
    """
    paths: dict[Path, None] = {}
    for pattern in patterns:
        if glob.has_magic(pattern):
            found = sorted(glob.glob(pattern, recursive=True))
            paths |= dict.fromkeys(Path(name) for name in found if not Path(name).is_dir())
        else:
            paths[Path(pattern)] = None
    return _without_rotated(paths)


def _without_rotated(paths: Iterable[Path]) -> list[Path]:
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    kept = []
    for files in folders.values():
        names = [RotatedName(path.name) for path in files]
        kept += [path for path in files if not any(name.matches(path.name) for name in names)]
    return kept


def folders(patterns: Sequence[str]) -> set[Path]:
    """The folders to watch, of those that are there."""
    found: set[Path] = set()
    for pattern in patterns:
        parent = str(Path(pattern).parent)
        found |= {Path(name) for name in (glob.glob(parent, recursive=True) if glob.has_magic(parent) else [parent])}
    return {folder for folder in found if folder.is_dir()}


def channel_of(template: str, path: Path) -> str:
    """
    The channel for the lines of `path`: `{name}` is its name without the extension, `{path}` all of it.

    What a channel's name may not have becomes `_`. Raises InvalidSetting where no name comes of it.
    """
    name = path.name.removesuffix(".gz")
    name = name.rpartition(".")[0] or name
    values = {"name": name, "path": str(path).lstrip("/")}
    channel = re.sub(r"\{(name|path)\}", lambda found: NOT_IN_CHANNELS.sub("_", values[found[1]]), template)
    channel = channel[:CHANNEL_CHARACTERS]
    if not is_channel(channel):
        raise InvalidSetting(f"--channel {template!r} makes {channel!r} of {path}, which no hub serves.")
    return channel
