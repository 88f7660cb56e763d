"""The shader: GGX surfaces under a studio of three lights, softboxes and a soft sky, with shadows and occlusion."""

from __future__ import annotations

from math import exp, floor, log2, sqrt
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from tasks.raster import UINT

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

# Columns of the material table; colours take three or four columns.
BASE, METALLIC, ROUGHNESS, EMISSIVE, BLENDED, NORMAL_SCALE, OCCLUSION, MATERIAL_COLUMNS = 0, 4, 5, 6, 9, 10, 11, 12
# Slots of the texture table.
MAP_COLOR, MAP_ORM, MAP_NORMAL, MAP_OCCLUSION, MAP_EMISSIVE, MAP_COUNT = 0, 1, 2, 3, 4, 5


class Scene(NamedTuple):
    """Everything the shader reads, as flat arrays; n vertices, m faces, k materials, l mip levels."""

    faces: I32  # (m, 3)
    positions: F32  # (n, 3)
    normals: F32  # (m, 3, 3) per corner
    uv: F32  # (n, 2)
    colors: F32  # (n, 4) linear
    owner: I32  # (m,) material of a face
    density: F32  # (m,) ½·log2(uv area / area in pixels): the mip level of a 1×1 texture
    materials: F64  # (k, MATERIAL_COLUMNS)
    maps: I64  # (k, MAP_COUNT, 2) first mip level and number of levels; 0 levels: no map
    levels: I64  # (l, 3) offset into texels, width, height
    texels: U8  # RGBA, level after level
    decode: F64  # (256,) sRGB byte to linear
    eye: F64  # (4,) position and 1, or for an orthographic camera the direction to it and 0


class Studio(NamedTuple):
    """The light: arrays the shader reads."""

    lights: F64  # (3, 6) direction to the light, linear RGB; the first casts the shadow
    boxes: F64  # (b, 5) axis, sharpness, brightness: spherical Gaussians
    shadow: F32  # (s, s) nearness seen from the key light
    shadow_pose: F64  # (3, 4) world to x, y, nearness of `shadow`, in texels
    sky: F32  # (d, t, t) nearness seen from d directions of the sky
    sky_poses: F64  # (d, 3, 4)
    sky_axes: F64  # (d, 3)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def shade(scene: Scene, studio: Studio, screen: F64, hit: I32, scale: int, out: F32) -> None:
    """Fill `out` (h, w, 4; linear, tone mapped, premultiplied) from `hit` (h·scale, w·scale; −1 = nothing).

    A pixel whose samples agree (same material, corner normals within 25°) is shaded once, as multisampling hardware
    does: only edges pay for every sample, so 2×2 costs 1.1× of one sample (54 → 59 ms on 170k pixels).
    """
    share = np.float32(1.0 / (scale * scale))
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            anchor = -1
            r = g = b = a = 0.0
            for s in range(scale * scale):
                sy, sx = y * scale + s // scale, x * scale + s % scale
                f = hit[sy, sx]
                if f < 0:
                    continue
                if anchor < 0 or not _alike(scene, anchor, f):
                    r, g, b, a = _shade_sample(scene, studio, screen, f, sx + 0.5, sy + 0.5)
                    anchor = f
                out[y, x, 0] += share * r
                out[y, x, 1] += share * g
                out[y, x, 2] += share * b
                out[y, x, 3] += share * a


