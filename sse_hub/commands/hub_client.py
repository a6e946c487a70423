"""
HTTP clients of a hub, for commands. They use the proxies of the environment (`http_proxy`, `all_proxy`, …), as curl
does, but never for a hub on this machine.

    hub_client(urls, …) --> httpx.AsyncClient          its error --> hub_error_text(): names the proxy, if there is one
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from sse_hub.errors import error_text


def hub_client(urls: Iterable[str], **options: Any) -> httpx.AsyncClient:
    """A client for the hubs at `urls`; `options` are those of httpx.AsyncClient."""
    hosts = {urlsplit(url).hostname or "" for url in urls}
    direct = {f"all://[{host}]" if ":" in host else f"all://{host}": None for host in hosts if _is_local(host)}
    return httpx.AsyncClient(mounts=direct, **options)


def hub_error_text(error: Exception) -> str:
    """The message of `error`, with the proxy that the request went through: it may be what does not answer."""
    text = error_text(error)
    if not isinstance(error, httpx.TransportError):
        return text
    try:
        url = error.request.url
    except RuntimeError:
        return text
    proxy = _proxy_for(url.scheme, url.host)
    return f"{text}, through the proxy {proxy} of the environment" if proxy else text


def _proxy_for(scheme: str, host: str) -> str:
    """The proxy that httpx uses for `host`, without its password; empty for none."""
    if _is_local(host) or proxy_bypass(host):
        return ""
    proxies = getproxies()
    return (proxies.get(scheme) or proxies.get("all") or "").rpartition("@")[2]


def _is_local(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
