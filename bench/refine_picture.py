"""Draws bench/pictures/refine_normals.jpg: starts, what refining by normals makes of them, and what it followed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from detail_pairs import surface_pairs
from lods_picture import beside, cell
from meshes import real
from refine_normals import OPTIONS, Mesh, around, normal_error, smoothed, started

from ml.asset import Asset, make_part
from tasks.camera import orbit
from tasks.detail import DetailOptions, detail
from tasks.refine_normals import refine_normals


def refined(name: str, target: Mesh, start: Mesh, words: str) -> Image.Image:
    """Start, result and target in a row."""
    part = refine_normals(started(start, target), OPTIONS).parts[0]
    result = (part.vertices.astype(np.float64), part.faces)
    camera = orbit(target[0], 25.0, 15.0)
    shown = ((start, f"{name}: {words}"), (result, "refined from 24 normal maps"), (target, "what they show"))
    return beside(
        [
            cell(
                Asset((make_part(*mesh),)),
                camera,
                title,
                f"{len(mesh[1]):,} faces, {normal_error(target, mesh):.1f}° off",
            )
            for mesh, title in shown
        ]
    )


def detailed() -> Image.Image:
    """A coarse bunny, with the relief that the model draws, and the scan."""
    pair = next(surface_pairs(("bunny",)))
    coarse, scan = Asset((pair.coarse,)), Asset((make_part(pair.points, pair.faces),))
    made, camera = detail(coarse, DetailOptions(amount=0.004)), orbit(pair.points, 25.0, 15.0)
    return beside(
        [
            cell(asset, camera, title, f"{asset.face_count:,} faces")
            for asset, title in ((coarse, "bunny: coarse"), (made, "detail drawn over charts"), (scan, "the scan"))
        ]
    )


def main() -> None:
    """Draw and keep the picture."""
    rows = [
        refined(name, (points, faces), start, words)
        for name, points, faces in real("armadillo")
        for start, words in ((around(points), "a ball"), (smoothed(points, faces), "smoothed"))
    ]
    path = Path(__file__).parent / "pictures" / "refine_normals.jpg"
    Image.fromarray(np.concatenate([np.asarray(row) for row in (*rows, detailed())])).save(path, quality=88)
    print(path)


if __name__ == "__main__":
    main()
