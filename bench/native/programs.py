"""
The C programs: built into a folder, run, and their JSON read.

    build(folder) --> Tools --> load() --> Load     publish() --> Publisher     floor() --> Floor
"""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SOURCES = Path(__file__).parent
PROGRAMS = ("load", "publish", "floor")


class Unbuildable(Exception):
    """There is no compiler, or it refuses; the message says what to do."""


class Broken(Exception):
    """A program of the bench, or a server, did not do its part."""


def compiler() -> str:
    """The C compiler's command. Raises Unbuildable."""
    found = shutil.which("cc") or shutil.which("gcc")
    if not found:
        raise Unbuildable("The bench needs a C compiler, cc or gcc (Debian: apt-get install gcc libc6-dev).")
    return found


def build(folder: Path) -> "Tools":
    """The programs, compiled into `folder`. Raises Unbuildable."""
    command = compiler()
    for name in PROGRAMS:
        made = subprocess.run(
            [command, "-O2", "-o", str(folder / name), str(SOURCES / f"{name}.c")], capture_output=True, text=True
        )
        if made.returncode:
            raise Unbuildable(f"{command} can't compile bench/native/{name}.c:\n{made.stderr}")
    return Tools(folder)


class Program:
    """A running program: `command` as a person would type it, what it says on stderr, its JSON."""

    def __init__(self, arguments: list[str]) -> None:
        self.command = " ".join([Path(arguments[0]).name, *arguments[1:]])
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_for(self, word: str, seconds: float) -> None:
        """Return when it has said `word` on stderr. Raises Broken with what it said instead."""
        said: list[str] = []
        # A program that says nothing is ended, so that the read below ends, too.
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            for line in _lines(self.process.stderr):
                said.append(line)
                if line.startswith(word):
                    return
        finally:
            timer.cancel()
        raise Broken(f"{self.command} never said {word}: {' '.join(said)[-500:].strip()}")

    def tell(self, text: str) -> None:
        """Write a line to its stdin."""
        if self.process.stdin:
            try:
                self.process.stdin.write(text + "\n")
                self.process.stdin.flush()
            except BrokenPipeError:
                # It has ended by itself; its report says why.
                return

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def report(self, seconds: float) -> dict[str, Any]:
        """Its JSON, once it has ended. Raises Broken."""
        try:
            output, errors = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Broken(f"{self.command} did not end in {seconds:.0f} s") from None
        try:
            return dict(json.loads(output))
        except ValueError:
            raise Broken(f"{self.command} ended with {self.process.returncode}: {errors[-500:].strip()}") from None

    def end(self) -> None:
        """Kill it if it still runs."""
        self.process.kill()
        self.process.communicate()


def _lines(stream: IO[str] | None) -> Iterator[str]:
    # Not an iteration over the file, which reads ahead and so would wait for more than one line.
    while stream and (line := stream.readline()):
        yield line


@dataclass(frozen=True)
class Tools:
    """The compiled programs in `folder`."""

    folder: Path

    @contextmanager
    def run(self, name: str, **options: object) -> Iterator[Program]:
        """
        A program with `options`, killed at the end of the block if it still runs.

        An option's underscores become dashes; one that is None is left out.
        """
        arguments = [str(self.folder / name)]
        for option, value in options.items():
            if value is not None:
                arguments += [f"--{option.replace('_', '-')}", str(value)]
        program = Program(arguments)
        try:
            yield program
        finally:
            program.end()
