"""Draws bench/pictures/lods.jpg: levels of detail, impostors and collision bodies side by side with their figures."""

from __future__ import annotations

import colorsys
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent))

from lods import FACES, LEVELS, RESOLUTION, stripes
from meshes import REAL, real

from ml.asset import Asset, Material, make_part
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.bake import BakeOptions, bake
from tasks.camera import Camera, orbit
from tasks.collision import CollisionOptions, collision
from tasks.impostor import impostor
from tasks.lods import LodOptions, lods
from tasks.render import render
from tasks.simplify import SimplifyOptions, simplify
from tasks.unwrap import UnwrapOptions, unwrap

SIDE, CAPTION, BACKDROP = 240, 44, (246, 245, 241)


def shown() -> Iterator[tuple[str, Asset]]:
    """A textured truck of five parts, and scans painted with stripes."""
    yield "truck", read_mesh(Source(str(REAL / "CesiumMilkTruck.glb"), str(REAL)))
    for name, points, faces in real("armadillo", "bunny"):
        asset = simplify(Asset((make_part(points, faces, colors=stripes(points)),)), SimplifyOptions(FACES))
        yield name, bake(unwrap(asset, UnwrapOptions(RESOLUTION)), BakeOptions(RESOLUTION))


def row(name: str, asset: Asset) -> Image.Image:
    """One asset's levels, its impostor and its bodies."""
    made = collision(impostor(lods(asset, LodOptions(levels=LEVELS))), CollisionOptions())
    camera = orbit(asset.merged()[0], 25.0, 15.0)
    cells = [cell(asset, camera, f"{name}: {asset.face_count:,} faces", "LOD0")]
    for k, level in enumerate(made.lods, start=1):
        kind = "impostor" if level.parts[0].name == "impostor" else f"LOD{k}"
        figures = f"{made.metrics[f'lod{k}.difference']:.1%} different, from {made.metrics[f'lod{k}.coverage']:.0%}"
        cells.append(cell(level, camera, f"{kind}: {level.face_count:,} faces", figures))
    cells += [Image.new("RGB", cells[0].size, BACKDROP)] * (LEVELS + 2 - len(cells))
    bodies = Asset(tuple(replace(body, material=paint(k)) for k, body in enumerate(made.collision)))
    outside = f"{made.metrics['collision.outside']:.1%} of their volume outside"
    return beside([*cells, cell(bodies, camera, f"{len(made.collision)} collision bodies", outside)])


def cell(asset: Asset, camera: Camera, title: str, words: str) -> Image.Image:
    """A picture over two lines."""
    drawn = Image.new("RGB", (SIDE, SIDE + CAPTION), BACKDROP)
    picture = Image.fromarray(render(asset, camera, SIDE).color)
    drawn.paste(picture, (0, 0), picture)
    pen = ImageDraw.Draw(drawn)
    pen.text((8, SIDE), title, (29, 29, 27), ImageFont.load_default(15))
    pen.text((8, SIDE + 20), words, (107, 106, 100), ImageFont.load_default(13))
    return drawn


def paint(index: int) -> Material:
    """A colour that its neighbours do not have."""
    red, green, blue = colorsys.hsv_to_rgb(0.618 * index % 1.0, 0.55, 0.85)
    return Material(base_color=(red, green, blue, 1.0), roughness=0.7)


def beside(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one height in a row."""
    return Image.fromarray(np.concatenate([np.asarray(picture) for picture in pictures], axis=1))


def main() -> None:
    """Draw and keep the picture."""
    rows = [np.asarray(row(name, asset)) for name, asset in shown()]
    path = Path(__file__).parent / "pictures" / "lods.jpg"
    Image.fromarray(np.concatenate(rows)).save(path, quality=88)
    print(path)


if __name__ == "__main__":
    main()
