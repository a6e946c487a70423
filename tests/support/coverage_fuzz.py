"""
Coverage-guided fuzzing (libFuzzer through atheris) of the property tests in tests/unit.

    python -m tests.support.coverage_fuzz --seconds 900                            all, one after the other
    python -m tests.support.coverage_fuzz broker.test_session.test_… --seconds 60  one
    python -m tests.support.coverage_fuzz broker.test_session.test_… --again FILE  one failing input, once more

A property of one `bytes` or `str` gets the input itself; for any other, hypothesis makes its arguments from the input.
.fuzz keeps the inputs that reached new code, with which the next run starts, and the inputs that failed.
"""

import importlib
import inspect
import random
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

UNIT = Path(__file__).parents[1] / "unit"
FOLDER = Path(".fuzz")
SHORTEST_SECONDS = 5
# Longer inputs find little and are slow.
INPUT_BYTES = 1_000
# With instrumentation on a busy machine: anything slower is an endless loop.
SLOW_SECONDS = 60
MEMORY_MEGABYTES = 2_000
# Random seeds for properties whose arguments hypothesis makes: it can make little of a short input.
SEEDS = 20
NO_ATHERIS = (
    "atheris is missing, which the guided part needs: `make fuzz` installs it where there is a wheel of it, "
    "which is for CPython 3.11 to 3.14 on Linux with glibc and x86-64 only."
)
DONE = re.compile(r"^Done (\d+) runs in (\d+) second", re.MULTILINE)
REACHED = re.compile(r"cov: (\d+) .*?corp: (\d+)/.*?rss: (\d+)Mb")


@click.command()
@click.argument("target", required=False)
@click.option("--seconds", default=900, show_default=True, help="For all targets together.")
@click.option("--again", type=click.Path(path_type=Path, exists=True), help="What has made the target fail.")
@click.option("--inside", is_flag=True, hidden=True)
def main(target: str | None, seconds: int, again: Path | None, inside: bool) -> None:
    """Fuzz TARGET, as package.module.function, or all of them."""
    if target and again:
        entry_of(target)(again.read_bytes())
        return
    if find_spec("atheris") is None:
        raise click.ClickException(NO_ATHERIS)
    if target and inside:
        fuzz(target, seconds)
    names = [target] if target else targets()
    each = max(SHORTEST_SECONDS, seconds // len(names))
    failed = [name for name in names if not run(name, each)]
    if failed:
        raise click.ClickException(f"{len(failed)} of {len(names)} targets failed: {', '.join(failed)}.")


def targets() -> list[str]:
    """The names of all property tests without fixtures."""
    files = [path for path in sorted(UNIT.rglob("test_*.py")) if "@given(" in path.read_text()]
    modules = [f"{path.parent.name}.{path.stem}" for path in files]
    return [
        f"{module}.{name}"
        for module in modules
        for name, test in vars(importlib.import_module(f"tests.unit.{module}")).items()
        if name.startswith("test_") and hasattr(test, "hypothesis") and not inspect.signature(test).parameters
    ]


def property_of(name: str) -> Any:
    """The test called `name`, as wrapped by hypothesis."""
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(f"tests.unit.{module}"), function)


def kind_of(test: Any) -> type | None:
    """`bytes` or `str` if that is the only argument of `test`, else None."""
    annotations = [each.annotation for each in inspect.signature(test.hypothesis.inner_test).parameters.values()]
    return annotations[0] if annotations in ([bytes], [str]) else None


def entry_of(name: str) -> Callable[[bytes], int]:
    """
    A function that takes an input of the fuzzer, and raises if the property called `name` does not hold for it.

    It returns -1 for an unusable input, so that the fuzzer does not build on it.
    """
    test = property_of(name)
    kind, given = kind_of(test), test.hypothesis

    def raw(data: bytes) -> int:
        given.inner_test(data)
        return 0

    def text(data: bytes) -> int:
        # As the texts of headers reach us.
        given.inner_test(data.decode(errors="surrogateescape"))
        return 0

    def made(data: bytes) -> int:
        return -1 if given.fuzz_one_input(data) is None else 0

    return raw if kind is bytes else text if kind is str else made


def seeds_of(name: str) -> list[bytes]:
    """The inputs that the test called `name` uses itself, if they are bytes or text; else random bytes."""
    test = property_of(name)
    if kind_of(test) is None:
        return [random.Random(number).randbytes(INPUT_BYTES) for number in range(SEEDS)]
    seeds: list[bytes] = []
    inner = test.hypothesis.inner_test

    def keep(**given: bytes | str) -> None:
        # Text from a test may hold lone surrogates, which no bytes decode to.
        seeds.extend(each if isinstance(each, bytes) else each.encode(errors="replace") for each in given.values())

    test.hypothesis.inner_test = keep
    try:
        test()
    finally:
        test.hypothesis.inner_test = inner
    return [seed for seed in seeds if len(seed) <= INPUT_BYTES]


def run(name: str, seconds: int) -> bool:
    """Fuzz the target called `name` in a separate process, and print the result. False if it failed."""
    command = [sys.executable, "-m", "tests.support.coverage_fuzz", name, "--inside", "--seconds", str(seconds)]
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    done, reached = DONE.search(process.stdout), REACHED.findall(process.stdout)
    if process.returncode or not done or not reached:
        click.echo(f"{process.stdout}\n{name} FAILED: see above, and {FOLDER}/found")
        return False
    first, last = reached[0], reached[-1]
    click.echo(
        f"{name}: {int(done[1]):,} inputs in {done[2]} s, {last[0]} places in the code reached by {last[1]} of them "
        f"({first[0]} by the first), {first[2]} MB at first, {last[2]} MB at the end"
    )
    return True


def fuzz(name: str, seconds: int) -> None:
    """Fuzz in this process, which then exits."""
    import atheris

    with atheris.instrument_imports(include=["sse_hub"]):
        entry = entry_of(name)
    found, corpus = FOLDER / "found", FOLDER / name
    for folder in (found, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds_of(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = {
        "max_total_time": seconds,
        "max_len": INPUT_BYTES,
        "timeout": SLOW_SECONDS,
        "rss_limit_mb": MEMORY_MEGABYTES,
        "artifact_prefix": f"{found}/{name}-",
        # Allow long inputs from the start; keep them long for hypothesis.
        "len_control": 0,
        "reduce_inputs": int(kind_of(property_of(name)) is not None),
    }
    atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(corpus)], entry)
    atheris.Fuzz()


if __name__ == "__main__":
    main(prog_name="python -m tests.support.coverage_fuzz")
