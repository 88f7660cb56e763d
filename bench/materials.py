"""The material library: CPU of a texture set, seams, and a contact sheet of every material on a sphere."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from figures import Figure, main
from PIL import Image, ImageDraw, ImageFont

from ml.asset import Asset, Material, Part, Texture, make_part
from ml.materials.library import LIBRARY, library_material, texture_maps
from ml.readers.spec_gloss import SpecularGlossiness, metallic_roughness
from tasks.palette import PaletteOptions, palette
from tasks.physical import physical
from tasks.restyle import RestyleOptions, restyle
from tasks.set_material import SetMaterialOptions, set_material
from tasks.thumbnail import ThumbnailOptions, thumbnail

SHEET = Path(__file__).parent / "pictures" / "materials.jpg"
COLUMNS, SIDE, LABEL = 9, 176, 18


def measure() -> Iterator[Figure]:
    """CPU of every 1024² set, without and with its PNG files."""
    texture_maps("oak", 256)
    for name in LIBRARY:  # compile what each pattern needs
        texture_maps(name, 256)
    drawn, encoded = [], []
    for name in LIBRARY:
        start = time.process_time()
        texture_maps(name, 1024)
        drawn.append(time.process_time() - start)
        start = time.process_time()
        library_material(name, 1024, seed=1)
        encoded.append(time.process_time() - start)
    yield Figure("materials in the library", len(LIBRARY), "materials", bar=24, better="higher")
    yield Figure("a 1024² set (colour, roughness-metallic, normal, height): mean", np.mean(drawn), "CPU-s", bar=0.3)
    yield Figure("the same, slowest material", max(drawn), "CPU-s")
    yield Figure("the same with its PNG files: mean", np.mean(encoded), "CPU-s")
    yield from steps()
    yield Figure("specular-glossiness to metallic-roughness, two 2048² textures", conversion(), "CPU-s")
    sheet()


def steps() -> Iterator[Figure]:
    """CPU of each step on a ball whose atlas is 1024², the second run."""
    chosen = {
        "set_material, painted into a 1024² atlas": partial(set_material, options=SetMaterialOptions("oak")),
        "palette of three colours": partial(palette, options=PaletteOptions(("#204060", "#c06030", "#e0d0b0"))),
        "restyle after copper": partial(restyle, options=RestyleOptions("copper")),
        "physical, nothing to change": physical,
    }
    bare = ball(Material()).parts[0]
    assert bare.uv is not None
    asset = Asset((replace(bare, uv=bare.uv * np.array([0.5, 1.0], np.float32)),))
    asset = set_material(asset, SetMaterialOptions("sandstone"))
    for name, step in chosen.items():
        step(asset)
        start = time.process_time()
        step(asset)
        yield Figure(f"{name}, 18k faces", time.process_time() - start, "CPU-s")


def conversion() -> float:
    """CPU of reading both textures, converting them and encoding the results, the second run."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (2, 32, 32, 4), dtype=np.uint8)
    diffuse, gloss = (Texture.from_pixels(np.repeat(np.repeat(c, 64, 0), 64, 1)) for c in coarse)
    given = SpecularGlossiness(diffuse_texture=diffuse, specular_glossiness_texture=gloss)
    metallic_roughness(given)
    start = time.process_time()
    metallic_roughness(given)
    return time.process_time() - start


def sheet(size: int = 1024) -> None:
    """Every material on a ball that shows its tile twice around, with its name."""
    rows = -(-len(LIBRARY) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + LABEL)), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for place, name in enumerate(LIBRARY):
        x, y = place % COLUMNS * SIDE, place // COLUMNS * (SIDE + LABEL)
        options = ThumbnailOptions(size=2 * SIDE, supersample=2, max_bytes=10**7)
        poster = Image.open(io.BytesIO(thumbnail(ball(library_material(name, size)), options)))
        picture.paste(poster.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (x, y))
        draw.text((x + SIDE // 2, y + SIDE + LABEL // 2), name, "#1d1d1b", font, "mm")
    SHEET.parent.mkdir(exist_ok=True)
    picture.save(SHEET, quality=90)


def ball(material: Material, segments: int = 96) -> Asset:
    """A unit sphere whose equator is two tiles long: its UVs lie in two tiles side by side."""
    lon, lat = np.meshgrid(np.linspace(0, 2 * np.pi, 2 * segments + 1), np.linspace(0, np.pi, segments + 1))
    points = np.stack([np.sin(lat) * np.sin(lon), np.cos(lat), np.sin(lat) * np.cos(lon)], axis=2).reshape(-1, 3)
    uv = np.stack([lon / np.pi, lat / np.pi], axis=2).reshape(-1, 2)
    corner = np.arange(segments)[:, None] * (2 * segments + 1) + np.arange(2 * segments)
    a, b, c, d = corner, corner + 1, corner + 2 * segments + 1, corner + 2 * segments + 2
    faces = np.concatenate([np.stack([a, c, d], axis=2).reshape(-1, 3), np.stack([a, d, b], axis=2).reshape(-1, 3)])
    part: Part = make_part(points, faces, material, uv=uv.astype(np.float32), normals=points.astype(np.float32))
    return Asset((replace(part, name=material.name),))


if __name__ == "__main__":
    if sys.argv[1:] == ["sheet"]:
        sheet()
    else:
        main(measure, __doc__ or "")
