"""
The recipes of docs/publishers.md for compiled languages and PHP, as programs.

    build_recipe("go", folder, port, "app") --> command --> running(command) --> LoggingProgram.log("text")

Each program logs the lines of its standard input and answers each one when the logger has returned. The sources beside
the recipes are in tests/recipes.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select

from tests.support.settings import DEADLINE_SECONDS, ROOT

DOCUMENT = (ROOT / "docs" / "publishers.md").read_text(encoding="utf-8")
SNIPPETS: Mapping[str, str] = dict(re.findall(r"<!-- run: ([\w-]+) -->\n```\w*\n(.*?)```", DOCUMENT, re.DOTALL))
RUST_TARGET = ROOT / ".recipes" / "rust"
BUILD_SECONDS = 10 * DEADLINE_SECONDS
# As in tests/clients/install.sh.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
BUILD_ENVIRON = {
    "CARGO_BUILD_BUILD_DIR": str(CACHE / "sse-hub-tests" / "rust"),
    "MAVEN_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@dataclass(frozen=True)
class Recipe:
    """`snippets` are the file names of the recipe's parts in docs/publishers.md; `build` makes what `run` runs."""

    snippets: Mapping[str, str]
    build: Sequence[str]
    run: Sequence[str]


RECIPES: Mapping[str, Recipe] = {
    "go": Recipe({"go": "hub.go"}, ("go", "build", "-o", "shop", "."), ("./shop",)),
    "rust": Recipe(
        {"rust": "src/hub.rs"},
        ("cargo", "build", "--quiet", "--locked", "--target-dir", str(RUST_TARGET)),
        (str(RUST_TARGET / "debug" / "shop"),),
    ),
    "java": Recipe(
        {"java": "src/main/java/shop/HubAppender.java", "logback": "src/main/resources/logback.xml"},
        ("mvn", "-q", "-B", "compile", "dependency:copy-dependencies"),
        ("java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/dependency/*", "shop.Main"),
    ),
    "php": Recipe({"php": "hub.php"}, ("php", "-l", "hub.php"), ("php", "main.php")),
}


def build_recipe(language: str, folder: Path, port: int, channel: str) -> list[str]:
    """
    Build the recipe in `folder`, for the Redis on `port` of loopback and `channel`; the command that runs it there.

    AssertionError with the compiler's output if it cannot be built, or with the name of the missing tool.
    """
    recipe = RECIPES[language]
    shutil.copytree(ROOT / "tests" / "recipes" / language, folder, dirs_exist_ok=True)
    for snippet, name in recipe.snippets.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SNIPPETS[snippet], encoding="utf-8")
    for source in (each for each in folder.rglob("*.*") if each.suffix in {".go", ".rs", ".java", ".php"}):
        text = source.read_text(encoding="utf-8").replace("6379", str(port))
        source.write_text(re.sub(r"""(["'])app\1""", f'"{channel}"', text), encoding="utf-8")
    assert shutil.which(recipe.build[0]), f"{recipe.build[0]} is missing: `make test` installs it on Debian"
    result = subprocess.run(
        recipe.build,
        cwd=folder,
        env=os.environ | BUILD_ENVIRON,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return list(recipe.run)


@dataclass(frozen=True)
class LoggingProgram:
    """A running recipe."""

    process: subprocess.Popen[str]

    def log(self, texts: Sequence[str]) -> None:
        """Log `texts`. AssertionError if a call of the logger does not return within DEADLINE_SECONDS."""
        assert self.process.stdin and self.process.stdout
        for text in texts:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
            assert select([self.process.stdout], [], [], DEADLINE_SECONDS)[0], "the logger holds the app up"
            assert self.process.stdout.readline() == "logged\n"

    def end(self) -> None:
        """End the standard input, upon which the program ends. AssertionError if it fails or hangs."""
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(DEADLINE_SECONDS) == 0


@contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator[LoggingProgram]:
    """Run `command` in `folder`; it is killed if it still runs at the end of the block."""
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1
    ) as process:
        try:
            yield LoggingProgram(process)
        finally:
            process.kill()
