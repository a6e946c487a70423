"""
`sse-hub redis-acl`: the accounts that Redis should have.

    --ingest, --publish --> broker/acl --> ACL commands or lines of an aclfile, on stdout          passwords: on stderr
"""

import secrets
from collections.abc import Iterator

import click

from sse_hub.broker.acl import account, hub_rules, publisher_rules
from sse_hub.commands.options import ingest_option, read_config
from sse_hub.errors import HubError


@click.command(name="redis-acl", context_settings={"help_option_names": ["-h", "--help"]})
@ingest_option
@click.option("--publish", multiple=True, metavar="PATTERN", help="The publishers' channels.  [default: as --ingest]")
@click.option("--hub-user", default="hub", show_default=True)
@click.option("--publisher-user", default="publisher", show_default=True)
@click.option("--aclfile", is_flag=True, help="Print lines for an aclfile or redis.conf, not commands for redis-cli.")
def redis_acl(
    ingest: tuple[str, ...], publish: tuple[str, ...], hub_user: str, publisher_user: str, aclfile: bool
) -> None:
    """
    Generate Redis accounts for hubs and publishers, each with only the rights it needs and a new password.

    The accounts go to standard output, with digests of the passwords; the passwords go to standard error.
    """
    config = read_config(ingest=ingest)
    try:
        rules = {hub_user: hub_rules(config.ingest), publisher_user: publisher_rules(publish or config.ingest)}
    except HubError as error:
        raise click.UsageError(str(error)) from None
    for line in _accounts(rules, aclfile):
        click.echo(line)
    click.echo("# Finally, once you have an account with all rights: ACL SETUSER default off", err=True)


def _accounts(rules: dict[str, str], aclfile: bool) -> Iterator[str]:
    for name, account_rules in rules.items():
        password = secrets.token_urlsafe(24)
        click.echo(f"# redis://{name}:{password}@HOST:6379/0", err=True)
        generated = account(name, password, account_rules)
        yield generated.line if aclfile else generated.command
