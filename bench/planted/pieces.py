"""What planted faults act on: an asset as one part, its connected pieces, patches of its surface, added bodies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from PIL import Image, ImageDraw

from ml.asset import F32, I32, U8, Asset, Material, Part, Texture, make_part
from tasks.topology import F64, Bool, face_components, half_edges, weld

BOX_SIDES = np.array([[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]])
BOX_FACES = BOX_SIDES[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
ARRAYS = ("vertices", "normals", "uv", "uv1", "colors")


def changed(asset: Asset, part: Part, *more: Part) -> Asset:
    """The asset with its first part replaced and parts added; levels of detail are left out."""
    return Asset((part, *asset.parts[1:], *more), asset.name)


def diagonal(asset: Asset) -> float:
    """Metres."""
    return float(np.linalg.norm(np.ptp(asset.bounds(), axis=0)))


def pieces(part: Part) -> I32:
    """(m,) the connected piece of each face, welded by position."""
    points, faces, _ = weld(part.vertices, part.faces)
    return face_components(faces, *half_edges(faces, len(points)))


def closed_pieces(part: Part) -> list[Bool]:
    """Masks (m,) of the pieces in which every edge has two faces, largest first."""
    points, faces, _ = weld(part.vertices, part.faces)
    labels = face_components(faces, *half_edges(faces, len(points)))
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, inverse, counts = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    sound = (counts[inverse.reshape(-1)] == 2).reshape(-1, 3).all(axis=1)
    found = [labels == label for label in range(int(labels.max()) + 1)]
    return sorted((mask for mask in found if sound[mask].all()), key=lambda mask: -int(mask.sum()))


def centres(part: Part) -> F64:
    """(m, 3) metres."""
    middle: F64 = part.vertices[part.faces].astype(np.float64).mean(axis=1)
    return middle


def directions(part: Part) -> F64:
    """(m, 3) twice the area times the normal of each face, m²."""
    a, b, c = (part.vertices[part.faces[:, k]].astype(np.float64) for k in range(3))
    return np.cross(b - a, c - a)


def patch(part: Part, rng: Generator, count: int, among: Bool | None = None) -> I32:
    """The `count` faces nearest to a random one, all of them from `among`."""
    allowed = np.arange(len(part.faces)) if among is None else np.flatnonzero(among)
    large = allowed[np.argsort(-np.linalg.norm(directions(part)[allowed], axis=1))][: max(8, len(allowed) // 2)]
    middle = centres(part)
    away = np.linalg.norm(middle[allowed] - middle[rng.choice(large)], axis=1)
    return allowed[np.argsort(away)[:count]].astype(np.int32)


def surface_patch(part: Part, rng: Generator, share: float) -> I32:
    """The faces nearest to a random one that make up `share` of the surface."""
    nearest = patch(part, rng, len(part.faces))
    area = np.cumsum(np.linalg.norm(directions(part)[nearest], axis=1))
    return nearest[: int(np.searchsorted(area, share * area[-1])) + 1]


def unshared(part: Part, faces: I32) -> tuple[Part, I32]:
    """The part with vertices of their own for `faces` (k,), and the numbers (k, 3) of these."""
    corners = part.faces[faces].reshape(-1)
    fresh = (len(part.vertices) + np.arange(len(corners), dtype=np.int32)).reshape(-1, 3)
    indices = part.faces.copy()
    indices[faces] = fresh
    grown = {name: np.concatenate([each, each[corners]]) for name, each in _arrays(part).items()}
    return replace(part, faces=indices, **grown), fresh


def quartered(part: Part) -> Part:
    """The part with every triangle cut in four through the middles of its sides."""
    faces = np.arange(len(part.faces), dtype=np.int32)
    part, corners = unshared(part, faces)
    ends = corners[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    arrays = _arrays(part)
    halves = {name: each[ends].astype(np.float64).mean(axis=1).astype(each.dtype) for name, each in arrays.items()}
    ab, bc, ca = (len(part.vertices) + 3 * faces + k for k in range(3))
    a, b, c = corners.T
    quarters = [np.stack(q, axis=1) for q in ([a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca])]
    grown = {name: np.concatenate([each, halves[name]]) for name, each in arrays.items()}
    return replace(part, faces=np.concatenate(quarters).astype(np.int32), **grown)


def _arrays(part: Part) -> dict[str, npt.NDArray[Any]]:
    """What the part says of each vertex."""
    return {name: each for name in ARRAYS if (each := getattr(part, name)) is not None}


def added(part: Part, vertices: npt.ArrayLike, faces: npt.ArrayLike) -> Part:
    """The part with further triangles over further vertices; their texture coordinates lie on one texel."""
    more = np.asarray(vertices, np.float32)
    indices = np.asarray(faces, np.int32) + len(part.vertices)
    like = np.repeat(part.faces[0, 0], len(more))
    grown = {name: np.concatenate([each, each[like]]) for name, each in _arrays(part).items()}
    grown["vertices"][len(part.vertices) :] = more
    return replace(part, faces=np.concatenate([part.faces, indices]), **grown)


def box(centre: npt.ArrayLike, size: npt.ArrayLike) -> tuple[F32, I32]:
    """A closed box with outward faces."""
    signs = np.array([[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
    return (np.asarray(centre) + signs * np.asarray(size)).astype(np.float32), BOX_FACES.astype(np.int32)


def cut(part: Part, count: int, materials: bool) -> list[Part]:
    """The part in `count` slices along its longest side, each with a material of its own where asked."""
    middle = centres(part)
    axis = int(np.argmax(np.ptp(middle, axis=0)))
    slices = np.array_split(np.argsort(middle[:, axis]), count)
    found = []
    for index, faces in enumerate(slices):
        material = replace(part.material, name=f"slice {index}", roughness=0.3 + 0.01 * index)
        kept = part.with_faces(part.faces[faces])
        found.append(replace(kept, material=material if materials else part.material, name=f"slice {index}"))
    return found


def charts(part: Part) -> I32:
    """(m,) the UV chart of each face: faces that share vertices as stored."""
    faces, count = part.faces, len(part.vertices)
    return face_components(faces, *half_edges(faces, count))


def painted(part: Part, faces: I32, size: tuple[int, int]) -> Bool:
    """(height, width) the texels under faces (k,), and a few around them as a bake pads its charts."""
    assert part.uv is not None
    image = Image.new("1", size)
    pen = ImageDraw.Draw(image)
    for corners in part.uv[part.faces[faces]] * np.array(size):
        outline = [(float(x), float(y)) for x, y in corners]
        pen.polygon(outline, fill=1)
        pen.line([*outline, outline[0]], fill=1, width=3)
    return np.asarray(image)


def with_map(part: Part, pixels: U8, slot: str = "base_color_texture") -> Part:
    """The part with other texels in one slot of its material."""
    return replace(part, material=replace(part.material, **{slot: Texture.from_pixels(pixels, slot)}))


def base_pixels(part: Part) -> U8:
    """(h, w, 4) of the base colour; raises ValueError for a part without a map, which no fault fits."""
    texture = part.material.base_color_texture
    if texture is None:
        raise ValueError("no base-colour map to plant a fault in")
    return texture.pixels().copy()


def plain_part(vertices: npt.ArrayLike, faces: npt.ArrayLike, name: str, like: Material) -> Part:
    """A part of its own in the colour of another."""
    return make_part(vertices, faces, replace(Material(name), base_color=like.base_color), name=name)
