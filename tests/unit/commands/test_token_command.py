"""`sse-hub token`: the keys and tokens it makes are accepted by a hub."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sse_hub.auth.keyring import ALGORITHMS, Keyring
from sse_hub.auth.token import verify
from sse_hub.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["token", *map(str, arguments)])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tokens_signed_with_a_new_key_are_accepted(tmp_path: Path, algorithm: str) -> None:
    file = tmp_path / "keys.json"

    made = run("key", file, "--algorithm", algorithm)
    told = run(
        *("make", "--keys", file, "--subject", "alice", "--subscribe", "shop.*", "--subscribe", "log"),
        *("--publish", "log", "--operate", "--expires", "90s", "--audience", "hubs", "--issuer", "here"),
    )

    assert (made.exit_code, told.exit_code) == (0, 0)
    grant = verify(told.stdout.strip(), Keyring.parse(file.read_text()), "hubs", "here")
    assert (grant.subject, grant.subscribe, grant.publish) == ("alice", ("shop.*", "log"), ("log",))
    assert grant.operate
    assert len(grant.token_id) == 16
    assert file.stat().st_mode & 0o777 == 0o600


def test_after_a_key_rotation_the_new_key_signs_and_old_tokens_stay_valid(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    tokens = []
    for algorithm in ("HS256", "EdDSA", "EdDSA"):
        run("key", file, "--algorithm", algorithm)
        tokens.append(run("make", "--keys", file, "--subject", "alice").stdout.strip())

    keyring = Keyring.parse(file.read_text())
    assert len(json.loads(file.read_text())["keys"]) == 3
    assert {verify(token, keyring, "sse-hub", None).subject for token in tokens} == {"alice"}


def test_the_public_half_of_a_key_verifies_and_cannot_sign(tmp_path: Path) -> None:
    file, half = tmp_path / "keys.json", tmp_path / "public.json"
    for algorithm in ("RS256", "EdDSA"):
        run("key", file, "--algorithm", algorithm)
    half.write_text(run("public", file).stdout)
    token = run("make", "--keys", file, "--subject", "alice").stdout.strip()

    assert verify(token, Keyring.parse(half.read_text()), "sse-hub", None).subject == "alice"
    assert not {name for key in json.loads(half.read_text())["keys"] for name in key} & {
        "d",
        "p",
        "q",
        "dp",
        "dq",
        "qi",
    }
    refused = run("make", "--keys", half, "--subject", "alice")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "only public keys" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("make", "--keys", "nowhere.json", "--subject", "a"), "No such file"),
        (("make", "--keys", "{keys}", "--subject", ""), "the subject must"),
        (("make", "--keys", "{keys}", "--subject", "a", "--subscribe", "a b"), "'a b' is not a channel"),
        (
            ("make", "--keys", "{keys}", "--subject", "a", "--expires", "soon"),
            "must be a duration such as 90s, 30m, 24h or 7d",
        ),
        (
            ("make", "--keys", "{keys}", "--subject", "a", "--expires", "0s"),
            "must be a duration such as 90s, 30m, 24h or 7d",
        ),
        (("public", "{keys}"), "use EdDSA or RS256"),
        (("revoke", "no.token.here"), "not a token with an id"),
    ],
)
def test_a_token_or_key_that_cannot_be_made_is_refused_with_the_reason(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    file = tmp_path / "keys.json"
    run("key", file)

    result = run(*(each.format(keys=file) for each in arguments))

    assert result.exit_code != 0
    assert told in result.stderr


def test_a_file_that_is_not_a_key_set_is_left_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text("my notes")

    assert run("key", file).exit_code == 1
    assert file.read_text() == "my notes"
    assert list(tmp_path.iterdir()) == [file]
