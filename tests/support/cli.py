"""
`sse-hub` commands that keep running, each in its own process.

    running_command(output, "ship", …) --> its process, ended with the block          what it prints --> output
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import clean_environ
from tests.support.settings import ROOT, STOP_SECONDS


@contextmanager
def running_command(output: Path, *words: str, prefix: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run `sse-hub` with `words`, by the command `prefix` if any, and append what it prints to `output`.

    At the end of the block, a process that still runs gets SIGTERM. AssertionError if it exits with an error.
    """
    environ = clean_environ()
    command = [*prefix, sys.executable, "-m", "sse_hub.cli", *words]
    with open(output, "ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environ, cwd=ROOT)
        try:
            yield process
            if process.poll() is None:
                process.terminate()
                assert process.wait(STOP_SECONDS) == 0, output_in(output)
            assert "Traceback" not in output_in(output), output_in(output)
        finally:
            process.kill()
            process.wait()


def output_in(output: Path) -> str:
    """What commands have printed to `output` so far."""
    return output.read_text(errors="replace")
