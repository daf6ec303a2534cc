"""The manifests: against the schemas of Kubernetes, and what they say against what we do."""

from __future__ import annotations

import importlib
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.kubernetes.kubectl import VERSION, KubectlUnavailable, kustomize
from deploy.kubernetes.prometheus_rule import FILE, text
from stream import config
from stream.health import STARTING
from stream.timestamps import duration
from tests.deploy.test_dockerfile import last
from tests.deploy.test_prometheus_rules import promtool, yaml

kubernetes_validate = importlib.import_module("kubernetes_validate")  # it ships no types
FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = ("base", "standby", "scaled-out")
OPERATORS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}  # kinds that others define
LABEL = {"app.kubernetes.io/name": "streamgauge"}

Resource = dict[str, Any]


@cache
def made(overlay: str) -> list[Resource]:
    """What `kubectl kustomize` makes of a folder."""
    try:
        return kustomize(FOLDER / overlay)
    except KubectlUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have kubectl: {error}")
        pytest.skip(str(error))


def one(overlay: str, kind: str) -> Resource:
    (found,) = (resource for resource in made(overlay) if resource["kind"] == kind)
    return found


def pod(overlay: str) -> Resource:
    template = one(overlay, "StatefulSet")["spec"]["template"]
    assert template["metadata"]["labels"] == LABEL
    spec = template["spec"]
    assert isinstance(spec, dict)
    return spec


def container(overlay: str) -> Resource:
    (found,) = pod(overlay)["containers"]
    assert isinstance(found, dict)
    return found


def settings(overlay: str, folder: Path) -> config.Config:
    """The config of the pods."""
    file = folder / "config.toml"
    file.write_text(one(overlay, "ConfigMap")["data"]["config.toml"])
    return config.load(file)


def test_kubernetes_takes_them() -> None:
    each = [resource for overlay in OVERLAYS for resource in made(overlay)]
    different = {str(resource): resource for resource in each}.values()
    for resource in different:
        if resource["kind"] not in OPERATORS:
            kubernetes_validate.validate(resource, f"{VERSION}.0", strict=True)


def test_a_mistake_would_be_seen() -> None:
    wrong = one("base", "StatefulSet") | {"spec": {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, f"{VERSION}.0", strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_are_in_the_namespace_and_select_the_pods(overlay: str) -> None:
    kinds = [resource["kind"] for resource in made(overlay)]
    assert len(set(kinds)) == len(kinds)
    for resource in made(overlay):
        if resource["kind"] != "Namespace":
            assert (
                resource["metadata"]["namespace"] == one(overlay, "Namespace")["metadata"]["name"]
            )
    assert one(overlay, "Service")["spec"]["selector"] == LABEL
    assert one(overlay, "StatefulSet")["spec"]["selector"] == {"matchLabels": LABEL}
    assert one(overlay, "PodDisruptionBudget")["spec"]["selector"] == {"matchLabels": LABEL}
    assert one(overlay, "NetworkPolicy")["spec"]["podSelector"] == {"matchLabels": LABEL}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_no_rights_to_spare(overlay: str) -> None:
    """What the namespace's level "restricted" asks for, and a root that is read-only."""
    user, _, group = last("USER").partition(":")
    security = pod(overlay)["securityContext"]
    assert security["runAsNonRoot"]
    assert (security["runAsUser"], security["runAsGroup"]) == (int(user), int(group))
    assert security["fsGroup"] == int(group)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    own = container(overlay)["securityContext"]
    assert own["readOnlyRootFilesystem"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert pod(overlay)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_mounted_is_there(overlay: str) -> None:
    claims = one(overlay, "StatefulSet")["spec"].get("volumeClaimTemplates", [])
    volumes = [v["name"] for v in pod(overlay)["volumes"]] + [c["metadata"]["name"] for c in claims]
    mounts = {m["name"]: m["mountPath"] for m in container(overlay)["volumeMounts"]}
    assert sorted(volumes) == sorted(mounts)
    (named,) = (v["configMap"]["name"] for v in pod(overlay)["volumes"] if "configMap" in v)
    assert named == one(overlay, "ConfigMap")["metadata"]["name"]
    assert container(overlay)["args"] == ["run", f"{mounts['config']}/config.toml"]
    assert mounts["snapshots"] == last("WORKDIR")
    assert last("ENV").split("NUMBA_CACHE_DIR=")[1].startswith(f"{mounts['tmp']}/")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_config_is_valid_and_fits(overlay: str, tmp_path: Path) -> None:
    loaded = settings(overlay, tmp_path)
    assert loaded.http.host == "0.0.0.0"
    (port,) = container(overlay)["ports"]
    assert port == {"name": "http", "containerPort": loaded.http.port}
    assert pod(overlay)["terminationGracePeriodSeconds"] > duration(loaded.service.drain)
    place = {m["name"]: m["mountPath"] for m in container(overlay)["volumeMounts"]}["snapshots"]
    assert loaded.snapshot.url.startswith(f"{place}/")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes(overlay: str) -> None:
    probes = {name: container(overlay)[f"{name}Probe"] for name in ("startup", "liveness")}
    for probe in probes.values():
        assert probe["httpGet"] == {"path": "/healthz", "port": "http"}
    ready = container(overlay)["readinessProbe"]["httpGet"]
    # Who stands by is never ready by /readyz, and a rolling update would wait for it.
    assert ready["path"] == ("/healthz" if overlay == "standby" else "/readyz")
    assert probes["startup"]["failureThreshold"] * probes["startup"]["periodSeconds"] <= STARTING


def test_overlays_share_the_snapshots() -> None:
    for overlay in ("standby", "scaled-out"):
        claim = one(overlay, "PersistentVolumeClaim")
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
        named = [v["persistentVolumeClaim"]["claimName"] for v in pod(overlay)["volumes"]
                 if "persistentVolumeClaim" in v]  # fmt: skip
        assert named == [claim["metadata"]["name"]]
    assert one("standby", "StatefulSet")["spec"]["replicas"] == 2


def test_scaled_out_by_the_lag_of_our_group(tmp_path: Path) -> None:
    loaded = settings("scaled-out", tmp_path)
    assert loaded.partitions.scope == "partition"
    scaled = one("scaled-out", "ScaledObject")["spec"]
    stateful = one("scaled-out", "StatefulSet")
    assert scaled["scaleTargetRef"] == {
        "apiVersion": stateful["apiVersion"],
        "kind": stateful["kind"],
        "name": stateful["metadata"]["name"],
    }
    assert "replicas" not in stateful["spec"]
    assert stateful["spec"]["podManagementPolicy"] == "Parallel"  # who is behind is not ready
    (trigger,) = scaled["triggers"]
    about = trigger["metadata"]
    assert trigger["type"] == "kafka"
    assert about["bootstrapServers"] == loaded.kafka.bootstrap
    assert about["consumerGroup"] == loaded.kafka.group
    assert about["topic"] == loaded.kafka.topics.events
    assert all(isinstance(value, str) for value in about.values())
    assert 1 <= scaled["minReplicaCount"] < scaled["maxReplicaCount"]
    down = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 3600  # the most that Kubernetes takes


def test_prometheus_is_told_where_and_by_which_rules(tmp_path: Path) -> None:
    assert FILE.read_text() == text(), f"{FILE.name} is stale: make dashboards"
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(one("base", "PrometheusRule")["spec"]))
    assert "25 rules found" in promtool("check", "rules", str(rules))
    monitor = one("base", "ServiceMonitor")
    service = one("base", "Service")
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    # The rules and dashboards go by job="streamgauge".
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "streamgauge"
