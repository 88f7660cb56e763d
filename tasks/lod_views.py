"""Levels of detail compared by pictures: both drawn from the same cameras at the size at which the level takes over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2

import numpy as np
from numba import njit

from ml.asset import F32, I32, U8, Asset, Part, Texture
from tasks.camera import Camera
from tasks.lod_textures import Kind, TextureLevels
from tasks.raster import UINT, rasterise
from tasks.replacement import without_maps
from tasks.scene import LINEAR_TO_SRGB, NO_ALPHA, corner_normals, face_ranges, make_scene, stacked
from tasks.shading import (
    EMISSIVE,
    MAP_COLOR,
    MAP_COUNT,
    MAP_EMISSIVE,
    MAP_NORMAL,
    NORMAL_SCALE,
    Scene,
    from_behind,
    perspective_weights,
    perturbed,
    sample_texels,
    tinted,
    unit,
)
from tasks.texel_areas import texel_areas
from tasks.topology import F64, I64
from tasks.views import density, lens, project

# Azimuth and elevation, degrees: six views around, above and below, none along an axis of the usual model.
DIRECTIONS = ((20, 15), (110, -10), (200, 15), (290, -10), (65, 60), (245, -50))
# A lamp over the viewer's left shoulder, in the camera's right, up and back; what it does not reach shows 30 %.
LAMP, AMBIENT = (-0.35, 0.5, 0.8), 0.3
SLACK = 1.0  # mip levels kept beyond the mean need: where UVs are stretched twice
NO_TEXELS = -30.0
# Slots of the scene's texture table that are drawn, and the material's fields.
DRAWN: dict[int, tuple[str, Kind]] = {
    MAP_COLOR: ("base_color_texture", "color"),
    MAP_NORMAL: ("normal_texture", "normal"),
    MAP_EMISSIVE: ("emissive_texture", "color"),
}


@dataclass(frozen=True)
class Frame:
    """The ball around an asset: its diameter is what a screen coverage is told in."""

    centre: F64
    diameter: float  # metres

    @staticmethod
    def of(asset: Asset) -> Frame:
        """The ball through the corners of the bounding box."""
        low, high = asset.bounds()
        return Frame(0.5 * (low + high), max(float(np.linalg.norm(high - low)), 1e-30))


def pictures(asset: Asset, textures: TextureLevels, frame: Frame, size: int) -> F32:
    """(k, size, size, 3) sRGB colours from 0 to 1 under a lamp at the viewer, one sample a pixel; −1 where nothing is.

    Orthographic from DIRECTIONS, the frame's diameter filling each picture. Base colour, normal and emissive maps show,
    alpha MASK cuts out, BLEND counts as solid. Raises InputError `image.*` for a map that cannot be decoded.
    """
    scene = _scene(asset, textures, frame.diameter / size)
    spans = [(*span, *_cut(part, textures)) for part, span in zip(asset.parts, face_ranges(asset), strict=True)]
    drawn = np.full((len(DIRECTIONS), size, size, 3), -1.0, np.float32)
    screen = np.empty((len(scene.positions), 4))
    near, hit = np.empty((size, size), np.float32), np.empty((size, size), np.int32)
    for k, (azimuth, elevation) in enumerate(DIRECTIONS):
        camera = _camera(frame, azimuth, elevation)
        project(scene.positions, *lens(camera, size, size), screen)
        near[...], hit[...] = -np.inf, -1
        for first, last, alpha, cutoff in spans:
            rasterise(screen, scene.faces, first, last, scene.uv, alpha, cutoff, NO_ALPHA, near, hit)
        _draw(scene, screen, hit, _lamp(camera), LINEAR_TO_SRGB, drawn[k])
    return drawn


def image_difference(a: F32, b: F32) -> float:
    """Share from 0 to 1 by which two sets of pictures differ over the pixels where either shows something.

    Where both do, a pixel counts the mean difference of its colour channels, which shading is part of; where one does,
    it counts 1: against the worst backdrop that is what a viewer sees, and a changed outline is what gives a level away
    (Luebke et al. 2003, 'Level of detail for 3D graphics' §2.4).
    """
    total, count = _sum_differences(a.reshape(-1, 3), b.reshape(-1, 3))
    return total / count if count else 0.0


def _camera(frame: Frame, azimuth: float, elevation: float) -> Camera:
    a, e = np.radians([azimuth, elevation])
    back = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)]) * frame.diameter
    x, y, z = frame.centre
    return Camera((x + back[0], y + back[1], z + back[2]), (x, y, z), fov=0.0, extent=frame.diameter)


def _lamp(camera: Camera) -> F64:
    way: F64 = np.array(LAMP) @ camera.axes()
    return way / float(np.linalg.norm(way))


def _scene(asset: Asset, textures: TextureLevels, pixel: float) -> Scene:
    """The scene with the maps that `_draw` reads, as fine as pixels of so many metres need."""
    bare = replace(asset, parts=tuple(replace(p, material=without_maps(p.material)) for p in asset.parts))
    positions, faces, owner = asset.merged()
    geometry = (positions.astype(np.float32), faces, owner)
    unused = np.zeros(0, np.float32)
    uv, normals = stacked(asset, "uv", 2, 0.0), corner_normals(asset)
    scene = make_scene(bare, geometry, normals, uv, unused, [0.0] * len(asset.parts), np.zeros(4))
    maps, levels, texels = _texture_table(asset, textures, pixel)
    return scene._replace(maps=maps, levels=levels, texels=texels)


def _texture_table(asset: Asset, textures: TextureLevels, pixel: float) -> tuple[I64, I64, U8]:
    """(maps, levels, texels) of the scene; a map that parts share is there once for each fineness."""
    maps, levels = np.zeros((len(asset.parts), MAP_COUNT, 2), np.int64), list[tuple[int, int, int]]()
    chunks, offset = [np.zeros(4, np.uint8)], 4
    seen: dict[tuple[bytes, int, int], tuple[int, int]] = {}
    for index, part in enumerate(asset.parts):
        for slot, (field, kind) in DRAWN.items():
            texture = getattr(part.material, field)
            if texture is None or part.uv is None:
                continue
            finest = _finest(part, texture, pixel)
            key = (texture.data, slot, finest)
            if key not in seen:
                images = textures.mipmaps(texture, kind, finest)
                seen[key] = (len(levels), len(images))
                for image in images:
                    levels.append((offset, image.shape[1], image.shape[0]))
                    chunks.append(image.reshape(-1))
                    offset += image.size
            maps[index, slot] = seen[key]
    return maps, np.array(levels, np.int64).reshape(-1, 3), np.concatenate(chunks)


def _finest(part: Part, texture: Texture, pixel: float) -> int:
    """The mip level SLACK beyond the one that the part's mean face needs."""
    width, height = texture.size
    wanted = int(_mean_density(part, pixel) + 0.5 * log2(width * height) - SLACK)
    return min(max(wanted, 0), max(int(log2(min(width, height))) - 2, 0))


