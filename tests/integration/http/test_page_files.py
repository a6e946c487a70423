"""
The page's files: small on the wire, and cached by browsers until they change.
"""

import re
import urllib.error
import urllib.request

import orjson

from tests.support.servers import HubProcess
from tests.support.settings import DEADLINE_SECONDS


def fetched(hub: HubProcess, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body as transferred."""
    request = urllib.request.Request(
        hub.url + path, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
            return answer.status, {name.lower(): text for name, text in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, {name.lower(): text for name, text in refused.headers.items()}, refused.read()


def main_module(hub: HubProcess) -> str:
    """The path of the first module in the page."""
    found = re.search(rb'src="?(web/[0-9a-f]+/js/page\.js)', fetched(hub, "/index")[2])
    assert found
    return "/" + found[1].decode()


def test_page_files_are_cached_for_a_year_and_the_page_is_revalidated(hub: HubProcess) -> None:
    status, headers, body = fetched(hub, main_module(hub))
    _, page_headers, _ = fetched(hub, "/index")

    assert (status, headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert b"EventSource" in body
    assert page_headers["cache-control"] == "no-cache"


def test_an_unchanged_page_is_answered_with_304(hub: HubProcess) -> None:
    _, headers, _ = fetched(hub, "/index")

    status, again, body = fetched(hub, "/index", If_None_Match=headers["etag"])

    assert (status, body, again["etag"]) == (304, b"", headers["etag"])
    assert "frame-ancestors 'none'" in again["content-security-policy"]


def test_page_files_are_compressed_for_clients_that_accept_it(hub: HubProcess) -> None:
    path = main_module(hub)
    _, plain_headers, plain = fetched(hub, path)
    _, headers, packed = fetched(hub, path, Accept_Encoding="gzip, br")

    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain_headers
    assert len(packed) < len(plain) / 2


def test_a_page_file_of_another_version_is_served_without_caching(hub: HubProcess) -> None:
    status, headers, _ = fetched(hub, "/web/0123456789ab/js/page.js")
    missing, _, _ = fetched(hub, "/web/0123456789ab/../../pyproject.toml")

    assert (status, headers["cache-control"]) == (200, "no-cache")
    assert missing == 404


def test_a_language_is_served_as_texts_by_key_to_scripts_of_every_version(hub: HubProcess) -> None:
    own = main_module(hub).replace("js/page.js", "lang/pt.json")

    texts = orjson.loads(fetched(hub, own)[2])

    assert texts["bar.stop"] == "Parar"
    assert orjson.loads(fetched(hub, "/web/0123456789ab/lang/pt.json")[2]) == texts
