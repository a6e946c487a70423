"""What is said at the start (access), and the rules of a proxy's users."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sse_hub.auth import check_access
from sse_hub.auth.proxy_rules import ProxyRules, trusting
from sse_hub.auth.reloaded_file import ReloadedFile
from sse_hub.config import Config
from sse_hub.errors import InvalidSetting, Unauthenticated
from tests.rig import ROOT

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
def test_on_loopback_nothing_need_be_said(host: str) -> None:
    check_access(Config(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_elsewhere_who_is_let_in_must_be_said(host: str) -> None:
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
        # Said by mistake without --access, they would protect nothing.
        ({"token_keys": "keys.json"}, "is for --access token"),
        ({"proxy_rules": "rules.toml"}, "is for --access proxy"),
    ],
)
def test_settings_that_do_not_go_together_are_told(settings: dict[str, object], told: str) -> None:
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
def test_a_setting_that_would_let_in_too_many_is_refused(variable: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=variable):
        Config.read({}, {variable: value})


def test_several_are_parted_by_space_or_comma() -> None:
    environ = {"SSE_HUB_PROXY_PEERS": "10.0.0.1, fd00::/8", "SSE_HUB_CORS_ORIGIN": "https://a.example http://[::1]:3"}

    config = Config.read({}, environ)

    assert config.proxy_peers == ("10.0.0.1/32", "fd00::/8")
    assert config.cors_origin == ("https://a.example", "http://[::1]:3")


def test_rights_of_everyone_of_the_user_and_of_the_groups_add_up() -> None:
    rules = ProxyRules.read(RULES)

    assert rules.grant("bob", []).subscribe == ("status",)
    alice = rules.grant("alice", ["dev", "unknown"])
    assert (alice.subscribe, alice.publish, alice.operate) == (("status", "shop.*"), ("log", "shop.test"), False)
    assert rules.grant("carol", ["ops"]).operate
    # A group of the same name is not the user.
    assert rules.grant("ops", []).subscribe == ("status",)


def test_without_rules_whom_the_proxy_lets_in_may_do_everything() -> None:
    assert trusting("alice").restrict is not None
    assert (trusting("alice").subject, trusting("alice").subscribe) == ("alice", ("*",))
    with pytest.raises(Unauthenticated):
        trusting("")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", ""),
        (f"users = {'[' * 5_000}{']' * 5_000}", "nested too deeply"),
        ("[group.ops]", "'group' is none of"),
        ("groups = 1", "tables of tables"),
        ("[groups]\nops = 1", "[groups.ops]: an object"),
        ("[groups.ops]\nread = []", "[groups.ops]: 'read' is none of"),
        ('[users.bob]\nsubscribe = ["a b"]', "[users.bob]: 'a b' is not a channel"),
    ],
)
def test_rules_that_can_t_be_used_are_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="^") as caught:
        ProxyRules.read(text)

    assert told in str(caught.value)


def test_a_file_that_changes_is_read_again_and_one_that_breaks_is_not(tmp_path: Path) -> None:
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
    path.write_text("333")
    kept.refresh()
    assert (kept.value, kept.version) == (333, 2)


def test_a_hub_without_tokens_does_not_pay_for_their_library() -> None:
    """60 ms of a start, and 8 MB of each worker."""
    look = "import sys, sse_hub.commands.serve; sys.exit('jwt' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", look], cwd=ROOT, check=False).returncode == 0
