"""
`sse-hub token`: keys and tokens from the command line.

    token key FILE --> a key in a JWKS --> token make --> a token          token revoke --> invalid within 10 s
    token public FILE --> its public keys, for the hub
"""

import asyncio
import json
import os
import secrets
import sys
import time
from pathlib import Path

import click
from redis.exceptions import RedisError

from sse_hub.auth.grant import Grant, parse_rights
from sse_hub.auth.keyring import ALGORITHMS
from sse_hub.auth.revocation import revoke
from sse_hub.auth.signing import new_key, parse_keys, public_jwk, sign, signing_key
from sse_hub.broker.connect import publisher_client
from sse_hub.broker.keys import Partition
from sse_hub.commands.options import LOCAL_REDIS
from sse_hub.config import Config
from sse_hub.durations import parse_duration
from sse_hub.errors import InvalidSetting, error_text

HELP = {"help_option_names": ["-h", "--help"], "show_default": True}
key_file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.group(context_settings=HELP)
def token() -> None:
    """Make keys and tokens for hubs with --access token."""


@token.command(context_settings=HELP)
@key_file_argument
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default="HS256", help="The signature algorithm.")
def key(file: Path, algorithm: str) -> None:
    """Add a new key to FILE, a JWKS, which is created if needed. The newest key signs; all are accepted."""
    try:
        keys = parse_keys(file.read_text(encoding="utf-8")) if file.exists() else []
        new = new_key(algorithm)
        _write_private(file, json.dumps({"keys": [*keys, new]}, indent=2) + "\n")
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file}: {error_text(error)}.") from None
    click.echo(
        f"Key {new['kid']} for {algorithm} is in {file}. Anyone who can read the file can make tokens.", err=True
    )


@token.command(context_settings=HELP)
@key_file_argument
def public(file: Path) -> None:
    """Print the public keys of FILE: with these, a hub can check tokens but not make any."""
    try:
        keys = parse_keys(file.read_text(encoding="utf-8"))
        click.echo(json.dumps({"keys": [public_jwk(each) for each in keys]}, indent=2))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file}: {error_text(error)}.") from None


def _seconds(_context: click.Context, _option: click.Parameter, text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{error_text(error)}.") from None


@token.command(context_settings=HELP)
@click.option("--keys", required=True, type=click.Path(path_type=Path), help="JWKS with the signing key.")
@click.option("--subject", required=True, help="Who the token is for.")
@click.option("--subscribe", multiple=True, metavar="PATTERN", help="Channels the token may read. Repeatable.")
@click.option("--publish", multiple=True, metavar="PATTERN", help="Channels the token may publish on. Repeatable.")
@click.option("--operate", is_flag=True, help="Permit metrics and the hub's status.")
@click.option("--expires", default="8h", callback=_seconds, help="How long the token is valid.")
@click.option("--audience", default="sse-hub", help="The hubs' --token-audience.")
@click.option("--issuer", default=None, help="The hubs' --token-issuer.")
def make(
    keys: Path,
    subject: str,
    subscribe: tuple[str, ...],
    publish: tuple[str, ...],
    operate: bool,
    expires: int,
    audience: str,
    issuer: str | None,
) -> None:
    """Print a token."""
    now = time.time()
    rights: dict[str, object] = {"subscribe": list(subscribe), "publish": list(publish), "operate": operate}
    try:
        grant: Grant = parse_rights(subject, rights, now + expires, secrets.token_hex(8))
        click.echo(sign(signing_key(keys.read_text(encoding="utf-8")), grant, audience, issuer, now))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{error_text(error)}.") from None


@token.command(name="revoke", context_settings=HELP)
@click.option("--redis-url", default=None, metavar="URL", help="The hubs' Redis (also REDIS_URL).")
@click.argument("text", metavar="TOKEN")
def revoke_token(text: str, redis_url: str | None) -> None:
    """Revoke TOKEN (- reads it from standard input). Its streams end within 10 s."""
    try:
        config = Config.read({"redis_url": redis_url}, os.environ)
    except InvalidSetting as error:
        raise click.ClickException(str(error)) from None
    import jwt

    text = sys.stdin.read().strip() if text == "-" else text
    try:
        # Not verified: anyone who may write to the hubs' Redis may revoke, and the key may not be here.
        claims = jwt.decode(text, options={"verify_signature": False})
        token_id, until = claims["jti"], float(claims["exp"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise click.ClickException("This is not a token with an id (jti) and an expiry (exp).") from None
    try:
        asyncio.run(_revoke(config.redis_url or LOCAL_REDIS, str(token_id), until))
    except (RedisError, OSError) as error:
        raise click.ClickException(f"Redis refused: {error_text(error)}.") from None
    click.echo(f"Token {token_id} is revoked.", err=True)


async def _revoke(redis_url: str, token_id: str, until: float) -> None:
    partition = Partition()
    async with publisher_client(redis_url, partition) as commands:
        # It answers when the partition's place is known, and so the names of its keys.
        await commands.ping()
        await revoke(commands, partition, token_id, until)


def _write_private(file: Path, text: str) -> None:
    """Write `file` atomically, readable by its owner only."""
    temporary = file.with_name(file.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
    temporary.replace(file)
