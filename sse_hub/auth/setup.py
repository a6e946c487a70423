"""
Sets up authentication from the settings. Wrong settings are reported at start, before anyone can connect.

    Config --> check_access(): InvalidSetting          Config, Redis, Ingest --> create_auth() --> Auth
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
from sse_hub.auth.revocation import Revocations
from sse_hub.auth.stream_expiry import StreamExpiry
from sse_hub.auth.ticket import Tickets
from sse_hub.broker.keys import Partition
from sse_hub.config import UNIX, Config
from sse_hub.errors import InvalidSetting, ServerUnavailable, error_text
from sse_hub.hub.ingest import Ingest
from sse_hub.reloaded_file import ReloadedFile

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Auth:
    """Authentication of a running hub: `authenticator` admits requests, `stream_expiry` ends streams."""

    authenticator: Authenticator
    stream_expiry: StreamExpiry

    async def keep_fresh(self) -> None:
        """Reload changed keys, rules and revocations every REFRESH_SECONDS, until cancelled."""
        while True:
            await self.authenticator.refresh()
            await asyncio.sleep(REFRESH_SECONDS)


def check_access(config: Config) -> None:
    """
    Check the settings that say who is let in.

    Raises InvalidSetting if they would let in everybody by mistake, or can't work; ServerUnavailable if the host has
    no address.
    """
    if config.access is None and not is_loopback_host(config.host):
        raise InvalidSetting(
            f"--host={config.host!r} can be reached from other machines, so say who is let in: --access token with "
            "--token-keys, --access proxy with --proxy-peers, or --access none for everybody (docs/security.md)."
        )
    if config.access == "token":
        _load_keyring(config)
    elif config.token_keys:
        raise InvalidSetting("--token-keys needs --access token.")
    if config.access == "proxy":
        if not config.proxy_peers:
            raise InvalidSetting("--access proxy needs --proxy-peers: the address that the proxy connects from.")
        _load_rules(config)
    elif config.proxy_rules:
        raise InvalidSetting("--proxy-rules needs --access proxy.")


def create_auth(config: Config, commands: redis.asyncio.Redis, partition: Partition, ingest: Ingest) -> Auth:
    """Authentication for a hub whose `config` has passed `check_access`."""
    authenticator = _create_authenticator(config, commands, partition)
    return Auth(authenticator, StreamExpiry(authenticator, ingest))


def is_loopback_host(host: str) -> bool:
    """True when a server on `host` can't be reached from other machines. Raises ServerUnavailable."""
    if host.startswith(UNIX):
        return True
    try:
        addresses = {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    # A name that IDNA can't encode, as one of 300 letters, is a UnicodeError.
    except (OSError, UnicodeError) as error:
        raise ServerUnavailable(f"The server can't listen on {host!r}: {error_text(error)}.") from None
    return all(ip_address(address.partition("%")[0]).is_loopback for address in addresses)


def _create_authenticator(config: Config, commands: redis.asyncio.Redis, partition: Partition) -> Authenticator:
    origins = frozenset(config.cors_origin)
    if config.access == "token":
        revocations, tickets = Revocations(commands, partition), Tickets(commands, partition)
        return TokenAuth(
            _load_keyring(config), config.token_audience, config.token_issuer, origins, revocations, tickets
        )
    if config.access == "proxy":
        peers = [ip_network(each) for each in config.proxy_peers]
        return ProxyAuth(peers, config.proxy_user_header, config.proxy_groups_header, _load_rules(config), origins)
    return NoAuth(origins)


def _load_keyring(config: Config) -> ReloadedFile[Keyring]:
    if not config.token_keys:
        raise InvalidSetting("--access token needs --token-keys: a JWKS file, as `sse-hub token key` makes it.")
    return ReloadedFile("--token-keys", config.token_keys, Keyring.parse)


def _load_rules(config: Config) -> ReloadedFile[ProxyRules] | None:
    return ReloadedFile("--proxy-rules", config.proxy_rules, ProxyRules.parse) if config.proxy_rules else None
