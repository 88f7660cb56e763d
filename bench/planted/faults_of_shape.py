"""Faults of the surface's geometry, each planted in a sound asset as broken exports and careless edits bring it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from pieces import (
    added,
    box,
    centres,
    changed,
    closed_pieces,
    cut,
    diagonal,
    directions,
    patch,
    pieces,
    quartered,
    surface_patch,
    unshared,
)

from ml.asset import Asset, make_part
from tasks.simplify import decimate


def holes(asset: Asset, rng: Generator) -> Asset:
    """Two patches of faces are gone."""
    part = asset.parts[0]
    keep = np.ones(len(part.faces), np.bool_)
    for _ in range(2):
        keep[patch(part, rng, max(1, len(part.faces) // 200))] = False
    return changed(asset, part.with_faces(part.faces[keep]))


def flipped_faces(asset: Asset, rng: Generator) -> Asset:
    """A patch of a piece is wound the other way."""
    part = asset.parts[0]
    labels = pieces(part)
    sizes = np.bincount(labels)
    among = labels == rng.choice(np.flatnonzero(sizes >= max(8, sizes.max() // 4)))
    faces = part.faces.copy()
    turned = patch(part, rng, max(2, int(among.sum()) // 10), among)
    faces[turned] = faces[turned][:, ::-1]
    return changed(asset, part.with_faces(faces))


def inside_out(asset: Asset, rng: Generator) -> Asset:
    """One closed piece looks inward."""
    part = asset.parts[0]
    closed = closed_pieces(part)
    faces = part.faces.copy()
    chosen = closed[rng.integers(min(3, len(closed)))]
    faces[chosen] = faces[chosen][:, ::-1]
    normals = part.normals if part.normals is None else part.normals.copy()
    if normals is not None:
        normals[np.unique(faces[chosen])] *= -1
    return changed(asset, replace(part.with_faces(faces), normals=normals))


def open_inside_out(asset: Asset, rng: Generator) -> Asset:
    """The largest piece looks inward and has lost a few faces, so that it encloses no volume."""
    part = asset.parts[0]
    largest = np.bincount(pieces(part)).argmax()
    chosen = pieces(part) == largest
    faces = part.faces.copy()
    faces[chosen] = faces[chosen][:, ::-1]
    keep = np.ones(len(faces), np.bool_)
    keep[patch(part, rng, 2, chosen)] = False
    normals = part.normals if part.normals is None else part.normals.copy()
    if normals is not None:
        normals[np.unique(faces[chosen])] *= -1
    return changed(asset, replace(part.with_faces(faces[keep]), normals=normals))


def self_intersections(asset: Asset, rng: Generator) -> Asset:
    """A dent that is pushed in so far that it comes out on the other side."""
    part = asset.parts[0]
    dent = patch(part, rng, max(3, len(part.faces) // 400))
    inward = -directions(part)[dent].sum(axis=0)
    inward /= np.linalg.norm(inward)
    tip = part.vertices[part.faces[dent[0], 0]]
    away = np.linalg.norm(part.vertices - tip, axis=1)
    radius = float(away[part.faces[dent]].max()) + 1e-3 * diagonal(asset)
    depth = 1.1 * float(np.ptp(part.vertices @ inward))
    moved = part.vertices + (depth * np.clip(1.0 - away / radius, 0.0, 1.0))[:, None] * inward
    return changed(asset, replace(part, vertices=moved.astype(np.float32)))


def duplicate_faces(asset: Asset, rng: Generator) -> Asset:
    """A patch is there twice."""
    part = asset.parts[0]
    again = part.faces[patch(part, rng, max(2, len(part.faces) // 50))]
    return changed(asset, part.with_faces(np.concatenate([part.faces, again])))


def z_fighting(asset: Asset, rng: Generator) -> Asset:
    """A copy of a tenth of the surface, as a part of its own, lies a hundred-thousandth of the size above it."""
    part = asset.parts[0]
    chosen = surface_patch(part, rng, 0.1)
    loose, fresh = unshared(part, chosen)
    normal = directions(part)[chosen]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    vertices = loose.vertices.copy()
    vertices[fresh] += (1e-5 * diagonal(asset) * normal)[:, None].astype(np.float32)
    decal = make_part(vertices[fresh.reshape(-1)], np.arange(fresh.size).reshape(-1, 3), part.material, name="decal")
    uv = None if loose.uv is None else loose.uv[fresh.reshape(-1)]
    return changed(asset, part, replace(decal, uv=uv))


def degenerate_faces(asset: Asset, rng: Generator) -> Asset:
    """Triangles whose corners lie on a line or in one point."""
    part = asset.parts[0]
    chosen = part.faces[rng.integers(len(part.faces), size=6)]
    collapsed = np.stack([chosen[:, 0], chosen[:, 1], chosen[:, 1]], axis=1)
    return changed(asset, part.with_faces(np.concatenate([part.faces, collapsed])))


def nonmanifold_edges(asset: Asset, rng: Generator) -> Asset:
    """Fins that stand on edges which have two faces already."""
    part = asset.parts[0]
    chosen = patch(part, rng, 4)
    normal = directions(part)[chosen]
    length = np.sqrt(np.linalg.norm(normal, axis=1, keepdims=True))
    tips = centres(part)[chosen] + normal / np.maximum(length, 1e-30)
    fins = part.faces[chosen].copy()
    fins[:, 2] = len(part.vertices) + np.arange(len(chosen))
    grown = added(part, tips, np.empty((0, 3), np.int32))
    return changed(asset, grown.with_faces(np.concatenate([part.faces, fins])))


def thin_walls(asset: Asset, rng: Generator) -> Asset:
    """A sheet of 0.2 mm stands on the top."""
    low, high = asset.bounds()
    middle, size = 0.5 * (low + high), high - low
    high_up = np.array([middle[0], high[1] + 0.2 * size[1], middle[2]])
    sheet = np.array([0.3 * size[0] * rng.uniform(0.8, 1.2), 0.5 * size[1], 0.0002])
    return changed(asset, added(asset.parts[0], *box(high_up, sheet)))


def fine_features(asset: Asset, rng: Generator) -> Asset:
    """Five needles of 0.3 mm stick out of the top."""
    part = asset.parts[0]
    low, high = asset.bounds()
    up = directions(part)
    top = np.flatnonzero(up[:, 1] > 0.5 * np.linalg.norm(up, axis=1))
    for spot in centres(part)[rng.choice(top, 5)]:
        length = 0.1 * (high[1] - low[1])
        part = added(part, *box(spot + np.array([0.0, 0.4 * length, 0.0]), [0.0003, length, 0.0003]))
    return changed(asset, part)


def floaters(asset: Asset, rng: Generator) -> Asset:
    """Three chips hang in the air beside it."""
    part = asset.parts[0]
    low, high = asset.bounds()
    size = 0.01 * diagonal(asset)
    for _ in range(3):
        spot = rng.uniform(low + 0.3 * (high - low), high)
        spot[0] = float(rng.choice([low[0] - 6 * size, high[0] + 6 * size]))
        part = added(part, *box(spot, size * rng.uniform(0.6, 1.4, 3)))
    return changed(asset, part)


def too_many_triangles(asset: Asset, rng: Generator) -> Asset:
    """Every triangle cut in four until there are more than 20,000 by far."""
    part = asset.parts[0]
    while len(part.faces) < 25_000:
        part = quartered(part)
    return changed(asset, part)


def too_many_materials(asset: Asset, rng: Generator) -> Asset:
    """A material for each of eight and more slices."""
    return Asset((*cut(asset.parts[0], int(rng.integers(8, 15)), materials=True), *asset.parts[1:]), asset.name)


def too_many_draws(asset: Asset, rng: Generator) -> Asset:
    """One material, but two dozen parts and more."""
    return Asset((*cut(asset.parts[0], int(rng.integers(24, 40)), materials=False), *asset.parts[1:]), asset.name)


def crude_level(asset: Asset, rng: Generator) -> Asset:
    """LOD1 has lost its shape: a few dozen faces."""
    part = (asset.lods[0] if asset.lods else asset).parts[0]
    vertices, faces = decimate(part.vertices.astype(np.float64), part.faces, int(rng.integers(8, 16)))
    bare = replace(part.material, base_color_texture=None, normal_texture=None)
    crude = make_part(vertices, faces, bare, name=part.name)
    return replace(asset, lods=(Asset((crude,), asset.name),))


def recoloured_level(asset: Asset, rng: Generator) -> Asset:
    """LOD1 has another material than LOD0."""
    part = (asset.lods[0] if asset.lods else asset).parts[0]
    paint = replace(part.material, base_color_texture=None, base_color=(0.8, 0.05, 0.7, 1.0))
    return replace(asset, lods=(Asset((replace(part, material=paint),), asset.name),))
