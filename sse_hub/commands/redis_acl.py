"""
`sse-hub redis-acl`: the accounts that Redis should have.

    --ingest, --publish --> broker/acl --> ACL commands or lines of an aclfile, on stdout          passwords: on stderr
"""

import secrets
from collections.abc import Iterator

import click

from sse_hub.broker.acl import account, hub_rules, publisher_rules, sentinel_rules
from sse_hub.broker.keys import CLUSTER_PREFIX, PREFIX
from sse_hub.commands.options import ingest_option, read_config
from sse_hub.errors import HubError

URL = "redis://{name}:{password}@HOST:6379/0"
CLUSTER_URL = "redis+cluster://{name}:{password}@HOST:6379"
SENTINEL_URL = "redis+sentinel://…?sentinel_username={name}&sentinel_password={password}"


@click.command(name="redis-acl", context_settings={"help_option_names": ["-h", "--help"]})
@ingest_option
@click.option("--publish", multiple=True, metavar="PATTERN", help="The publishers' channels.  [default: as --ingest]")
@click.option("--hub-user", default="hub", show_default=True)
@click.option("--publisher-user", default="publisher", show_default=True)
@click.option("--cluster", is_flag=True, help="For all nodes of a Redis Cluster.")
@click.option("--sentinel", is_flag=True, help="For the Sentinels, in addition to the accounts for the servers.")
@click.option("--aclfile", is_flag=True, help="Print lines for an aclfile or redis.conf, not commands for redis-cli.")
def redis_acl(
    ingest: tuple[str, ...],
    publish: tuple[str, ...],
    hub_user: str,
    publisher_user: str,
    cluster: bool,
    sentinel: bool,
    aclfile: bool,
) -> None:
    """
    Generate Redis accounts for hubs and publishers, each with only the rights it needs and a new password.

    The accounts go to standard output, with digests of the passwords; the passwords go to standard error.

    For a set-up with Sentinel, run the command twice: as it is for the servers, and with --sentinel for the Sentinels.
    """
    if cluster and sentinel:
        raise click.UsageError("A cluster needs no Sentinels: give --cluster or --sentinel.")
    config = read_config(ingest=ingest)
    prefix, url = (CLUSTER_PREFIX, CLUSTER_URL) if cluster else (PREFIX, URL)
    try:
        rules = {
            hub_user: hub_rules(config.ingest, prefix),
            publisher_user: publisher_rules(publish or config.ingest, prefix),
        }
    except HubError as error:
        raise click.UsageError(str(error)) from None
    if sentinel:
        rules, url = dict.fromkeys(rules, sentinel_rules()), SENTINEL_URL
    for line in _accounts(rules, url, aclfile):
        click.echo(line)
    click.echo("# Finally, once you have an account with all rights: ACL SETUSER default off", err=True)


def _accounts(rules: dict[str, str], url: str, aclfile: bool) -> Iterator[str]:
    for name, account_rules in rules.items():
        password = secrets.token_urlsafe(24)
        click.echo(f"# {url.format(name=name, password=password)}", err=True)
        generated = account(name, password, account_rules)
        yield generated.line if aclfile else generated.command
