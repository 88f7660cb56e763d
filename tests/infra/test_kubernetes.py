"""The Kubernetes files: what the API server and the operators would refuse is refused here, pods are locked down."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from documents import INFRA, documents, faults, kubernetes_files, named, objects, pods, schema_of

PODS = [(f"{item['kind']}/{item['metadata']['name']}{where}", pod) for item in objects() for where, pod in pods(item)]
OURS = ("app", "role")


def labels_of_pods() -> list[dict[str, str]]:
    """The labels of every pod that these files make."""
    found: list[dict[str, str]] = []

    def search(item: Any) -> None:
        if isinstance(item, dict):
            spec = item.get("spec")
            if isinstance(spec, dict) and "containers" in spec:
                found.append(item["metadata"]["labels"])
            for value in item.values():
                search(value)
        elif isinstance(item, list):
            for value in item:
                search(value)

    search(objects())
    return found


@pytest.mark.parametrize("path", kubernetes_files(), ids=lambda path: path.name)
def test_every_object_fits_its_schema(path: Any) -> None:
    for item in documents(path):
        assert faults(item, schema_of(item)) == []


def test_the_schemas_tell_wrong_files() -> None:
    ray = named("RayCluster", "meshmill")
    ray["spec"]["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["securityContext"]["priviledged"] = True
    ray["spec"]["workerGroupSpecs"][1]["maxReplica"] = 3
    dask = named("DaskAutoscaler", "meshmill")
    del dask["spec"]["maximum"]
    assert len(faults(ray, schema_of(ray))) == 2
    assert len(faults(dask, schema_of(dask))) == 1


def test_the_kustomization_lists_every_file() -> None:
    listed = yaml.safe_load((INFRA / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert sorted([*listed, "secrets.example.yaml"]) == [path.name for path in kubernetes_files()]


@pytest.mark.parametrize(("where", "pod"), PODS, ids=[where for where, _ in PODS])
def test_pods_are_restricted(where: str, pod: dict[str, Any]) -> None:
    """Kubernetes' Pod Security Standards, level restricted, and a file system that is not written to."""
    context = pod["securityContext"]
    assert context["runAsNonRoot"]
    assert context["runAsUser"] >= 999
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not any("hostPath" in volume for volume in pod.get("volumes", []))
    token = pod.get("automountServiceAccountToken")
    assert token is False or where.startswith("RayCluster/meshmill.spec.headGroupSpec")  # the autoscaler's
    for container in pod["containers"]:
        rights = container["securityContext"]
        assert rights == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert not container["image"].endswith(":latest")
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod.get("volumes", [])} | {"data"}


def test_secrets_are_named_not_written() -> None:
    for item in objects():
        if item["kind"] == "Secret":
            filled = {name: value for name, value in item["stringData"].items() if value}
            assert set(filled) <= {"PREFECT_API_DATABASE_CONNECTION_URL"}
            assert all("PASSWORD" in value for value in filled.values())
    known = {item["metadata"]["name"] for item in objects() if item["kind"] == "Secret"} | {"dask-certificates"}
    asked = {name for _, pod in PODS for name in secret_names(pod)}
    assert asked <= known
    assert {"store", "prefect", "postgres", "dask-certificates"} <= asked


def secret_names(pod: dict[str, Any]) -> set[str]:
    """Secrets that a pod reads."""
    found = {volume["secret"]["secretName"] for volume in pod.get("volumes", []) if "secret" in volume}
    for container in pod["containers"]:
        found |= {each["secretRef"]["name"] for each in container.get("envFrom", []) if "secretRef" in each}
        sources = [each["valueFrom"] for each in container.get("env", []) if "valueFrom" in each]
        found |= {source["secretKeyRef"]["name"] for source in sources if "secretKeyRef" in source}
    return found


def test_policies_and_budgets_meet_the_pods_they_mean() -> None:
    labels = labels_of_pods()
    for item in objects():
        spec = item["spec"] if item["kind"] in ("NetworkPolicy", "PodDisruptionBudget") else {}
        selector = spec.get("podSelector", spec.get("selector", {})).get("matchLabels", {})
        assert not selector or any(selector.items() <= each.items() for each in labels), item["metadata"]["name"]
    assert named("NetworkPolicy", "deny-all")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_rule_says_who_may_come() -> None:
    """A rule without `from` lets everybody in, an empty selector everybody of the namespace or of the cluster."""
    rules = [rule for item in objects() if item["kind"] == "NetworkPolicy" for rule in item["spec"].get("ingress", [])]
    assert len(rules) > 5
    for rule in rules:
        assert rule["from"]
        for peer in rule["from"]:
            assert peer.keys() <= {"podSelector", "namespaceSelector"}
            assert all(selector["matchLabels"] for selector in peer.values())


def test_what_runs_code_or_flows_asks_who_it_is() -> None:
    assert named("RayCluster", "meshmill")["spec"]["authOptions"] == {"mode": "token", "secretName": "ray-token"}
    assert named("ConfigMap", "settings")["data"]["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "True"
    assert "PREFECT_SERVER_API_AUTH_STRING" in named("Secret", "prefect")["stringData"]
    (server,) = named("Deployment", "prefect")["spec"]["template"]["spec"]["containers"]
    assert {"secretRef": {"name": "prefect"}} in server["envFrom"]


def test_the_clouds_metadata_and_private_networks_are_out_of_reach() -> None:
    rules = named("NetworkPolicy", "names-and-store")["spec"]["egress"]
    blocks = [to["ipBlock"] for rule in rules for to in rule["to"] if "ipBlock" in to]
    assert blocks
    for block in blocks:
        assert {"169.254.0.0/16", "10.0.0.0/8", "127.0.0.0/8"} <= set(block["except"])


def test_gpus_come_and_go_and_drivers_stay() -> None:
    groups = {group["groupName"]: group for group in named("RayCluster", "meshmill")["spec"]["workerGroupSpecs"]}
    assert (groups["gpu"]["minReplicas"], groups["gpu"]["maxReplicas"]) == (0, 8)
    container = groups["gpu"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    spot = {
        name: "meshmill/spot" in str(group["template"]["spec"].get("tolerations")) for name, group in groups.items()
    }
    assert spot == {"drivers": False, "cpu": True, "gpu": True}


def test_versions_agree_with_the_lock() -> None:
    lock = (INFRA.parent / "requirements.lock").read_text().splitlines()
    assert f"ray=={named('RayCluster', 'meshmill')['spec']['rayVersion']}" in [line.strip() for line in lock]