def _cut(part: Part, textures: TextureLevels) -> tuple[F32, float]:
    """The alpha map that a MASK part is cut out with and its cutoff once the factor is divided out."""
    material, texture = part.material, part.material.base_color_texture
    if material.alpha_mode != "MASK" or texture is None or part.uv is None:
        return NO_ALPHA, 0.0
    alpha = textures.image(texture, "color")[..., 3].astype(np.float32) / np.float32(255.0)
    return np.ascontiguousarray(alpha), material.alpha_cutoff / max(material.base_color[3], 1e-6)


def _mean_density(part: Part, pixel: float) -> float:
    """½·log2 of the part's area in uv over that in pixels of `pixel` metres."""
    if part.uv is None:
        return NO_TEXELS
    texels, area = texel_areas(part)
    return 0.5 * log2(max(texels, 1e-20) / max(area / pixel**2, 1e-20)) if area > 0.0 else NO_TEXELS


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(scene: Scene, screen: F64, hit: I32, lamp: F64, encode: U8, out: F32) -> None:
    """Colours (h, w, 3) of the faces in `hit` (h, w; −1 = nothing)."""
    faces, owner, corners, uv = scene.faces, scene.owner, scene.normals, scene.uv
    colors, factors, maps = scene.colors, scene.materials, scene.maps
    levels, texels, decode = scene.levels, scene.texels, scene.decode
    top, scale = len(encode) - 1, np.float32(1.0 / 255.0)
    for row in range(hit.shape[0]):
        for column in range(hit.shape[1]):
            y, x = UINT(row), UINT(column)
            if hit[y, x] < 0:
                continue
            f = UINT(hit[y, x])
            m = UINT(owner[f])
            i, j, k = UINT(faces[f, 0]), UINT(faces[f, 1]), UINT(faces[f, 2])
            a, b, c = perspective_weights(faces, screen, f, column + 0.5, row + 0.5)
            nx = a * corners[f, 0, 0] + b * corners[f, 1, 0] + c * corners[f, 2, 0]
            ny = a * corners[f, 0, 1] + b * corners[f, 1, 1] + c * corners[f, 2, 1]
            nz = a * corners[f, 0, 2] + b * corners[f, 1, 2] + c * corners[f, 2, 2]
            nx, ny, nz = unit(nx, ny, nz)
            if from_behind(screen, i, j, k):
                nx, ny, nz = -nx, -ny, -nz
            red, green, blue, _ = tinted(factors, colors, m, i, j, k, a, b, c)
            er, eg, eb = factors[m, EMISSIVE], factors[m, EMISSIVE + 1], factors[m, EMISSIVE + 2]
            if maps[m, MAP_COLOR, 1] + maps[m, MAP_NORMAL, 1] + maps[m, MAP_EMISSIVE, 1]:
                u, v = a * uv[i, 0] + b * uv[j, 0] + c * uv[k, 0], a * uv[i, 1] + b * uv[j, 1] + c * uv[k, 1]
                dense = density(uv, screen, i, j, k)
                if maps[m, MAP_COLOR, 1]:
                    tr, tg, tb, _ = sample_texels(maps, levels, texels, decode, m, MAP_COLOR, u, v, dense, True)
                    red, green, blue = red * tr, green * tg, blue * tb
                if maps[m, MAP_EMISSIVE, 1]:
                    tr, tg, tb, _ = sample_texels(maps, levels, texels, decode, m, MAP_EMISSIVE, u, v, dense, True)
                    er, eg, eb = er * tr, eg * tg, eb * tb
                if maps[m, MAP_NORMAL, 1]:
                    tr, tg, tb, _ = sample_texels(maps, levels, texels, decode, m, MAP_NORMAL, u, v, dense, False)
                    strength = factors[m, NORMAL_SCALE]
                    nx, ny, nz = perturbed(scene, f, strength, 2 * tr - 1, 2 * tg - 1, 2 * tb - 1, nx, ny, nz)
            light = AMBIENT + (1.0 - AMBIENT) * max(nx * lamp[0] + ny * lamp[1] + nz * lamp[2], 0.0)
            out[y, x, 0] = encode[UINT(min(max(red * light + er, 0.0), 1.0) * top + 0.5)] * scale
            out[y, x, 1] = encode[UINT(min(max(green * light + eg, 0.0), 1.0) * top + 0.5)] * scale
            out[y, x, 2] = encode[UINT(min(max(blue * light + eb, 0.0), 1.0) * top + 0.5)] * scale


@njit(cache=True, nogil=True)
def _sum_differences(a: F32, b: F32) -> tuple[float, int]:
    total, count = 0.0, 0
    for i in range(len(a)):
        if a[i, 0] < 0.0 and b[i, 0] < 0.0:
            continue
        count += 1
        if a[i, 0] < 0.0 or b[i, 0] < 0.0:
            total += 1.0
        else:
            total += (abs(a[i, 0] - b[i, 0]) + abs(a[i, 1] - b[i, 1]) + abs(a[i, 2] - b[i, 2])) / 3.0
    return total, count
