"""
Our own commands that follow something, each in a process.

    following(output, "ship", …) --> its process, ended with the block          what it says --> output
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import clean_environ
from tests.support.settings import ROOT, STOP_SECONDS


@contextmanager
def running_command(output: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """
    `sse-hub` with `words`, what it says added to `output`. It is ended by SIGTERM if it is still there at the end of
    the block. AssertionError where it ends otherwise than it should.
    """
    environ = clean_environ()
    command = [sys.executable, "-m", "sse_hub.cli", *words]
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
    """What commands have said in `output` so far."""
    return output.read_text(errors="replace")
