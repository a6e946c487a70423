"""
Slack, Discord, Teams, Telegram, ntfy, e-mail and others, through the library Apprise (`pip install sse-hub[alerts]`).

    url --> scheme of ALLOWED --> Apprise's plugin --> send(): in a guarded thread --> True or False

Apprise also has plugins that run on the hub's own machine: they write to its log and its desktop, and talk to its
programs. So those that may be used are listed. All of them work in the thread that calls them, by HTTP or SMTP.
https://github.com/caronc/apprise/wiki
"""

import asyncio
import importlib.util
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.destinations.guarded_thread import guarded, run_guarded
from sse_hub.alerts.destinations.sending import refusal
from sse_hub.alerts.destinations.settings import DestinationSettings
from sse_hub.errors import NotSent, error_text

ALLOWED = frozenset((
    "apprise", "apprises", "azure", "bark", "barks", "brevo", "dingtalk", "discord", "feishu", "flock", "form",
    "forms", "gchat", "gotify", "gotifys", "hassio", "hassios", "ifttt", "json", "jsons", "lark", "line", "mailgun",
    "mailto", "mailtos", "mmost", "mmosts", "ntfy", "ntfys", "o365", "opsgenie", "pagerduty", "pbul", "pover",
    "prowl", "psafer", "psafers", "resend", "revolt", "rocket", "rockets", "sendgrid", "signal", "signals",
    "simplepush", "slack", "smtp2go", "sparkpost", "splunk", "spush", "tgram", "threema", "twilio", "victorops",
    "webex", "wecombot", "workflow", "workflows", "wxteams", "xml", "xmls", "zulip",
))  # fmt: skip
# Of some services, the URL that they themselves give out is enough.
NATIVE = frozenset({"https"})
STATUS = re.compile(r"error[=:]\s*(\d{3})\b")
# These make a service call people: a line of a log must not.
MENTION = re.compile(r"@(?=everyone|here|channel|all\b)|<(?=[!@#])", re.IGNORECASE)
ZERO_WIDTH_SPACE = "\u200b"
MISSING = 'it needs the library apprise, which is not installed: pip install "sse-hub[alerts]"'


class AppriseService:
    """
    Sends alerts to one service. Raises ValueError, without the URL, if that can't be used or the library is missing.
    """

    at_once = 1

    def __init__(self, settings: DestinationSettings) -> None:
        scheme = settings.url.reveal().partition("://")[0].lower()
        if scheme not in ALLOWED | NATIVE:
            raise ValueError(f"url must begin with one of {', '.join(sorted(ALLOWED))}, and then ://")
        if importlib.util.find_spec("apprise") is None:
            raise ValueError(MISSING)
        self._settings = settings
        self._kind, self._plugin = _plugin_of(settings.url.reveal())
        self._running: asyncio.Future[bool] | None = None

    @property
    def kind(self) -> str:
        return self._kind

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Send the alert. Raises NotSent."""
        [alert] = alerts
        if self._running and not self._running.done():
            raise NotSent("It has not ended what it was given before.")
        seconds, statuses = self._settings.timeout_seconds, list[int]()

        def listen(message: str) -> None:
            statuses.extend(int(each) for each in STATUS.findall(message))

        self._running = run_guarded(partial(_notify, self._plugin, alert), self._settings.allow_private, listen)
        # If it takes too long, nobody looks at its error.
        self._running.add_done_callback(lambda running: running.cancelled() or running.exception())
        try:
            sent = await asyncio.wait_for(asyncio.shield(self._running), seconds)
        except TimeoutError:
            raise NotSent(f"It did not end within {seconds} s.") from None
        except RuntimeError as error:
            raise NotSent(f"The library apprise failed: {error_text(error)}.") from None
        if not sent:
            raise refusal(statuses[-1], None, 0.0) if statuses else NotSent("It was not reached, or did not take it.")

    async def close(self) -> None:
        """Nothing stays open."""


def _plugin_of(url: str) -> tuple[str, Any]:
    """The plugin for `url`, and the scheme that it is known by."""
    from apprise import Apprise, AppriseAsset

    # Without a path for files, nothing is kept in any.
    asset = AppriseAsset(async_mode=False, app_id="sse-hub", app_desc="sse-hub", app_url="", image_url_mask="")
    try:
        # It connects to nothing, but logs URLs, and what is wrong with them.
        with guarded(allow_private=False, listener=lambda message: None):
            plugin = Apprise.instantiate(url, asset=asset)
    except Exception:  # noqa: BLE001  # whatever it is, its message may have the URL
        plugin = None
    schemes = set() if plugin is None else {*_schemes(plugin.protocol), *_schemes(plugin.secure_protocol)}
    if plugin is None or not schemes & ALLOWED:
        raise ValueError("url is not complete for its service: https://github.com/caronc/apprise/wiki shows each")
    # Whatever the URL says.
    plugin.redirects = False
    scheme = url.partition("://")[0].lower()
    return scheme if scheme in ALLOWED else min(schemes & ALLOWED), plugin


def _schemes(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())


def _title_of(alert: Alert) -> str:
    """One line, since it becomes a header of e-mails: the ids of rules have no other characters."""
    note = {"fired": "", "back": " is back", "given-up": ": alerts were given up"}[alert.kind]
    return f"{alert.rule}{note}"


def _notify(plugin: Any, alert: Alert) -> bool:
    from apprise import NotifyFormat, NotifyType

    types = {"fired": NotifyType.WARNING, "back": NotifyType.SUCCESS, "given-up": NotifyType.FAILURE}
    # As text, so that services that take HTML or Markdown get it with escapes.
    sent = plugin.notify(
        body=_harmless(alert.text), title=_title_of(alert), notify_type=types[alert.kind], body_format=NotifyFormat.TEXT
    )
    return bool(sent)


def _harmless(text: str) -> str:
    return MENTION.sub(lambda found: found[0] + ZERO_WIDTH_SPACE, text)
