"""The access settings at start, and the rules for users of a proxy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sse_hub.auth import check_access
from sse_hub.auth.proxy_rules import ProxyRules, unrestricted_grant
from sse_hub.config import Config
from sse_hub.errors import InvalidSetting, Unauthenticated
from sse_hub.reloaded_file import ReloadedFile
from tests.support.settings import ROOT

KEYS = json.dumps({"keys": [{"kty": "oct", "k": "A" * 43}]})
RULES = """
[everyone]
subscribe = ["status"]
[groups.ops]
subscribe = ["*"]
operate = true
[groups.dev]
subscribe = ["shop.*"]
publish = ["shop.test"]
[users.alice]
publish = ["log"]
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_a_hub_on_loopback_needs_no_access_setting_and_raises_nothing(host: str) -> None:
    check_access(Config(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_hub_beyond_loopback_needs_an_access_setting(host: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        check_access(Config(host=host))

    for word in (f"--host={host!r}", "--access token", "--token-keys", "--access proxy", "--access none"):
        assert word in str(caught.value)
    check_access(Config(host=host, access="none"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"access": "token"}, "needs --token-keys"),
        ({"access": "token", "token_keys": "/nowhere/keys.json"}, "No such file"),
        ({"access": "proxy"}, "needs --proxy-peers"),
        ({"access": "proxy", "proxy_peers": ("10.0.0.1/32",), "proxy_rules": "/nowhere"}, "No such file"),
        # Given by mistake without --access, they would protect nothing.
        ({"token_keys": "keys.json"}, "--token-keys needs --access token"),
        ({"proxy_rules": "rules.toml"}, "--proxy-rules needs --access proxy"),
    ],
)
def test_access_settings_that_contradict_each_other_are_refused_with_the_reason(
    settings: dict[str, object], told: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        check_access(Config(**settings))  # type: ignore[arg-type]  # what a table of cases can't say

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSE_HUB_ACCESS", "maybe"),
        ("SSE_HUB_PROXY_PEERS", "proxy.example"),
        ("SSE_HUB_PROXY_PEERS", "10.0.0.1/8"),
        ("SSE_HUB_PROXY_USER_HEADER", "a b"),
        ("SSE_HUB_CORS_ORIGIN", "*"),
        ("SSE_HUB_CORS_ORIGIN", "null"),
        ("SSE_HUB_CORS_ORIGIN", "https://*.example"),
        ("SSE_HUB_CORS_ORIGIN", "https://app.example/"),
        ("SSE_HUB_CORS_ORIGIN", "app.example"),
    ],
)
def test_an_access_setting_that_would_admit_too_many_is_refused(variable: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=variable):
        Config.read({}, {variable: value})


def test_lists_in_access_settings_are_separated_by_spaces_or_commas() -> None:
    environ = {"SSE_HUB_PROXY_PEERS": "10.0.0.1, fd00::/8", "SSE_HUB_CORS_ORIGIN": "https://a.example http://[::1]:3"}

    config = Config.read({}, environ)

    assert config.proxy_peers == ("10.0.0.1/32", "fd00::/8")
    assert config.cors_origin == ("https://a.example", "http://[::1]:3")


def test_rights_of_everyone_the_user_and_the_groups_add_up() -> None:
    rules = ProxyRules.parse(RULES)

    assert rules.grant("bob", []).subscribe == ("status",)
    alice = rules.grant("alice", ["dev", "unknown"])
    assert (alice.subscribe, alice.publish, alice.operate) == (("status", "shop.*"), ("log", "shop.test"), False)
    assert rules.grant("carol", ["ops"]).operate
    # A group with the same name is not the user.
    assert rules.grant("ops", []).subscribe == ("status",)


def test_without_proxy_rules_every_authenticated_user_has_all_rights() -> None:
    assert unrestricted_grant("alice").restrict is not None
    assert (unrestricted_grant("alice").subject, unrestricted_grant("alice").subscribe) == ("alice", ("*",))
    with pytest.raises(Unauthenticated):
        unrestricted_grant("")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", ""),
        (f"users = {'[' * 5_000}{']' * 5_000}", "nested too deeply"),
        ("[group.ops]", "'group' must be one of"),
        ("groups = 1", "tables of tables"),
        ("[groups]\nops = 1", "[groups.ops]: it must be an object"),
        ("[groups.ops]\nread = []", "[groups.ops]: 'read' must be one of"),
        ('[users.bob]\nsubscribe = ["a b"]', "[users.bob]: 'a b' is not a channel"),
    ],
)
def test_invalid_proxy_rules_are_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="^") as caught:
        ProxyRules.parse(text)

    assert told in str(caught.value)


def test_a_changed_rules_file_is_reloaded_and_a_broken_one_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    kept = ReloadedFile("--file", str(path), int)
    path.write_text("22")
    kept.refresh()
    changed = (kept.value, kept.version)
    path.write_text("broken")
    kept.refresh()
    path.unlink()
    kept.refresh()

    assert changed == (22, 1)
    assert (kept.value, kept.version) == (22, 1)
    assert "No such file" in kept.error
    path.write_text("333")
    kept.refresh()
    assert (kept.value, kept.version, kept.error) == (333, 2, "")


def test_a_hub_without_tokens_does_not_import_their_library() -> None:
    """It takes 60 ms at start, and 8 MB in each worker."""
    look = "import sys, sse_hub.commands.serve; sys.exit('jwt' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", look], cwd=ROOT, check=False).returncode == 0