@numba.njit(cache=True, nogil=True, error_model="numpy")
def interpolate_normals(scene: Scene, screen: F64, hit: I32, step: int, out: F32) -> None:
    """Unit shading normals (h, w, 3) at the sample in the middle of each pixel; zero where nothing was hit."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            sy, sx = y * step + step // 2, x * step + step // 2
            f = hit[sy, sx]
            if f >= 0:
                a, b, c = perspective_weights(scene.faces, screen, f, sx + 0.5, sy + 0.5)
                n = scene.normals[f]
                nx, ny, nz = unit(
                    a * n[0, 0] + b * n[1, 0] + c * n[2, 0],
                    a * n[0, 1] + b * n[1, 1] + c * n[2, 1],
                    a * n[0, 2] + b * n[1, 2] + c * n[2, 2],
                )
                out[y, x, 0], out[y, x, 1], out[y, x, 2] = nx, ny, nz


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def visibility(depth: F32, pose: F64, px: float, py: float, pz: float) -> float:
    """How much of a 2×2 bilinear neighbourhood of an orthographic depth map does not cover a point: 0 to 1."""
    size = depth.shape[0]
    x = pose[0, 0] * px + pose[0, 1] * py + pose[0, 2] * pz + pose[0, 3] - 0.5
    y = pose[1, 0] * px + pose[1, 1] * py + pose[1, 2] * pz + pose[1, 3] - 0.5
    n = pose[2, 0] * px + pose[2, 1] * py + pose[2, 2] * pz + pose[2, 3]
    ix, iy = floor(x), floor(y)
    if ix < 0 or iy < 0 or ix + 1 >= size or iy + 1 >= size:
        return 1.0
    fx, fy = x - ix, y - iy
    top = (1.0 - fx) * (depth[iy, ix] <= n) + fx * (depth[iy, ix + 1] <= n)
    bottom = (1.0 - fx) * (depth[iy + 1, ix] <= n) + fx * (depth[iy + 1, ix + 1] <= n)
    return float((1.0 - fy) * top + fy * bottom)


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def sky_visibility(studio: Studio, px: float, py: float, pz: float, nx: float, ny: float, nz: float) -> float:
    """Ambient occlusion: the cosine-weighted share of the sky's directions that a point sees."""
    seen = total = 1e-6
    for d in range(len(studio.sky)):
        cosine = nx * studio.sky_axes[d, 0] + ny * studio.sky_axes[d, 1] + nz * studio.sky_axes[d, 2]
        if cosine > 0.0:
            total += cosine
            seen += cosine * visibility(studio.sky[d], studio.sky_poses[d], px, py, pz)
    return seen / total


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _alike(scene: Scene, f: int, g: int) -> bool:
    if f == g:
        return True
    if scene.owner[f] != scene.owner[g]:
        return False
    n, o = scene.normals[f], scene.normals[g]
    return bool(n[0, 0] * o[0, 0] + n[0, 1] * o[0, 1] + n[0, 2] * o[0, 2] > 0.9)


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    scale = 1.0 / sqrt(max(x * x + y * y + z * z, 1e-30))
    return x * scale, y * scale, z * scale


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def perspective_weights(faces: I32, screen: F64, f: int, x: float, y: float) -> tuple[float, float, float]:
    """Perspective-correct barycentric weights at a sample, clamped to the triangle."""
    i, j, k = UINT(faces[UINT(f), 0]), UINT(faces[UINT(f), 1]), UINT(faces[UINT(f), 2])
    xa, ya = screen[i, 0], screen[i, 1]
    bx, by, cx, cy = screen[j, 0] - xa, screen[j, 1] - ya, screen[k, 0] - xa, screen[k, 1] - ya
    inverse = 1.0 / (bx * cy - cx * by)
    b = min(max(((x - xa) * cy - cx * (y - ya)) * inverse, 0.0), 1.0)
    c = min(max((bx * (y - ya) - (x - xa) * by) * inverse, 0.0), 1.0)
    wa, wb, wc = max(1.0 - b - c, 0.0) * screen[i, 3], b * screen[j, 3], c * screen[k, 3]
    scale = 1.0 / (wa + wb + wc)
    return wa * scale, wb * scale, wc * scale


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def from_behind(screen: F64, i: int, j: int, k: int) -> bool:
    bx, by = screen[j, 0] - screen[i, 0], screen[j, 1] - screen[i, 1]
    cx, cy = screen[k, 0] - screen[i, 0], screen[k, 1] - screen[i, 1]
    return bool(bx * cy - cx * by > 0.0)  # rows grow downward: counter-clockwise outside is negative here


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def sample_map(
    scene: Scene, material: int, slot: int, u: float, v: float, density: float, srgb: bool
) -> tuple[float, float, float, float]:
    """Bilinear RGBA of a material's map, repeating, from the mip level nearest to one texel a pixel."""
    tables = scene.maps, scene.levels, scene.texels, scene.decode
    r, g, b, a = sample_texels(*tables, material, slot, u, v, density, srgb)
    return r, g, b, a


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def sample_texels(
    maps: I64,
    levels: I64,
    texels: U8,
    decode: F64,
    material: int,
    slot: int,
    u: float,
    v: float,
    density: float,
    srgb: bool,
) -> tuple[float, float, float, float]:
    """The same for loops that took the scene's fields out, whose reading counts references."""
    m, s = UINT(material), UINT(slot)
    first, count = maps[m, s, 0], maps[m, s, 1]
    area = float(levels[UINT(first), 1] * levels[UINT(first), 2])
    at = UINT(first + min(max(int(density + 0.5 * log2(area) + 0.3), 0), count - 1))
    offset, width, height = levels[at, 0], levels[at, 1], levels[at, 2]
    x, y = (u - floor(u)) * width - 0.5, (v - floor(v)) * height - 0.5
    ix, iy = floor(x), floor(y)
    fx, fy = x - ix, y - iy
    r = g = b = a = 0.0
    for corner in range(4):
        cx, cy = corner & 1, corner >> 1
        weight = (fx if cx else 1.0 - fx) * (fy if cy else 1.0 - fy)
        row, column = iy + cy, ix + cx  # from −1 to the side: one step brings them back
        row += height if row < 0 else -height if row >= height else 0
        column += width if column < 0 else -width if column >= width else 0
        texel = UINT(offset + 4 * (row * width + column))
        if srgb:
            r += weight * decode[texels[texel]]
            g += weight * decode[texels[texel + UINT(1)]]
            b += weight * decode[texels[texel + UINT(2)]]
        else:
            r += weight * texels[texel] / 255.0
            g += weight * texels[texel + UINT(1)] / 255.0
            b += weight * texels[texel + UINT(2)] / 255.0
        a += weight * texels[texel + UINT(3)] / 255.0
    return r, g, b, a


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def perturbed(
    scene: Scene, f: int, scale: float, tx: float, ty: float, tz: float, nx: float, ny: float, nz: float
) -> tuple[float, float, float]:
    """A tangent-space normal turned into the world, with the tangent from the face's uv (glTF 2.0 §3.9.3)."""
    i, j, k = scene.faces[f, 0], scene.faces[f, 1], scene.faces[f, 2]
    p, uv = scene.positions, scene.uv
    du1, dv1, du2, dv2 = uv[j, 0] - uv[i, 0], uv[j, 1] - uv[i, 1], uv[k, 0] - uv[i, 0], uv[k, 1] - uv[i, 1]
    det = du1 * dv2 - du2 * dv1
    if abs(det) < 1e-20:
        return nx, ny, nz
    sign = 1.0 if det > 0.0 else -1.0
    ax = sign * ((p[j, 0] - p[i, 0]) * dv2 - (p[k, 0] - p[i, 0]) * dv1)
    ay = sign * ((p[j, 1] - p[i, 1]) * dv2 - (p[k, 1] - p[i, 1]) * dv1)
    az = sign * ((p[j, 2] - p[i, 2]) * dv2 - (p[k, 2] - p[i, 2]) * dv1)
    along = ax * nx + ay * ny + az * nz
    ax, ay, az = unit(ax - along * nx, ay - along * ny, az - along * nz)
    # glTF's v grows downward, so green points along −dP/dv, and an unmirrored face has a negative det.
    tx, ty = tx * scale, -sign * ty * scale
    x = tx * ax + ty * (ny * az - nz * ay) + tz * nx
    y = tx * ay + ty * (nz * ax - nx * az) + tz * ny
    z = tx * az + ty * (nx * ay - ny * ax) + tz * nz
    x, y, z = unit(x, y, z)
    return x, y, z


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _surroundings(studio: Studio, x: float, y: float, z: float, spread: float) -> float:
    """Radiance of the studio from a direction, blurred by a GGX lobe of width `spread` (α²): floor, sky, softboxes.

    A softbox is a spherical Gaussian; blurring one by another of sharpness 2/α² has the closed form used here
    (Wang et al. 2009, 'All-frequency rendering of dynamic, spatially-varying reflectance', §4).
    """
    soft = 0.30 + 1.0 * sqrt(spread)
    t = min(max((y + 0.1 + soft) / (2.0 * soft), 0.0), 1.0)
    radiance = 0.32 + (0.28 + 0.16 * y) * t * t * (3.0 - 2.0 * t)
    lobe = 2.0 / max(spread, 1e-4)
    for k in range(len(studio.boxes)):
        sharp = studio.boxes[k, 3]
        blurred = sharp * lobe / (sharp + lobe)
        cosine = x * studio.boxes[k, 0] + y * studio.boxes[k, 1] + z * studio.boxes[k, 2]
        radiance += studio.boxes[k, 4] * blurred / sharp * exp(blurred * (cosine - 1.0))
    return radiance


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _lit(
    studio: Studio,
    position: tuple[float, float, float],
    n: tuple[float, float, float],
    view: tuple[float, float, float],
    rgb: tuple[float, float, float],
    metallic: float,
    roughness: float,
    occlusion: float,
) -> tuple[float, float, float]:
    """Radiance towards the viewer: lights by GGX with height-correlated Smith, surroundings by the split sum.

    The environment's BRDF is Karis' analytic fit ('Physically based shading on mobile', 2014).
    """
    alpha = roughness * roughness
    a2 = alpha * alpha
    nv = max(n[0] * view[0] + n[1] * view[1] + n[2] * view[2], 1e-3)
    rx, ry, rz = 2.0 * nv * n[0] - view[0], 2.0 * nv * n[1] - view[1], 2.0 * nv * n[2] - view[2]
    mirror = _surroundings(studio, rx, ry, rz, a2) * (0.25 + 0.75 * occlusion)
    diffuse_light = (0.36 + 0.20 * n[1]) * occlusion
    fit = min((1.0 - roughness) * (1.0 - roughness), exp(-6.43 * nv)) * (1.0 - roughness) + 0.0425 - 0.0275 * roughness
    env_a, env_b = -1.04 * fit + 1.04 - 0.572 * roughness, 1.04 * fit + 0.022 * roughness - 0.04
    f0 = (
        0.04 + (rgb[0] - 0.04) * metallic,
        0.04 + (rgb[1] - 0.04) * metallic,
        0.04 + (rgb[2] - 0.04) * metallic,
    )
    body = (rgb[0] * (1.0 - metallic), rgb[1] * (1.0 - metallic), rgb[2] * (1.0 - metallic))
    r = body[0] * diffuse_light + (f0[0] * max(env_a, 0.0) + max(env_b, 0.0)) * mirror
    g = body[1] * diffuse_light + (f0[1] * max(env_a, 0.0) + max(env_b, 0.0)) * mirror
    b = body[2] * diffuse_light + (f0[2] * max(env_a, 0.0) + max(env_b, 0.0)) * mirror
    for k in range(3):
        light = studio.lights[k]
        nl = n[0] * light[0] + n[1] * light[1] + n[2] * light[2]
        if nl <= 0.0:
            continue
        power = nl
        if k == 0:
            pose = studio.shadow_pose
            out = 1.5 / sqrt(pose[0, 0] ** 2 + pose[0, 1] ** 2 + pose[0, 2] ** 2)  # 1.5 texels off the surface: no acne
            x, y, z = position[0] + out * n[0], position[1] + out * n[1], position[2] + out * n[2]
            power *= visibility(studio.shadow, pose, x, y, z)
        hx, hy, hz = unit(light[0] + view[0], light[1] + view[1], light[2] + view[2])
        nh = n[0] * hx + n[1] * hy + n[2] * hz
        vh = view[0] * hx + view[1] * hy + view[2] * hz
        d = nh * nh * (a2 - 1.0) + 1.0
        smith = nl * sqrt(nv * nv * (1.0 - a2) + a2) + nv * sqrt(nl * nl * (1.0 - a2) + a2)
        gloss = min(a2 / (d * d) * 0.5 / max(smith, 1e-4), 8.0)  # π·D·V; capped so that mirrors do not sparkle
        fresnel = (1.0 - vh) ** 5
        r += power * light[3] * (body[0] + gloss * (f0[0] + (1.0 - f0[0]) * fresnel))
        g += power * light[4] * (body[1] + gloss * (f0[1] + (1.0 - f0[1]) * fresnel))
        b += power * light[5] * (body[2] + gloss * (f0[2] + (1.0 - f0[2]) * fresnel))
    return r, g, b


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _tone(r: float, g: float, b: float) -> tuple[float, float, float]:
    """Khronos PBR Neutral (2024): keeps base colours true and rolls highlights off above 0.76."""
    low = min(r, g, b)
    offset = low - 6.25 * low * low if low < 0.08 else 0.04
    r, g, b = r - offset, g - offset, b - offset
    peak = max(r, g, b)
    if peak < 0.76:
        return r, g, b
    rolled = 1.0 - 0.0576 / (peak + 0.24 - 0.76)
    scale = rolled / peak
    white = 1.0 - 1.0 / (0.15 * (peak - rolled) + 1.0)
    keep = (1.0 - white) * scale
    return r * keep + rolled * white, g * keep + rolled * white, b * keep + rolled * white


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def tinted(
    factors: F64, colors: F32, m: int, i: int, j: int, k: int, wa: float, wb: float, wc: float
) -> tuple[float, float, float, float]:
    """Linear RGBA factor of material m × vertex colour at weights of three corners; the texture comes on top."""
    r = factors[m, 0] * (wa * colors[i, 0] + wb * colors[j, 0] + wc * colors[k, 0])
    g = factors[m, 1] * (wa * colors[i, 1] + wb * colors[j, 1] + wc * colors[k, 1])
    b = factors[m, 2] * (wa * colors[i, 2] + wb * colors[j, 2] + wc * colors[k, 2])
    alpha = factors[m, 3] * (wa * colors[i, 3] + wb * colors[j, 3] + wc * colors[k, 3])
    return r, g, b, alpha


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _shade_sample(
    scene: Scene, studio: Studio, screen: F64, f: int, x: float, y: float
) -> tuple[float, float, float, float]:
    """Tone-mapped linear RGB, premultiplied by the alpha that comes with it, of face `f` at a sample."""
    wa, wb, wc = perspective_weights(scene.faces, screen, f, x, y)
    i, j, k = scene.faces[f, 0], scene.faces[f, 1], scene.faces[f, 2]
    m = scene.owner[f]
    p, q, t = scene.positions, scene.normals[f], scene.materials[m]
    px = wa * p[i, 0] + wb * p[j, 0] + wc * p[k, 0]
    py = wa * p[i, 1] + wb * p[j, 1] + wc * p[k, 1]
    pz = wa * p[i, 2] + wb * p[j, 2] + wc * p[k, 2]
    nx, ny, nz = unit(
        wa * q[0, 0] + wb * q[1, 0] + wc * q[2, 0],
        wa * q[0, 1] + wb * q[1, 1] + wc * q[2, 1],
        wa * q[0, 2] + wb * q[1, 2] + wc * q[2, 2],
    )
    e = scene.eye
    vx, vy, vz = unit(e[0] - e[3] * px, e[1] - e[3] * py, e[2] - e[3] * pz)
    u = wa * scene.uv[i, 0] + wb * scene.uv[j, 0] + wc * scene.uv[k, 0]
    v = wa * scene.uv[i, 1] + wb * scene.uv[j, 1] + wc * scene.uv[k, 1]
    density = scene.density[f]
    r, g, b, alpha = tinted(scene.materials, scene.colors, m, i, j, k, wa, wb, wc)
    if scene.maps[m, MAP_COLOR, 1]:
        tr, tg, tb, ta = sample_map(scene, m, MAP_COLOR, u, v, density, True)
        r, g, b, alpha = r * tr, g * tg, b * tb, alpha * ta
    metallic, roughness, occlusion = t[METALLIC], t[ROUGHNESS], 1.0
    if scene.maps[m, MAP_ORM, 1]:
        _, tg, tb, _ = sample_map(scene, m, MAP_ORM, u, v, density, False)
        roughness, metallic = roughness * tg, metallic * tb
    if from_behind(screen, i, j, k):  # by winding: a smoothed normal may tip over the rim of a face seen from the front
        nx, ny, nz = -nx, -ny, -nz
    if scene.maps[m, MAP_NORMAL, 1]:
        tr, tg, tb, _ = sample_map(scene, m, MAP_NORMAL, u, v, density, False)
        nx, ny, nz = perturbed(scene, f, t[NORMAL_SCALE], 2 * tr - 1, 2 * tg - 1, 2 * tb - 1, nx, ny, nz)
    if scene.maps[m, MAP_OCCLUSION, 1]:
        tr, _, _, _ = sample_map(scene, m, MAP_OCCLUSION, u, v, density, False)
        occlusion = 1.0 + t[OCCLUSION] * (tr - 1.0)
    if len(studio.sky):
        occlusion *= sky_visibility(studio, px, py, pz, nx, ny, nz)
    r, g, b = _lit(
        studio, (px, py, pz), (nx, ny, nz), (vx, vy, vz), (r, g, b), metallic, max(roughness, 0.06), occlusion
    )
    er, eg, eb = t[EMISSIVE], t[EMISSIVE + 1], t[EMISSIVE + 2]
    if scene.maps[m, MAP_EMISSIVE, 1]:
        tr, tg, tb, _ = sample_map(scene, m, MAP_EMISSIVE, u, v, density, True)
        er, eg, eb = er * tr, eg * tg, eb * tb
    r, g, b = _tone(r + er, g + eg, b + eb)
    if t[BLENDED] == 0.0:
        return r, g, b, 1.0
    return r * alpha, g * alpha, b * alpha, alpha
