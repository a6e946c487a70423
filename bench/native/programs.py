"""
The C programs load, publish and floor: compiled into a folder, run, and their JSON reports read.

    build(folder) --> Programs.run(name, options) --> Program: send(), wait_for(), report()
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

from bench.errors import BenchError, BuildError

SOURCES = Path(__file__).parent
PROGRAMS = ("load", "publish", "floor")


def find_compiler() -> str:
    """Return the C compiler's command. Raises BuildError."""
    found = shutil.which("cc") or shutil.which("gcc")
    if not found:
        raise BuildError("The bench needs a C compiler, cc or gcc (Debian: apt-get install gcc libc6-dev).")
    return found


def build(folder: Path) -> "Programs":
    """Compile the programs into `folder`. Raises BuildError."""
    compiler = find_compiler()
    for name in PROGRAMS:
        compilation = subprocess.run(
            [compiler, "-O2", "-o", str(folder / name), str(SOURCES / f"{name}.c")], capture_output=True, text=True
        )
        if compilation.returncode:
            raise BuildError(f"{compiler} can't compile bench/native/{name}.c:\n{compilation.stderr}")
    return Programs(folder)


class Program:
    """A running program; `command` is its command line as a person would type it."""

    def __init__(self, arguments: list[str]) -> None:
        self.command = " ".join([Path(arguments[0]).name, *arguments[1:]])
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_for(self, word: str, seconds: float) -> None:
        """Wait until the program prints a line on stderr that begins with `word`. Raises BenchError with its output."""
        output: list[str] = []
        # Kills a program that prints nothing, so that the loop below ends.
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            for line in _read_lines(self.process.stderr):
                output.append(line)
                if line.startswith(word):
                    return
        finally:
            timer.cancel()
        raise BenchError(f"{self.command} never printed {word}: {' '.join(output)[-500:].strip()}")

    def send(self, text: str) -> None:
        """Write a line to the program's stdin."""
        if self.process.stdin:
            try:
                self.process.stdin.write(text + "\n")
                self.process.stdin.flush()
            except BrokenPipeError:
                # The program has ended; its report says why.
                return

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def report(self, seconds: float) -> dict[str, Any]:
        """Wait up to `seconds` for the program to end, and return its JSON. Raises BenchError."""
        try:
            output, errors = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self.command} did not end within {seconds:.0f} s") from None
        try:
            return dict(json.loads(output))
        except ValueError:
            status = self.process.returncode
            raise BenchError(f"{self.command} ended with status {status}: {errors[-500:].strip()}") from None

    def end(self) -> None:
        """Kill the program if it is still running."""
        self.process.kill()
        self.process.communicate()


def _read_lines(stream: IO[str] | None) -> Iterator[str]:
    # Iterating over the file would read ahead, and so wait for more than one line.
    while stream and (line := stream.readline()):
        yield line


@dataclass(frozen=True)
class Programs:
    """The compiled programs in `folder`."""

    folder: Path

    @contextmanager
    def run(self, name: str, **options: object) -> Iterator[Program]:
        """
        Run a program with `options`; at the end of the block it is killed if it is still running.

        Underscores in the names of options become dashes; options that are None are left out.
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
