"""Runs with assets to publish, made up without making one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow, Output
from manifests.row import asset_folder
from manifests.store import Store
from ml.asset import Asset, make_part
from tasks.export_glb import export_glb

FILES = (("glb", ".glb", 0), ("glb", "_LOD1.glb", 1), ("usdz", ".usdz", 0), ("poster", "_poster.jpg", 0))


def finished(store: Store, number: int, remade: str = "", files: Any = FILES, **more: Any) -> LedgerRow:
    """A ledger row that passed, with files that its own folder holds."""
    id = more.pop("id", f"thing-{number}")
    key = blake2b(f"{id}{remade}".encode(), digest_size=16).hexdigest()
    outputs = []
    for format, suffix, lod in files:
        data = f"{format} {lod} of {id}{remade}".encode() * (number % 5 + 1)
        uri = f"assets/{asset_folder(id)}/{asset_folder(id)}{suffix}"
        store.put(uri, data)
        outputs.append(Output(format, lod, uri, len(data), hashlib.sha256(data).hexdigest()))
    meta = {"license": "CC0-1.0", "title": f"Thing number {number}", "tags": "thing, test", **more.pop("meta", {})}
    metrics = {"triangles": 100.0 + number, "size.width_m": 0.5, "size.height_m": 1.0, "size.depth_m": 0.25}
    values = {"generator": "procedural", "metrics": metrics, **more}
    return LedgerRow(id, key, number, "passed", outputs=tuple(outputs), meta=meta, **values)


def a_run(folder: Path, numbers: Iterable[int], **more: Any) -> Store:
    """A run's folder with these rows."""
    store = Store(str(folder))
    rows = [finished(store, number, **more) for number in numbers]
    Ledger(store).write_chunk(f"chunk-{rows[0].row:06d}{more.get('remade', '')}", rows)
    return store


def with_real_glb(out: Path, generator: str = "procedural") -> None:
    """A run of one box of 0.4 × 1 × 0.2 m whose GLB can be drawn."""
    import trimesh

    store, box = Store(str(out)), trimesh.creation.box((0.4, 1.0, 0.2))
    row = finished(store, 1, files=(*FILES, ("fbx", ".fbx", 0), ("stl", ".stl", 0)), generator=generator)
    (glb,) = export_glb(Asset((make_part(box.vertices, box.faces),)), "thing-1")
    store.put("assets/thing-1/thing-1.glb", glb.data)
    first = replace(row.outputs[0], bytes=len(glb.data), sha256=hashlib.sha256(glb.data).hexdigest())
    Ledger(store).write_chunk("all", [replace(row, outputs=(first, *row.outputs[1:]))])
