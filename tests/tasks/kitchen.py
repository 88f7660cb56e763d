"""The run the viewer's tests look at: a stool in two versions, a refused row and a bare mesh, with their report."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml.asset import Asset, Material, Part, Texture, make_part
from tasks.export_glb import GlbOptions, export_glb
from tasks.report import ReportOptions, write_report
from tests.tasks.conftest import INFO, put_in

# name: centre and half size in metres
STOOL = {"seat": ((0.0, 0.5, 0.0), (0.3, 0.03, 0.3)), "leg": ((0.22, 0.235, 0.22), (0.035, 0.235, 0.035))}


def block(name: str, centre: tuple[float, ...], half: tuple[float, ...], material: Material, cells: int) -> Part:
    """A box of 12·cells² triangles whose sides each have the whole texture."""
    steps = np.linspace(-1.0, 1.0, cells + 1)
    u, v = (grid.reshape(-1) for grid in np.meshgrid(steps, steps, indexing="ij"))
    corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).reshape(-1)
    quad = np.stack([corner, corner + cells + 1, corner + cells + 2, corner, corner + cells + 2, corner + 1], axis=1)
    points, faces, uv = [], [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            side = np.stack([np.full_like(u, sign), u, v], axis=1)[
                :, np.argsort([axis, (axis + 1) % 3, (axis + 2) % 3])
            ]
            triangles = quad.reshape(-1, 3) + sum(map(len, points))
            faces.append(triangles if sign > 0 else triangles[:, ::-1])
            points.append(side)
            uv.append(np.stack([u, v], axis=1) * 0.5 + 0.5)
    vertices = np.concatenate(points) * half + centre
    return make_part(vertices, np.concatenate(faces), material, name=name, uv=np.concatenate(uv).astype(np.float32))


def painted(seed: int) -> Material:
    def noise(low: int, high: int) -> Texture:
        pixels = np.random.default_rng(seed).integers(low, high, (16, 16, 3), dtype=np.uint8)
        return Texture.from_pixels(pixels)

    return Material(
        "wood", (1.0, 1.0, 1.0, 1.0), metallic=1.0, roughness=1.0, base_color_texture=noise(60, 220),
        metallic_roughness_texture=noise(30, 250), occlusion_texture=noise(120, 250),
    )  # fmt: skip


def stool(cells: int, scale: float = 1.0) -> Asset:
    parts = [
        block(name, centre, tuple(scale * x for x in half), painted(k), cells)
        for k, (name, (centre, half)) in enumerate(STOOL.items())
    ]
    return Asset(tuple(parts), name="stool")


def picture(kind: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", size, "white")
    image.paste((200, 40, 40), (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
    image.save(buffer, kind)
    return buffer.getvalue()


def row(root: Path, id: str, asset: Asset | None, meta: dict[str, Any], **more: Any) -> dict[str, Any]:
    outputs: list[dict[str, Any]] = []

    def keep(name: str, format: str, lod: int, data: bytes) -> None:
        put_in(root)(f"assets/{id}/{name}", data)
        outputs.append({"format": format, "lod": lod, "uri": f"assets/{id}/{name}", "bytes": len(data), "sha256": ""})

    for file in export_glb(asset, id, GlbOptions()) if asset else ():
        keep(file.name, "glb", file.lod, file.data)
    keep(f"{id}_poster.jpg", "poster", 0, picture("JPEG", (64, 64)))
    keep(f"{id}_reference1.jpg", "reference", 0, picture("JPEG", (80, 60)))
    return {
        "id": id, "key": "k", "row": 1, "outcome": "passed" if asset else "rejected",
        "reasons": [] if asset else ["gate.triangles"], "message": "", "generator": "procedural", "seed": 7,
        "attempts": 1, "parent": "", "recipe": "game-ready",
        "metrics": {"triangles": float(asset.face_count if asset else 9), "size.height_m": 0.53},
        "outputs": outputs, "timings": {"generate": 0.1}, "prompt_understood": "{}", "meta": meta,
    } | more  # fmt: skip


def write_kitchen(root: Path) -> None:
    """Assets and report below a folder."""
    low = stool(1)
    first = Asset(stool(4).parts, name="stool", lods=(low,))
    view = {"number": 1, "azimuth": 0.0, "elevation": 10.0, "similarity": 0.9, "box": [0.25, 0.25, 0.75, 0.75]}
    tried = [
        {"seed": 7, "outcome": "passed", "score": 0.8, "reasons": []},
        {"seed": 8, "outcome": "rejected", "score": 0.2, "reasons": ["gate.holes"]},
    ]
    merged = [{"name": "blade", "min": [-0.3, 0.45, -0.3], "max": [0.3, 0.6, 0.3]}]
    rows = [
        row(root, "stool", first, {"pictures": json.dumps([view]), "candidates": tried}),
        row(root, "stool-2", stool(2, 0.8), {"parts": json.dumps(merged)}, parent="stool"),
        row(root, "refused", None, {}),
        row(root, "bare", Asset((make_part(low.parts[0].vertices, low.parts[0].faces),)), {}, parent="elsewhere"),
    ]
    read = lambda uri: (root / uri).read_bytes()  # noqa: E731
    assert write_report(rows, put_in(root), read, INFO, ReportOptions(page_rows=3)) == ""
