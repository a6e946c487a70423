"""The documents agree with the code."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sse_hub
from sse_hub.logging import RedisHandler
from sse_hub.protocol.lines import with_channel
from sse_hub.protocol.sse import (
    Gap,
    auth_frame,
    checkpoint_frame,
    event_frame,
    gap_frame,
    heartbeat_frame,
    lines_frame,
    refused_frame,
)
from tests.support.client_programs import CLIENTS, SOURCES
from tests.support.settings import ROOT
from tests.support.sse_client import Decoder

CLIENTS_DOCUMENT = (ROOT / "docs" / "clients.md").read_text()
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/*.md")]
# Those that say where things are.
DESCRIPTIONS = [
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("design", "request", "glossary")),
    *ROOT.glob("docs/decisions/*.md"),
]
BLOCKS = re.findall(r"```sse\n(.*?)```", PROTOCOL, re.DOTALL)
LINE = '{"level": "info", "message": "Visit 新增 id 8348"}'.encode()


@pytest.mark.parametrize(
    ("block", "frames"),
    [
        (0, checkpoint_frame(b"1795233018000-0", 2000)),
        (1, event_frame(b"1795233018000-1", b"message", LINE)),
        (
            2,
            event_frame(
                b"1795233018000-1.2", b"message", with_channel(b'{"level": "info", "message": "paid"}', "orders")
            ),
        ),
        (
            3,
            lines_frame(
                b"1795233018000-2",
                [
                    ("1795233018000-1", "log", '{"n": 1}', 1795233018120),
                    ("1795233018000-2", "log", '{"n": 2}', 1795233018470),
                ],
            ),
        ),
        (
            4,
            gap_frame(b"1795233020000-0", Gap("log", "1795233018000-2", "1795233020000-0", None, "recorder-down")),
        ),
        (5, heartbeat_frame(b"1795233030000-0")),
        (6, refused_frame(b"1795233018000-0", 10_000, "address", "203.0.113.9 has 64 streams open, the maximum.")),
        (7, auth_frame(b"1795233030000-0", 2000, "expired")),
    ],
)
def test_the_frames_in_the_protocol_document_are_the_ones_we_send(block: int, frames: bytes) -> None:
    assert BLOCKS[block].encode() == frames


def test_every_frame_in_the_protocol_document_is_checked() -> None:
    assert len(BLOCKS) == 8
    for block in BLOCKS:
        for event in Decoder().feed(block.encode()):
            json.loads(event.data)


def test_the_programs_in_the_clients_document_are_the_ones_that_are_tested() -> None:
    shown = dict(re.findall(r"<!-- program: (\S+) -->\n```\w+\n(.*?)```", CLIENTS_DOCUMENT, re.DOTALL))

    assert shown == {client.source: (SOURCES / client.source).read_text() for client in CLIENTS}


def test_the_changelog_has_the_current_version() -> None:
    assert f"## {sse_hub.__version__} - " in (ROOT / "CHANGELOG.md").read_text()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_documents_and_makefile_name_only_existing_test_files() -> None:
    names = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    makefile = (ROOT / "Makefile").read_text()
    [faults] = re.findall(r"^FAULTS := \$\(addprefix (\S+?),(.*?)\) (\S+)$", makefile.replace("\\\n", ""), re.M)

    for document in (*(ROOT / "docs").glob("*.md"), ROOT / "tests" / "README.md"):
        assert set(re.findall(r"\btest_\w+\.py\b", document.read_text())) <= names, document.name
    for path in (*(faults[0] + each for each in faults[1].split()), faults[2], *re.findall(r"tests/\S+\.py", makefile)):
        assert (ROOT / path).exists(), path


def anchors_of(document: Path) -> set[str]:
    """The anchors of the headings of `document`, as GitHub names them."""
    found: dict[str, int] = {}
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower()).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
    return {f"{name}-{count}" if count else name for name, last in found.items() for count in range(last + 1)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_between_documents_resolves(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?://)([^)]+)\)", document.read_text()):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()

    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert pages <= set(re.findall(r"\]\(([\w-]+\.md)\)", index))


def test_the_design_document_names_every_package_and_root_module() -> None:
    design = (ROOT / "docs" / "design.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", design.partition("## The packages")[2], re.MULTILINE)
    package = Path(sse_hub.__file__).parent

    assert {path.parent.name for path in package.glob("*/__init__.py")} <= set(rows)
    assert {path.stem for path in package.glob("*.py")} - {"__init__"} <= set(re.findall(r"`(\w+)`", design))
    assert {path.parent.name for path in package.glob("commands/*/__init__.py")} <= set(re.findall(r"`(\w+)`", design))


@pytest.mark.parametrize("package", sorted(path.parent.name for path in ROOT.glob("sse_hub/*/__init__.py")))
def test_every_package_has_a_page_of_decisions(package: str) -> None:
    page = ROOT / "docs" / "decisions" / f"{package}.md"

    assert page.exists()
    assert f"({page.name})" in (page.parent / "README.md").read_text()


@pytest.mark.parametrize("document", DESCRIPTIONS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_named_in_a_description_exists(document: Path) -> None:
    """`hub/feed` is a module of the package, `web/js/views/row.js` a file of the project."""
    packages = {path.parent.name for path in ROOT.glob("sse_hub/*/__init__.py")}
    for name in re.findall(r"`([\w.-]+/[\w./-]*)`", document.read_text()):
        if name.split("/")[0] in packages:
            path = ROOT / "sse_hub" / name
            assert path.exists() or path.with_suffix(".py").exists(), name
        elif name.split("/")[0] in {"sse_hub", "web", "tests", "bench", "docs", "requirements"}:
            assert (ROOT / name).exists() or (ROOT / f"{name}.py").exists(), name


@pytest.mark.parametrize("document", DESCRIPTIONS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_class_named_in_a_description_exists(document: Path) -> None:
    """`Hub.subscribe` is a member of the class Hub; names of HTTP, browsers and Python are not ours."""
    code = "\n".join(path.read_text() for path in (ROOT / "sse_hub").rglob("*.py"))
    foreign = {"EventSource", "Traceback", "HttpOnly", "Origin", "Referer", "None"}
    for name, member in re.findall(r"`([A-Z][a-z]\w*)(?:\.(\w+))?`", document.read_text()):
        assert name in foreign or re.search(rf"^class {name}\b", code, re.MULTILINE), name
        assert not member or re.search(rf"def {member}\b", code), f"{name}.{member}"


def test_the_examples_of_the_api_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)

    command = [sys.executable, "-W", "error", "-c", "\n".join(examples)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert len(examples) == 5
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_api_page_lists_the_arguments_of_the_handler_with_their_defaults() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    signature = inspect.signature(RedisHandler.__init__).parameters
    given = {name: each.default for name, each in signature.items() if name != "self"}

    (shown,) = re.findall(r"```\nRedisHandler\((.*?)\)\n```", page, re.DOTALL)
    told = ast.parse(f"def handler({shown.replace('NOTSET', '0')}): ...").body[0]

    assert isinstance(told, ast.FunctionDef)
    names = [each.arg for each in (*told.args.args, *told.args.kwonlyargs)]
    defaults = [ast.literal_eval(each) for each in (*told.args.defaults, *told.args.kw_defaults) if each]
    assert dict(zip(names, defaults, strict=True)) == given


def test_every_event_metric_and_field_named_in_troubleshooting_exists() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "sse_hub").rglob("*.py"))
    named = re.findall(r"`([a-z]+(?:_[a-z]+)+)(?:\{[a-z_,]+\})?`", (ROOT / "docs" / "troubleshooting.md").read_text())

    assert len(named) > 20
    assert [name for name in named if not re.search(rf"\b{name.removesuffix('_total')}\b", code)] == []


def test_each_message_that_troubleshooting_quotes_is_in_the_code() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "sse_hub").rglob("*.py"))
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    quoted = [part.strip(" :") for text in re.findall(r"`([^`\n]*… ?[^`\n]*)`", page) for part in text.split("…")]
    messages = [part for part in quoted if re.search(r"\w \w", part) and not part.startswith("sse-hub ")]

    assert len(messages) >= 5
    assert [message for message in messages if message not in code] == []
