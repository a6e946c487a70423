"""
Webhooks: an alert becomes one signed POST of JSON.

    alert --> body --> addresses_of(host): checked --> connect to that address --> POST --> its status

What is sent is always the same for the same alert, but for `webhook-timestamp` and the signature.
"""

import asyncio
import base64
import re
import ssl
import time
from collections.abc import Sequence
from typing import Any

import httpx
import orjson

from sse_hub import __version__
from sse_hub.alerts.addresses import addresses_of
from sse_hub.alerts.alert import Alert
from sse_hub.alerts.destinations.body import moment_text
from sse_hub.alerts.destinations.sending import refusal
from sse_hub.alerts.destinations.settings import DestinationSettings
from sse_hub.alerts.destinations.signature import key_of, signed_headers
from sse_hub.errors import NotSent

PORTS = {"http": 80, "https": 443}
# A name, in ASCII by now, or an address.
HOST = re.compile(rb"[\w.-]+|[\da-fA-F:.]+", re.ASCII)


class Webhook:
    """
    Sends alerts to one URL. Raises ValueError, without the URL, if that or the secret can't be used.

    It is given the transport alone: httpx's client would log every URL, follow redirects and use proxies.
    """

    at_once = 1

    def __init__(self, settings: DestinationSettings) -> None:
        self._settings = settings
        self._url = _parse_url(settings.url.reveal())
        self._key = None if settings.secret is None else key_of(settings.secret.reveal())
        self._transport: httpx.AsyncHTTPTransport | None = None

    @property
    def kind(self) -> str:
        return "webhook"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """POST the alert. Raises NotSent for any answer but 2xx, and for none in time."""
        [alert] = alerts
        body = self._body_of(alert)
        seconds = self._settings.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._post(alert.id, body)
        except TimeoutError:
            raise NotSent(f"It did not answer within {seconds} s.") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            # Why, has the address, and perhaps what another machine in the network says.
            raise NotSent(_why_not_connected(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # Their messages may have the URL.
            raise NotSent(f"It ended the connection, or did not speak HTTP ({type(error).__name__}).") from None

    async def close(self) -> None:
        """Close its connections."""
        if self._transport:
            await self._transport.aclose()
            self._transport = None

    def _body_of(self, alert: Alert) -> bytes:
        template = self._settings.body
        return orjson.dumps(payload_of(alert)) if template is None else template.body_of(alert)

    async def _post(self, alert_id: str, body: bytes) -> None:
        url = self._url
        port = url.port or PORTS[url.scheme]
        addresses = await addresses_of(url.raw_host.decode(), port, self._settings.allow_private)
        for address in addresses:
            try:
                await self._post_to(address, alert_id, body, self._settings.timeout_seconds / len(addresses))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if address == addresses[-1]:
                    raise
            else:
                return

    async def _post_to(self, address: str, alert_id: str, body: bytes, connect_seconds: float) -> None:
        """POST to `address`, which has been checked, as if the name had led there."""
        headers = {
            "host": self._url.netloc.decode("ascii"),
            "content-type": "application/json",
            "user-agent": f"sse-hub/{__version__}",
            **signed_headers(self._key, alert_id, int(time.time()), body),
        }
        if self._url.userinfo:
            pair = f"{self._url.username}:{self._url.password}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        extensions = {
            # The certificate must be that of the name.
            "sni_hostname": self._url.raw_host.decode("ascii"),
            # One address that leads nowhere leaves time for the others. All together have a time-out of their own.
            "timeout": {"connect": connect_seconds},
        }
        target = self._url.copy_with(host=address, username=None, password=None)
        request = httpx.Request("POST", target, headers=headers, content=body, extensions=extensions)
        if self._transport is None:
            self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))
        response = await self._transport.handle_async_request(request)
        # What it says beyond its status is not read, however long it is: nobody is shown it.
        await response.aclose()
        if not 200 <= response.status_code < 300:
            raise refusal(response.status_code, response.headers.get("retry-after"), time.time())


def payload_of(alert: Alert) -> dict[str, Any]:
    """What is sent without a template: type, timestamp and data, as Standard Webhooks recommends."""
    data = alert.members()
    del data["to"]
    return {"type": f"alert.{alert.kind}", "timestamp": moment_text(alert.moment_ms), "data": data}


def _why_not_connected(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "Its certificate is not that of its name, or of no known authority."
        if isinstance(cause, ssl.SSLError):
            return "It does not speak TLS as it should."
        cause = cause.__cause__ or cause.__context__
    return "No connection could be made."


def _parse_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError):
        raise ValueError("url is not a URL") from None
    if port is not None and not 0 < port < 65_536:
        raise ValueError("url has a port that is not from 1 to 65535")
    if url.scheme not in PORTS or not HOST.fullmatch(url.raw_host):
        raise ValueError("url must begin with https:// or http://, and have a host")
    return url
