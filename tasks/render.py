"""Pictures of an asset: a software renderer that needs no GPU and gives the same bytes everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, InputError
from tasks.camera import Camera, orbit
from tasks.raster import empty_buffers, encode_srgb, rasterise
from tasks.scene import LINEAR_TO_SRGB, NO_ALPHA, alpha_test, corner_normals, face_ranges, make_scene, stacked
from tasks.shading import Scene, Studio, interpolate_normals, shade
from tasks.studio import make_studio

__all__ = ["Camera", "Frame", "Rendering", "orbit", "prepare", "render"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

BLEND_LAYERS = 4  # transparent surfaces peeled front to back: the two walls of a glass, twice


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
    uv = stacked(asset, "uv", 2, 0.0)
    eye = np.array([*camera.eye, 1.0]) if camera.fov > 0.0 else np.array([*camera.axes()[2], 0.0])
    density = _texel_density(screen, faces, uv, supersample)
    finest = [float(density[first:last].min(initial=0.0)) for first, last in face_ranges(asset)]
    geometry = vertices.astype(np.float32), faces, owner
    scene = make_scene(asset, geometry, corner_normals(asset), uv, density, finest, eye)
    solid = np.array([part.material.alpha_mode != "BLEND" for part in asset.parts])[owner]
    studio = make_studio(camera, scene.positions, np.ascontiguousarray(faces[solid]))
    return Rendering(scene, studio, screen, width, height)


def draw(asset: Asset, rendering: Rendering, camera: Camera, supersample: int) -> Frame:
    """Rasterise and shade a prepared scene."""
    near, hit = empty_buffers(rendering.height, rendering.width)
    for index, (first, last) in enumerate(face_ranges(asset)):
        material = asset.parts[index].material
        if material.alpha_mode != "BLEND":
            alpha, cutoff = alpha_test(asset.parts[index])
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
    encode_srgb(linear, LINEAR_TO_SRGB, color)
    return Frame(color, camera.depth(near[middle, middle]), normals, faces, parts, faces >= 0)


def _peel(asset: Asset, rendering: Rendering, near: F32, supersample: int) -> list[F32]:
    """Transparent layers from front to back, each what the last one left visible and the solid faces do not hide."""
    blended = [
        span for part, span in zip(asset.parts, face_ranges(asset), strict=True) if part.material.alpha_mode == "BLEND"
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


def _texel_density(screen: F64, faces: I32, uv: F32, supersample: int) -> F32:
    """½·log2 of uv area over area in pixels, a face."""
    a, b, c = screen[faces[:, 0], :2], screen[faces[:, 1], :2], screen[faces[:, 2], :2]
    pixels = np.abs(_cross2(b - a, c - a)) / supersample**2
    s, t, u = uv[faces[:, 0]], uv[faces[:, 1]], uv[faces[:, 2]]
    ratio = np.abs(_cross2(t - s, u - s)) / np.maximum(np.nan_to_num(pixels), 1e-6)
    return np.asarray(0.5 * np.log2(np.clip(ratio, 1e-14, 1.0)), dtype=np.float32)


def _cross2(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
