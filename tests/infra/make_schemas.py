"""Cuts the schemas of Kubernetes, KubeRay, the Dask operator and Compose down to what the tests need: run as a script.

`python make_schemas.py KUBERNETES KUBERAY DASK COMPOSE`, with the folder of a strict kubernetes-json-schema, the CRDs
`ray.io_rayclusters.yaml`, `daskcluster.yaml` and `daskautoscaler.yaml` in two folders, and `compose-spec.json`.
Descriptions go, unknown fields become errors, and a pod inside a CRD is checked by Kubernetes' own schema of a pod.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent / "schemas"
KUBERNETES = "kubernetes.json"
KINDS = (
    "apps.v1.Deployment",
    "apps.v1.StatefulSet",
    "batch.v1.Job",
    "core.v1.ConfigMap",
    "core.v1.Namespace",
    "core.v1.PodTemplateSpec",
    "core.v1.ResourceQuota",
    "core.v1.Secret",
    "core.v1.Service",
    "core.v1.ServiceAccount",
    "networking.v1.NetworkPolicy",
    "policy.v1.PodDisruptionBudget",
)
POD = {"$ref": f"{KUBERNETES}#/io.k8s.api.core.v1.PodSpec"}


def plain(schema: Any) -> Any:
    """Without descriptions and Kubernetes' own notes."""
    if isinstance(schema, dict):
        kept = {name: plain(value) for name, value in schema.items() if not name.startswith("x-kubernetes")}
        return {name: value for name, value in kept.items() if name != "description" or not isinstance(value, str)}
    return [plain(each) for each in schema] if isinstance(schema, list) else schema


def references(schema: Any) -> Iterator[str]:
    """Names of the definitions that it refers to."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "$ref" and isinstance(value, str):
                yield value.rpartition("/")[2]
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from references(each)


def kubernetes(folder: Path) -> dict[str, Any]:
    """The kinds that manifests here use, with all that these refer to."""
    known = json.loads((folder / "_definitions.json").read_text())
    known, found, wanted = known["$defs"], {}, [f"io.k8s.api.{kind}" for kind in KINDS]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = plain(known[name])
            wanted += references(found[name])
    text = json.dumps(found).replace("_definitions.json#/$defs/", "#/").replace("#/$defs/", "#/")
    moved: dict[str, Any] = json.loads(text)
    return moved


def strict(schema: Any) -> Any:
    """A CRD's schema in which a field that it does not name is an error and a pod is a pod."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    named = schema.get("properties")
    if isinstance(named, dict) and "containers" in named:
        return POD
    tight = {name: strict(value) for name, value in schema.items()}
    if isinstance(named, dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        tight.setdefault("additionalProperties", False)
    return tight


def custom(path: Path) -> dict[str, Any]:
    """The schema of a CRD's version v1; its status is the operator's business."""
    versions = yaml.safe_load(path.read_text())["spec"]["versions"]
    schema = next(each for each in versions if each["name"] == "v1")["schema"]["openAPIV3Schema"]
    schema["properties"] = {"spec": strict(schema["properties"]["spec"])}
    made: dict[str, Any] = plain(schema)
    return made


def main(kubernetes_folder: str, kuberay: str, dask: str, compose: str) -> None:
    """Write tests/infra/schemas/*.json."""
    made = {
        KUBERNETES: kubernetes(Path(kubernetes_folder)),
        "raycluster.json": custom(Path(kuberay) / "ray.io_rayclusters.yaml"),
        "daskcluster.json": custom(Path(dask) / "daskcluster.yaml"),
        "daskautoscaler.json": custom(Path(dask) / "daskautoscaler.yaml"),
        "compose.json": plain(json.loads(Path(compose).read_text())),
    }
    for name, schema in made.items():
        (HERE / name).write_text(json.dumps(schema, sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
