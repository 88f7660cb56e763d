"""The impostor: a last level of detail of two crossed planes that show the asset's pictures from its four sides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ml.asset import F32, U8, Asset, InputError, Material, Part, Texture
from tasks.camera import Camera
from tasks.gutter import nearest_covered, spread
from tasks.lod_judge import NARROWER, SCREEN_HEIGHT, Judge
from tasks.lod_textures import TextureLevels, half_image
from tasks.sampling import face_areas
from tasks.topology import F64
from tasks.views import render_views

WAYS = ((0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0))  # x and z of front, right, back and left
MARGIN = 2  # texels around each picture, so that neighbours do not shine in
APART = 1e-3  # of the longest side between the two faces of a plane, for renderers that draw faces from behind
CUTOFF = 0.5


@dataclass(frozen=True)
class ImpostorOptions:
    """How sharp the pictures are and how wrong they may look from elsewhere."""

    resolution: int = field(default=256, metadata={"min": 32, "max": 1024, "help": "pixels a side of each picture"})
    max_difference: float = field(
        default=0.7, metadata={"min": 0.05, "max": 1.0, "help": "no impostor where its pictures differ more"}
    )


def impostor(asset: Asset, options: ImpostorOptions = ImpostorOptions()) -> Asset:
    """The asset with one more level: 8 triangles with base colour, alpha MASK and a normal map in one atlas.

    Each side of a plane faces one way and shows the asset from there, so that it is right from the four sides and
    passable between them (billboard clouds, Décoret et al. 2003, with two planes). Metallic and roughness are the
    surface's means; emission is left out. Metrics as those of `lods`, and `impostor.difference`: what looks more
    different than `max_difference` is noted and left out. Raises InputError `mesh.*` and `image.*`.
    """
    low, high = asset.bounds()
    side = float((high - low).max())
    if not side > 0.0:
        raise InputError("mesh.no-faces", f"all {asset.face_count} faces lie in one point")
    textures, index = TextureLevels(), len(asset.lods) + 1
    color, normal = _pictures(asset, 0.5 * (low + high), side, options.resolution)
    part = _planes(low, high, side, options.resolution)
    level = Asset((replace(part, material=_material(asset, textures, color, normal)),), asset.name)
    coverage = options.resolution / SCREEN_HEIGHT * float(np.linalg.norm(high - low)) / side
    coverage = min(coverage, NARROWER * asset.metrics.get(f"lod{index - 1}.coverage", 1.0))
    difference = Judge(asset, textures, 1.0, 1.0).difference(level, coverage)
    found = {"impostor.difference": difference}
    if difference > options.max_difference:
        note = f"none: it looks {difference:.0%} different, over {options.max_difference:.0%}"
        return asset.measured(found).noted(impostor=note)
    found |= {f"lod{index}.coverage": coverage, f"lod{index}.difference": difference}
    found[f"lod{index}.faces"] = float(level.face_count)
    result = replace(asset, lods=(*asset.lods, level)).measured(found)
    return result.noted(impostor=f"LOD{index}, {difference:.0%} different")


def _pictures(asset: Asset, centre: F64, side: float, resolution: int) -> tuple[U8, U8]:
    """Atlases (2r, 2r, 4) of base colour with coverage as alpha, and of normals in each picture's frame."""
    cameras = [_camera(centre, way, side, resolution) for way in WAYS]
    views = render_views(asset, cameras, 2 * resolution)
    colors, normals = [], []
    for k, camera in enumerate(cameras):
        shown = views.albedo[k].copy()
        local = views.normals[k] @ camera.axes().T.astype(np.float32)
        local *= np.where(local[..., 2:] < 0.0, np.float32(-1.0), np.float32(1.0))  # seen from behind
        encoded = np.full_like(shown, 255)
        encoded[..., :3] = np.round(local * 127.5 + 127.5)
        colors.append(half_image(shown, "color"))
        normals.append(half_image(encoded, "normal"))
    color, normal = (_tiled(tiles) for tiles in (colors, normals))
    nearest, alpha = nearest_covered(color[..., 3] >= 255 * CUTOFF).reshape(-1), color[..., 3].copy()
    for atlas in (color, normal):
        spread(atlas.reshape(-1, 4), nearest)
    color[..., 3] = alpha
    return color, normal


def _camera(centre: F64, way: tuple[float, float], side: float, resolution: int) -> Camera:
    eye = centre + 2.0 * side * np.array([way[0], 0.0, way[1]])
    extent = side * resolution / (resolution - 2 * MARGIN)
    (ex, ey, ez), (x, y, z) = eye.tolist(), centre.tolist()
    return Camera((ex, ey, ez), (x, y, z), fov=0.0, extent=extent)


def _tiled(tiles: list[U8]) -> U8:
    """Four pictures as the quarters of one: front and right above back and left."""
    return np.concatenate([np.concatenate(tiles[:2], axis=1), np.concatenate(tiles[2:], axis=1)])


def _planes(low: F64, high: F64, side: float, resolution: int) -> Part:
    """A rectangle around the asset for each way that sees an area, facing it, with UVs into its quarter."""
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    vertices, normals, uvs = [], [], []
    for k, (x, z) in enumerate(WAYS):
        back, right = np.array([x, 0.0, z]), np.array([z, 0.0, -x])
        wide, tall = float(np.abs(right) @ half), float(half[1])
        if wide <= 1e-6 * side or tall <= 1e-6 * side:
            continue
        for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            flat = np.array([sx * wide, -sy * tall]) / side * (resolution - 2 * MARGIN) / (2 * resolution)
            uvs.append(flat + 0.25 + 0.5 * np.array([k % 2, k // 2]))
            vertices.append(centre + right * (sx * wide) + np.array([0.0, sy * tall, 0.0]) + back * (APART * side / 2))
            normals.append(back)
    if not vertices:
        raise InputError("mesh.no-faces", "nothing is seen of the asset from any side")
    first = 4 * np.arange(len(vertices) // 4)[:, None, None]
    faces = (first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3).astype(np.int32)
    points, turned, uv = (np.array(rows, np.float32) for rows in (vertices, normals, uvs))
    return Part(points, faces, name="impostor", normals=turned, uv=uv)


def _material(asset: Asset, textures: TextureLevels, color: U8, normal: U8) -> Material:
    roughness, metallic = _mean_surface(asset, textures)
    return Material(
        name="impostor",
        base_color=(1.0, 1.0, 1.0, 1.0),
        base_color_texture=Texture.from_pixels(color, "impostor_base_color"),
        normal_texture=Texture.from_pixels(np.ascontiguousarray(normal[..., :3]), "impostor_normal"),
        roughness=roughness,
        metallic=metallic,
        alpha_mode="MASK",
        alpha_cutoff=CUTOFF,
    )


def _mean_surface(asset: Asset, textures: TextureLevels) -> tuple[float, float]:
    """Roughness and metallic, mean over the parts' areas and maps."""
    values, weights = [], []
    for part in asset.parts:
        material, texture = part.material, part.material.metallic_roughness_texture
        scale: F32 = np.ones(4, np.float32)
        if texture is not None and part.uv is not None:
            scale = textures.mipmaps(texture, "data", 0)[-1].mean(axis=(0, 1)) / 255.0
        values.append((material.roughness * float(scale[1]), material.metallic * float(scale[2])))
        weights.append(float(face_areas(part.vertices.astype(np.float64), part.faces).sum()))
    mean = np.average(np.array(values), axis=0, weights=np.array(weights) + 1e-300)
    return float(mean[0]), float(mean[1])
