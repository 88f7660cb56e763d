"""UV atlases beside xatlas: CPU, charts, stretch and the share of the square in use; draws ours and theirs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import Mesh, generated, real
from peer import peer
from timing import cpu_of

from ml.asset import I32, Asset, Part, make_part
from tasks.simplify import decimate
from tasks.topology import F64, degenerate_faces, face_components, half_edges
from tasks.unwrap import UnwrapOptions, unwrap
from tasks.uv_coverage import coverage
from tasks.uv_stretch import Stretch, stretch

PICTURE = Path(__file__).parent / "pictures" / "uv.png"
RESOLUTION, PADDING = 1024, 4  # texels, of both
CPU_BARS = {"20k": 0.25, "50k": 0.6, "200k": 2.0}
MOST_CHARTS, LEAST_USE = 1500, 0.7
REAL = ("spot", "cow", "fandisk", "rocker-arm", "CesiumMilkTruck", "beetle")
PEER_LIMIT = 200_000  # faces: xatlas takes 40 CPU-s there and stalls above


def measure() -> Iterator[Figure]:
    """The marching-cubes meshes and some real ones beside xatlas; a million faces and a soup alone."""
    drawn: list[Image.Image] = []
    cut = decimate(*generated("200k"), 20_000)
    for name, mesh in [("20k", cut), *((size, generated(size)) for size in ("5k", "50k", "200k", "1M"))]:
        yield from _beside(name, mesh, drawn if name == "20k" else None)
    for name, points, faces in real(*REAL):
        yield from _beside(name, (points, faces), drawn if name == "spot" else None)
    yield from _soup(200_000)
    if drawn:
        _side_by_side(drawn)


def _beside(name: str, mesh: Mesh, drawn: list[Image.Image] | None) -> Iterator[Figure]:
    points, faces = mesh[0], mesh[1][~degenerate_faces(*mesh)]
    asset = Asset((make_part(points, faces),))
    options = UnwrapOptions(RESOLUTION, PADDING, when="always")
    cpu, made = cpu_of(lambda: unwrap(asset, options), 1 if len(faces) > 150_000 else 3)
    part, what = made.parts[0], f"{name}, {len(faces)} faces"
    assert part.uv is not None
    mine = part.uv[part.faces].astype(np.float64)
    found = stretch(points[faces], mine)
    used, overlap, charts = _area(mine), _overlap(part), made.metrics["uv.charts"]
    barred = name in CPU_BARS
    if len(faces) > PEER_LIMIT:
        yield Figure(f"{what}: CPU", cpu, "CPU-s")
        yield Figure(f"{what}: charts", charts, "charts", MOST_CHARTS)
        yield Figure(f"{what}: L2 stretch", found.l2, "1 is none")
        yield Figure(f"{what}: square in use", used, "share", better="higher")
        return
    reply = peer("uv.xatlas", {"points": points, "faces": faces}, 1, resolution=RESOLUTION, padding=PADDING)
    theirs, order = reply.arrays["uv"].astype(np.float64), reply.arrays["faces"].astype(np.int64)
    other = stretch(points[order], theirs * reply.arrays["size"])  # its atlas need not be square
    yield Figure(f"{what}: CPU", cpu, "CPU-s", CPU_BARS.get(name), peer="xatlas", peer_value=reply.cpu)
    limit = MOST_CHARTS if barred else 1.5 * float(reply.arrays["charts"])
    yield Figure(f"{what}: charts", charts, "charts", limit, peer="xatlas", peer_value=float(reply.arrays["charts"]))
    yield from _stretches(what, found, other)
    least = LEAST_USE if name in ("50k", "200k") else None
    yield Figure(f"{what}: square in use", used, "share", least, "higher", "xatlas", _area(theirs))
    yield Figure(f"{what}: texels covered twice", overlap, "texels of 512²", 0)
    if drawn is not None:
        drawn += [atlas_picture(mine, _charts(part)), atlas_picture(theirs, np.zeros(len(theirs), np.int32))]


def _stretches(what: str, ours: Stretch, theirs: Stretch) -> Iterator[Figure]:
    yield Figure(f"{what}: L2 stretch", ours.l2, "1 is none", theirs.l2, peer="xatlas", peer_value=theirs.l2)
    yield Figure(f"{what}: angle distortion", ours.angle, "1 is none", peer="xatlas", peer_value=theirs.angle)
    yield Figure(f"{what}: area distortion", ours.area, "1 is none", peer="xatlas", peer_value=theirs.area)


def _soup(count: int) -> Iterator[Figure]:
    """Triangles without neighbours, each a chart."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(size=(count, 1, 3)) + rng.normal(size=(count, 3, 3)) * 0.02
    asset = Asset((make_part(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3)),))
    cpu, _ = cpu_of(lambda: unwrap(asset, UnwrapOptions(when="always")), 1)
    yield Figure(f"soup of {count} single triangles: CPU", cpu, "CPU-s", CPU_BARS["200k"])


def _area(corners: F64) -> float:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return float(0.5 * np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())


def _overlap(part: Part) -> int:
    assert part.uv is not None
    return int((coverage(part.uv, part.faces) > 1).sum())


def _charts(part: Part) -> I32:
    """Chart of each face: faces joined by what they share, seams apart."""
    assert part.uv is not None
    _, corner = np.unique(np.concatenate([part.vertices, part.uv], axis=1), axis=0, return_inverse=True)
    faces = corner.reshape(-1)[part.faces].astype(np.int32)
    return face_components(faces, *half_edges(faces, int(faces.max()) + 1))


def atlas_picture(corners: F64, chart: I32, side: int = 900) -> Image.Image:
    """The triangles as they lie in the square, a colour for each chart."""
    colors = np.random.default_rng(1).uniform(110, 235, (int(chart.max()) + 1, 3)).astype(int)
    picture = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(picture)
    for face, number in zip(corners * side, chart, strict=True):
        fill = colors[number]
        draw.polygon([(float(x), float(y)) for x, y in face], tuple(fill), tuple(fill * 2 // 3))
    return picture


def _side_by_side(pictures: list[Image.Image]) -> None:
    """Ours left of theirs, a mesh a row."""
    side, edge = pictures[0].width, 20
    sheet = Image.new("RGB", (2 * side + edge, (side + edge) * (len(pictures) // 2) - edge), "black")
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place % 2 * (side + edge), place // 2 * (side + edge)))
    small = sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS)
    small.quantize(64).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main(measure, __doc__ or "")
