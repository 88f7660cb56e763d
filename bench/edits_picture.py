"""Draws bench/pictures/edits.jpg: assets before and after an instruction, of parts by name and of marked regions."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent))

from meshes import REAL

from ml.asset import Asset
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.instruction import parse_instruction
from ml.prompt import parse_prompt
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.apply_edits import apply_edits
from tasks.camera import orbit
from tasks.region import Region
from tasks.render import render

SIDE, CAPTION, COLUMNS, BACKDROP = 220, 30, 3, (246, 245, 241)
CASES = (
    ("chair", "make the legs longer and the seat red", Region()),
    ("mug", "make the handle bigger", Region()),
    ("sword", "blade of gold, longer handle", Region()),
    ("teapot", "longer spout, darker lid", Region()),
    ("table", "thinner legs and a wider top", Region()),
    ("sword", "bend the blade by 40 degrees", Region()),
    ("barrel", "rusty hoops", Region()),
    ("chair", "remove the back", Region()),
    ("lamp", "make the shade 40 % taller and blue", Region()),
    ("bunny.obj", "60 % taller", Region(boxes=((-0.1, 0.155, -0.07, 0.0, 0.19, 0.02),))),
    ("CesiumMilkTruck.glb", "blue", Region(spheres=((1.5, 1.2, 1.0, 0.8),))),
    ("CesiumMilkTruck.glb", "more worn, wheels 30 % bigger", Region()),
)


def asset_of(name: str) -> Asset:
    """One of the catalogue, or a mesh file."""
    if "." in name:
        return read_mesh(Source(str(REAL / name), str(REAL)))
    (asset,) = Procedural().generate([Request(name, seed=1, prompt=parse_prompt(f"a {name}"))])
    assert isinstance(asset, Asset)
    return asset


def cell(name: str, text: str, region: Region) -> Image.Image:
    """Before and after, over what was asked."""
    before = asset_of(name)
    edits = parse_instruction(text, [part.name for part in before.parts])
    after = apply_edits(before, edits, region)
    camera = orbit(np.concatenate([before.merged()[0], after.merged()[0]]), 35.0, 20.0)
    drawn = Image.new("RGB", (2 * SIDE + 20, SIDE + CAPTION), BACKDROP)
    for place, asset in enumerate((before, after)):
        picture = Image.fromarray(render(asset, camera, SIDE).color)
        drawn.paste(picture, (place * SIDE, 0), picture)
    where = "" if region.whole else ", in a region"
    said = f"“{text}”{where}"
    ImageDraw.Draw(drawn).text((8, SIDE + 4), said, (29, 29, 27), ImageFont.load_default(15))
    return drawn


def main() -> None:
    """Draw and keep the picture; meshes that are not there are left out."""
    cells = [cell(*case) for case in CASES if "." not in case[0] or (REAL / case[0]).exists()]
    width, height = cells[0].size
    sheet = Image.new("RGB", (COLUMNS * width, -(-len(cells) // COLUMNS) * height), BACKDROP)
    for place, drawn in enumerate(cells):
        sheet.paste(drawn, (place % COLUMNS * width, place // COLUMNS * height))
    path = Path(__file__).parent / "pictures" / "edits.jpg"
    sheet.save(path, quality=88)
    print(path)


if __name__ == "__main__":
    main()
