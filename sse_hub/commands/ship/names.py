"""
File names: which files a pattern matches, which of them are rotated files of another one, and the channel of each. Pure
but for listing folders.

    app.log  <--  app.log.1, app.log-20261121, app.log.2.gz, app-20261121.log         {name} --> app
"""

import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Sequence
from errno import EACCES
from pathlib import Path

from sse_hub.commands.shipping.channels import fill_channel
from sse_hub.errors import InvalidSetting
from sse_hub.protocol.selection import is_channel

NUMBER = re.compile(r"\d+")


class RotatedName:
    """The names that log rotation gives to old files of `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        stem, dot, suffix = name.rpartition(".")
        forms = [rf"{re.escape(name)}[._-]\d[\w.:-]*"]
        if stem and dot and not suffix.isdigit():
            forms.append(rf"{re.escape(stem)}[._-]\d[\d.:T_-]*{re.escape(dot + suffix)}(?:\.gz)?")
        self._pattern = re.compile("|".join(forms), re.ASCII)

    def matches(self, name: str) -> bool:
        """Whether `name` is a rotated file; temporary files of a compressor or a transfer are not."""
        return self._pattern.fullmatch(name) is not None and not name.endswith((".tmp", ".part", ".swp"))

    def rotation_number(self, name: str) -> int:
        """The number in `app.log.3`, where a higher one is older; 0 if the name has none."""
        found = NUMBER.findall(name.removeprefix(self.name))
        return int(found[0]) if found and len(found[0]) < 5 else 0


def followed_paths(patterns: Sequence[str], excluded: Sequence[str] = ()) -> list[Path]:
    """
    The files that match `patterns` now and none of `excluded`, without rotated files of others. A name without `*`, `?`
    or `[` is included even if the file does not exist yet.
    """
    paths: dict[Path, None] = {}
    for pattern in patterns:
        if glob.has_magic(pattern):
            found = sorted(glob.glob(pattern, recursive=True))
            paths |= dict.fromkeys(Path(name) for name in found if not os.path.isdir(name))
        else:
            paths[Path(pattern)] = None
    return _without_rotated(path for path in paths if not any(is_excluded(path, pattern) for pattern in excluded))


def is_excluded(path: Path, pattern: str) -> bool:
    """
    Whether the end of `path` matches `pattern`: `*.gz`, `old/*.log`; or all of it, where `*` stands for slashes too:
    `/var/log/*/old/*`.
    """
    return path.match(pattern) or fnmatch.fnmatchcase(str(path.absolute()), pattern)


def _without_rotated(paths: Iterable[Path]) -> list[Path]:
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    kept = []
    for files in folders.values():
        names = [RotatedName(path.name) for path in files]
        kept += [path for path in files if not any(name.matches(path.name) for name in names)]
    return kept


def watched_folders(patterns: Sequence[str]) -> set[Path]:
    """The folders to watch that exist."""
    found: set[Path] = set()
    for pattern in patterns:
        parent = str(Path(pattern).parent)
        found |= {Path(name) for name in (glob.glob(parent, recursive=True) if glob.has_magic(parent) else [parent])}
    # One that may not be listed can't be watched, and would end the watching of the others.
    return {folder for folder in found if os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)}


def blocking_error(pattern: str) -> tuple[Path, OSError] | None:
    """The folder that hides what `pattern` stands for, since it may not be read, and why; None if there is none."""
    path = Path(pattern).absolute()
    for part in (*reversed(path.parents), path):
        if glob.has_magic(str(part)):
            parent = part.parent
            readable = os.access(parent, os.R_OK | os.X_OK)
            return None if readable else (parent, PermissionError(EACCES, os.strerror(EACCES)))
        try:
            os.stat(part)
        except PermissionError as error:
            return part.parent, error
        except OSError:
            return None
    return None


def channel_of(template: str, path: Path) -> str:
    """
    The channel of `path`: in `template`, `{name}` is its name without the extension and `{path}` its full path.

    Characters that a channel name can't have become code points, as in `U+8BA2`. Raises InvalidSetting if the result is
    not a channel name.
    """
    name = path.name.removesuffix(".gz")
    name = name.rpartition(".")[0] or name
    values = {"name": name, "path": str(path).lstrip("/")}
    channel = fill_channel(template, values)
    if not is_channel(channel):
        raise InvalidSetting(f"--channel {template!r} gives {channel!r} for {path}, not a valid channel name.")
    return channel


def link_targets(paths: Iterable[Path]) -> list[str]:
    """Patterns for the files to which those of `paths` that are links lead."""
    return [glob.escape(os.path.realpath(path)) for path in paths if os.path.islink(path)]


def refuse_folders(patterns: Sequence[str]) -> None:
    """Raises InvalidSetting if one of `patterns` is a folder."""
    for pattern in patterns:
        if os.path.isdir(pattern):
            raise InvalidSetting(f"{pattern} is a folder: name its files, such as '{os.path.join(pattern, '*.log')}'.")
