"""Reading the files of infra/: YAML documents, Dockerfile instructions, and the schemas that judge them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").glob("*.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, DRAFT7.create_resource(schema)) for name, schema in SCHEMAS.items()
)
CUSTOM = {
    ("ray.io/v1", "RayCluster"): "raycluster.json",
    ("kubernetes.dask.org/v1", "DaskCluster"): "daskcluster.json",
    ("kubernetes.dask.org/v1", "DaskAutoscaler"): "daskautoscaler.json",
}


def kubernetes_files() -> list[Path]:
    """Every manifest, but for the kustomization that lists them."""
    return sorted(path for path in (INFRA / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")


def documents(path: Path) -> list[dict[str, Any]]:
    """The objects of a file, none sharing a part with another as YAML's anchors would have it."""
    return [json.loads(json.dumps(each)) for each in yaml.safe_load_all(path.read_text()) if each]


def objects() -> list[dict[str, Any]]:
    """The objects of all files."""
    return [each for path in kubernetes_files() for each in documents(path)]


def named(kind: str, name: str) -> dict[str, Any]:
    """One object."""
    return next(each for each in objects() if each["kind"] == kind and each["metadata"]["name"] == name)


def schema_of(item: dict[str, Any]) -> dict[str, Any]:
    """What judges an object; raises StopIteration for a kind that none of the schemas knows."""
    version, kind = item["apiVersion"], item["kind"]
    if (version, kind) in CUSTOM:
        return {"$ref": CUSTOM[version, kind]}
    group = "core.v1" if version == "v1" else f"{version.split('/')[0].split('.')[0]}.{version.split('/')[1]}"
    name = f"io.k8s.api.{group}.{kind}"
    return {"$ref": f"kubernetes.json#/{next(known for known in SCHEMAS['kubernetes.json'] if known == name)}"}


def faults(item: Any, schema: dict[str, Any]) -> list[str]:
    """What a schema finds wrong, by its place."""
    found = Draft7Validator(schema, registry=REGISTRY).iter_errors(item)
    return [f"{'.'.join(map(str, each.absolute_path))}: {each.message[:200]}" for each in found]


def pods(item: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod's specification inside an object, with where it stands."""
    if isinstance(item, dict):
        if "containers" in item:
            yield path, item
        else:
            for key, value in item.items():
                yield from pods(value, f"{path}.{key}")
    elif isinstance(item, list):
        for index, value in enumerate(item):
            yield from pods(value, f"{path}.{index}")


def instructions(path: Path) -> list[tuple[str, str]]:
    """(instruction, arguments) of a Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    parts = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(part[0].upper(), part[1]) for part in parts]
