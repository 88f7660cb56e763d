"""Pictures of an asset: a software renderer that needs no GPU and gives the same bytes everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.asset import Asset, InputError, Part, Texture
from tasks.camera import Camera, orbit
from tasks.raster import creased_normals, empty_buffers, encode_srgb, rasterise
from tasks.shading import MAP_COUNT, MATERIAL_COLUMNS, Scene, Studio, interpolate_normals, shade
from tasks.studio import make_studio

__all__ = ["Camera", "Frame", "Rendering", "orbit", "prepare", "render"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

BLEND_LAYERS = 4  # transparent surfaces peeled front to back: the two walls of a glass, twice
CREASE_COSINE = 0.77  # 40°: faces that meet flatter are smoothed where a part brings no normals
NO_ALPHA: F32 = np.zeros((0, 0), dtype=np.float32)
LEVELS = np.arange(256) / 255.0
SRGB_TO_LINEAR: F64 = np.where(LEVELS <= 0.04045, LEVELS / 12.92, ((LEVELS + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1


@dataclass(frozen=True)
class Frame:
    """One picture; h × w pixels, row 0 at the top."""

    color: U8  # (h, w, 4) sRGB with straight alpha; the background is transparent
    depth: F32  # (h, w) metres along the view axis; inf where nothing is
    normals: F32  # (h, w, 3) unit, in the asset's frame; 0 where nothing is
    faces: I32  # (h, w) face in Asset.merged's order; −1 where nothing is
    parts: I32  # (h, w) part index; −1 where nothing is
    mask: npt.NDArray[np.bool_]  # (h, w) where something is


@dataclass(frozen=True)
class Rendering:
    """A scene made ready for one camera: what `render` draws and a shadow catcher reads."""

    scene: Scene
    studio: Studio
    screen: F64  # (n, 4) vertices in samples
    width: int  # samples
    height: int


def render(asset: Asset, camera: Camera, size: int | tuple[int, int] = 512, supersample: int = 2) -> Frame:
    """Draw `asset` at `size` pixels (side, or width and height) with `supersample`² samples a pixel.

    Materials are glTF 2.0 metallic-roughness with all five maps, alpha MASK and BLEND (depth peeling, four layers).
    Both sides of every face are drawn, and faces behind a perspective camera are left out. Raises InputError
    `mesh.no-faces` and `image.*` for a map that cannot be decoded.
    """
    return draw(asset, prepare(asset, camera, size, supersample), camera, supersample)


def prepare(asset: Asset, camera: Camera, size: int | tuple[int, int], supersample: int) -> Rendering:
    """Flatten the asset for the kernels and light it."""
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces to draw")
    width, height = (size, size) if isinstance(size, int) else size
    width, height = width * supersample, height * supersample
    vertices, faces, owner = asset.merged()
    screen = camera.project(vertices, width, height)
    positions = vertices.astype(np.float32)
    uv = _stacked(asset, "uv", 2, 0.0)
    eye = np.array([*camera.eye, 1.0]) if camera.fov > 0.0 else np.array([*camera.axes()[2], 0.0])
    density = _texel_density(screen, faces, uv, supersample)
    maps, levels, texels = _texture_table(asset, density, owner)
    colors = _stacked(asset, "colors", 4, 255.0) / np.float32(255.0)
    normals = _corner_normals(asset)
    materials = np.stack([_material_row(part) for part in asset.parts])
    scene = Scene(
        faces, positions, normals, uv, colors, owner, density, materials, maps, levels, texels, SRGB_TO_LINEAR, eye
    )
    solid = np.array([part.material.alpha_mode != "BLEND" for part in asset.parts])[owner]
    studio = make_studio(camera, positions, np.ascontiguousarray(faces[solid]))
    return Rendering(scene, studio, screen, width, height)


def draw(asset: Asset, rendering: Rendering, camera: Camera, supersample: int) -> Frame:
    """Rasterise and shade a prepared scene."""
    near, hit = empty_buffers(rendering.height, rendering.width)
    for index, (first, last) in enumerate(_face_ranges(asset)):
        material = asset.parts[index].material
        if material.alpha_mode != "BLEND":
            alpha, cutoff = _alpha_test(asset.parts[index])
            rasterise(
                rendering.screen,
                rendering.scene.faces,
                first,
                last,
                rendering.scene.uv,
                alpha,
                cutoff,
                NO_ALPHA,
                near,
                hit,
            )
    layers = _peel(asset, rendering, near, supersample)
    layers.append(_shaded(rendering, hit, supersample))
    linear = layers[0]
    for layer in layers[1:]:  # 'under' operator, front to back
        linear = linear + layer * (1.0 - linear[..., 3:])
    middle = slice(supersample // 2, None, supersample)
    faces = np.ascontiguousarray(hit[middle, middle])
    normals = np.zeros((*faces.shape, 3), dtype=np.float32)
    interpolate_normals(rendering.scene, rendering.screen, hit, supersample, normals)
    parts = np.where(faces >= 0, rendering.scene.owner[faces], -1).astype(np.int32)
    color = np.zeros(linear.shape, dtype=np.uint8)
    encode_srgb(linear, _ENCODE, color)
    return Frame(color, camera.depth(near[middle, middle]), normals, faces, parts, faces >= 0)


def _encode_table() -> U8:
    x = np.arange(4096) / 4095.0
    encoded = np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1.0 / 2.4) - 0.055)
    return (encoded * 255.0 + 0.5).astype(np.uint8)


_ENCODE: U8 = _encode_table()


def _peel(asset: Asset, rendering: Rendering, near: F32, supersample: int) -> list[F32]:
    """Transparent layers from front to back, each what the last one left visible and the solid faces do not hide."""
    blended = [
        span for part, span in zip(asset.parts, _face_ranges(asset), strict=True) if part.material.alpha_mode == "BLEND"
    ]
    layers: list[F32] = []
    limit = np.full_like(near, np.inf)
    for _ in range(BLEND_LAYERS if blended else 0):
        layer_near, hit = near.copy(), np.full(near.shape, -1, dtype=np.int32)
        scene = rendering.scene
        for first, last in blended:
            rasterise(rendering.screen, scene.faces, first, last, scene.uv, NO_ALPHA, 0.0, limit, layer_near, hit)
        if not (hit >= 0).any():
            break
        layers.append(_shaded(rendering, hit, supersample))
        limit = np.where(hit >= 0, layer_near, -np.inf).astype(np.float32)
    return layers


def _shaded(rendering: Rendering, hit: I32, supersample: int) -> F32:
    out = np.zeros((rendering.height // supersample, rendering.width // supersample, 4), dtype=np.float32)
    shade(rendering.scene, rendering.studio, rendering.screen, hit, supersample, out)
    return out


def _face_ranges(asset: Asset) -> list[tuple[int, int]]:
    ends = np.cumsum([0, *(len(part.faces) for part in asset.parts)]).tolist()
    return list(pairwise(ends))


def _stacked(asset: Asset, field: str, columns: int, default: float) -> F32:
    """One attribute over all parts as float32, `default` where a part has none."""
    arrays = []
    for part in asset.parts:
        values = getattr(part, field)
        shape = (len(part.vertices), columns)
        arrays.append(np.full(shape, default, np.float32) if values is None else values.astype(np.float32))
    return np.ascontiguousarray(np.concatenate(arrays))


def _material_row(part: Part) -> F64:
    m = part.material
    blended = float(m.alpha_mode == "BLEND")
    row = [*m.base_color, m.metallic, m.roughness, *m.emissive, blended, m.normal_scale, m.occlusion_strength]
    assert len(row) == MATERIAL_COLUMNS
    return np.array(row, dtype=np.float64)


def _alpha_test(part: Part) -> tuple[F32, float]:
    """The alpha map a MASK part is cut out with and its cutoff once the factor is divided out."""
    m = part.material
    if m.alpha_mode != "MASK" or m.base_color_texture is None or part.uv is None:
        return NO_ALPHA, 0.0
    alpha = m.base_color_texture.pixels()[..., 3].astype(np.float32) / np.float32(255.0)
    return np.ascontiguousarray(alpha), m.alpha_cutoff / max(m.base_color[3], 1e-6)


def _texel_density(screen: F64, faces: I32, uv: F32, supersample: int) -> F32:
    """½·log2 of uv area over area in pixels, a face."""
    a, b, c = screen[faces[:, 0], :2], screen[faces[:, 1], :2], screen[faces[:, 2], :2]
    pixels = np.abs(_cross2(b - a, c - a)) / supersample**2
    s, t, u = uv[faces[:, 0]], uv[faces[:, 1]], uv[faces[:, 2]]
    ratio = np.abs(_cross2(t - s, u - s)) / np.maximum(np.nan_to_num(pixels), 1e-6)
    return np.asarray(0.5 * np.log2(np.clip(ratio, 1e-14, 1.0)), dtype=np.float32)


def _cross2(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _corner_normals(asset: Asset) -> F32:
    """(m, 3, 3) normals of the corners: the part's own, or smoothed below the crease angle."""
    corners = np.empty((asset.face_count, 3, 3), dtype=np.float32)
    for part, (first, last) in zip(asset.parts, _face_ranges(asset), strict=True):
        if part.normals is not None:
            corners[first:last] = part.normals[part.faces]
        else:
            creased_normals(part.vertices, part.faces, CREASE_COSINE, corners[first:last])
    return corners


