"""Clients of a hub and the proxies of the environment."""

import httpx
import pytest

from sse_hub.commands.hub_client import hub_client, hub_error_text

PROXY = "http://user:secret@127.0.0.1:9"


@pytest.fixture(autouse=True)
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request goes through a proxy that nobody answers for."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, PROXY)
    monkeypatch.setenv("no_proxy", "direct.example")


async def error_of(url: str) -> str:
    async with hub_client([url]) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get(url)
    return hub_error_text(caught.value)


@pytest.mark.parametrize("url", ["http://hub.example/", "https://10.9.9.9:8091/x"])
async def test_an_error_names_the_proxy_without_its_password(url: str) -> None:
    assert (await error_of(url)).endswith(", through the proxy 127.0.0.1:9 of the environment")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.9:9", "http://localhost:9/", "http://[::1]:9/"])
async def test_a_hub_on_this_machine_is_asked_directly(url: str) -> None:
    assert "proxy" not in await error_of(url)
