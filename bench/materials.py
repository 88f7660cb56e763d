"""The material library: CPU of a texture set, seams, and a contact sheet of every material on a sphere."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from figures import Figure, main
from PIL import Image, ImageDraw, ImageFont

from ml.asset import Asset, Material, Part, make_part
from ml.materials.library import LIBRARY, library_material, texture_maps
from tasks.thumbnail import ThumbnailOptions, thumbnail

SHEET = Path(__file__).parent / "pictures" / "materials.jpg"
COLUMNS, SIDE, LABEL = 10, 176, 18


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
    sheet()


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
    """A unit sphere whose equator is two tiles long."""
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
