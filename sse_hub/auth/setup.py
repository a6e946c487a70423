"""
Access as the settings have it: what is wrong with them is said at the start, before anyone can come in.

    Config --> check_access(): InvalidSetting          Config, Redis, Hub --> open_access() --> Access
"""

import asyncio
import logging
import socket
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import redis.asyncio

from sse_hub.auth.authenticator import Authenticator, NoAuth, ProxyAuth, TokenAuth
from sse_hub.auth.keyring import Keyring
from sse_hub.auth.proxy_rules import ProxyRules
from sse_hub.auth.reloaded_file import ReloadedFile
from sse_hub.auth.revocation import Revocations
from sse_hub.auth.stream_expiry import Fenced, StreamExpiry
from sse_hub.auth.ticket import Tickets
from sse_hub.config import Config
from sse_hub.errors import InvalidSetting, ServerUnavailable

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Auth:
    """What a running hub has of it. `gate` decides, `tenure` ends streams."""

    authenticator: Authenticator
    stream_expiry: StreamExpiry

    async def keep_fresh(self) -> None:
        """Every few seconds look for changed keys, rules and revocations."""
        while True:
            await self.authenticator.refresh()
            await asyncio.sleep(REFRESH_SECONDS)


def check_access(config: Config) -> None:
    """Raises InvalidSetting where `config` would let in who should not be, or nobody; ServerUnavailable for no host."""
    if config.access is None and not is_loopback(config.host):
        raise InvalidSetting(
            f"--host={config.host!r} can be reached from elsewhere, so say who is let in: --access token with "
            "--token-keys, --access proxy with --proxy-peers, or --access none for everybody (docs/security.md)."
        )
    if config.access == "token":
        _keyring(config)
    elif config.token_keys:
        raise InvalidSetting("--token-keys is for --access token.")
    if config.access == "proxy":
        if not config.proxy_peers:
            raise InvalidSetting("--access proxy needs --proxy-peers: the address from which the proxy asks.")
        _rules(config)
    elif config.proxy_rules:
        raise InvalidSetting("--proxy-rules is for --access proxy.")


def create_auth(config: Config, commands: redis.asyncio.Redis, hub: Fenced) -> Auth:
    """Access to a hub whose `config` has passed check_access()."""
    gate = _create_authenticator(config, commands)
    return Auth(gate, StreamExpiry(gate, hub))


def is_loopback(host: str) -> bool:
    """True when what listens on `host` can't be reached from other machines. Raises ServerUnavailable."""
    try:
        addresses = {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise ServerUnavailable(f"Can't listen on {host!r}: {error}.") from None
    return all(ip_address(address.partition("%")[0]).is_loopback for address in addresses)


def _create_authenticator(config: Config, commands: redis.asyncio.Redis) -> Authenticator:
    origins = frozenset(config.cors_origin)
    if config.access == "token":
        revocations, tickets = Revocations(commands), Tickets(commands)
        return TokenAuth(_keyring(config), config.token_audience, config.token_issuer, origins, revocations, tickets)
    if config.access == "proxy":
        peers = [ip_network(each) for each in config.proxy_peers]
        return ProxyAuth(peers, config.proxy_user_header, config.proxy_groups_header, _rules(config), origins)
    return NoAuth(origins)


def _keyring(config: Config) -> ReloadedFile[Keyring]:
    if not config.token_keys:
        raise InvalidSetting("--access token needs --token-keys: a JWKS file, which `sse-hub token key` makes.")
    return ReloadedFile("--token-keys", config.token_keys, Keyring.read)


def _rules(config: Config) -> ReloadedFile[ProxyRules] | None:
    return ReloadedFile("--proxy-rules", config.proxy_rules, ProxyRules.read) if config.proxy_rules else None
