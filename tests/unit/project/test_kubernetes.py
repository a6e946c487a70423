"""docs/kubernetes.yaml agrees with itself, with the image and with the settings."""

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from sse_hub.config import Config
from tests.support.settings import ROOT

OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "docs" / "kubernetes.yaml").read_text()))
BY_KIND = {each["kind"]: each for each in OBJECTS}
POD = BY_KIND["Deployment"]["spec"]["template"]
(HUB,) = POD["spec"]["containers"]
ENVIRONMENT = {each["name"]: each.get("value") for each in HUB["env"]}
API_VERSIONS = {"Secret": "v1", "Service": "v1", "Deployment": "apps/v1", "PodDisruptionBudget": "policy/v1"}


def effective_settings() -> Config:
    """The settings of the hub in the manifest."""
    verb, *options = HUB["args"]
    assert verb == "serve"
    given = {name[2:].replace("-", "_"): text for name, text in zip(options[::2], options[1::2], strict=True)}
    secret = BY_KIND["Secret"]["stringData"]["redis-url"]
    return Config.read(given, ENVIRONMENT | {"REDIS_URL": secret})


def test_every_object_has_the_current_version_of_its_api_and_one_name() -> None:
    """G2."""
    assert {each["kind"]: each["apiVersion"] for each in OBJECTS} == API_VERSIONS
    assert {each["metadata"]["name"] for each in OBJECTS} == {"sse-hub"}


def test_everything_selects_the_pods_of_the_deployment() -> None:
    """G2."""
    labels = POD["metadata"]["labels"]
    (spread,) = POD["spec"]["topologySpreadConstraints"]
    selectors = [BY_KIND["Service"]["spec"]["selector"], spread["labelSelector"]["matchLabels"]]
    selectors += [BY_KIND[kind]["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")]

    assert selectors == [labels] * 4


def test_the_hub_starts_with_these_settings_and_has_time_to_drain() -> None:
    """G2."""
    config = effective_settings()

    assert all(name == "REDIS_URL" or name.removeprefix("SSE_HUB_").lower() in Config.__slots__ for name in ENVIRONMENT)
    assert (config.access, config.host) == ("token", "0.0.0.0")
    assert POD["spec"]["terminationGracePeriodSeconds"] >= config.drain_seconds + 2
    assert [(each["name"], each["containerPort"]) for each in HUB["ports"]] == [("http", config.port)]
    assert BY_KIND["Service"]["spec"]["ports"][0]["targetPort"] == "http"


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_the_probes_ask_routes_that_need_no_token(probe: str) -> None:
    """G2: and a hub that has lost Redis still answers streams, which a failing readiness would end for good."""
    asked = HUB[probe]["httpGet"]

    assert asked == {"path": "/health/ready" if probe == "startupProbe" else "/health/live", "port": "http"}


def test_the_pod_runs_as_the_user_of_the_image_without_any_privilege() -> None:
    """G2."""
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    security = POD["spec"]["securityContext"]

    assert (security["runAsUser"], security["runAsGroup"], security["runAsNonRoot"]) == (
        int(user[1]),
        int(user[2]),
        True,
    )
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert HUB["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_every_mounted_volume_exists_and_the_key_file_is_where_the_setting_says() -> None:
    """G2."""
    volumes = {each["name"]: each for each in POD["spec"]["volumes"]}
    mounts = {each["name"]: each["mountPath"] for each in HUB["volumeMounts"]}
    keys = volumes["keys"]["secret"]

    assert mounts.keys() == volumes.keys()
    assert mounts["tmp"] == "/tmp"
    assert effective_settings().token_keys == f"{mounts['keys']}/{keys['items'][0]['path']}"
    assert keys["items"][0]["key"] in BY_KIND["Secret"]["stringData"]
    assert keys["defaultMode"] == 0o440