def _texture_table(asset: Asset, density: F32, owner: I32) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], U8]:
    """(maps, levels, texels) of the Scene; a map shared by parts is decoded once."""
    maps = np.zeros((len(asset.parts), MAP_COUNT, 2), dtype=np.int64)
    levels: list[tuple[int, int, int]] = []
    chunks: list[U8] = [np.zeros(4, dtype=np.uint8)]
    seen: dict[bytes, tuple[int, int]] = {}
    for index, part in enumerate(asset.parts):
        m = part.material
        slots = (
            m.base_color_texture,
            m.metallic_roughness_texture,
            m.normal_texture,
            m.occlusion_texture,
            m.emissive_texture,
        )
        finest = float(density[owner == index].min(initial=0.0))
        for slot, texture in enumerate(slots):
            if texture is None or part.uv is None:
                continue
            if texture.data not in seen:
                first = len(levels)
                for image in _pyramid(texture, finest):
                    offset = sum(len(chunk) for chunk in chunks)
                    levels.append((offset, image.shape[1], image.shape[0]))
                    chunks.append(image.reshape(-1))
                seen[texture.data] = (first, len(levels) - first)
            maps[index, slot] = seen[texture.data]
    table = np.array(levels, dtype=np.int64).reshape(-1, 3)
    return maps, table, np.concatenate(chunks)


def _pyramid(texture: Texture, finest: float) -> list[U8]:
    """Mip levels from the finest that any face needs down to about 4 texels, each a 2×2 box of the last."""
    image = Image.fromarray(texture.pixels())
    skip = int(np.floor(finest + 0.5 * np.log2(image.width * image.height)))
    if skip > 0:
        image = image.reduce(2 ** min(skip, int(np.log2(min(image.size)))))
    levels = [np.asarray(image)]
    while min(image.size) >= 8:
        image = image.reduce(2)
        levels.append(np.asarray(image))
    return levels
