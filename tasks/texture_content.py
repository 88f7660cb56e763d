"""What is in an asset's maps where its surface shows them: empty places, constant maps, normal maps that are none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import U8, Part, Texture
from tasks.subject import Subject

DARK = 2  # of 255 in every channel: what JPEG leaves of an unpainted black
LEAST_SIDE = 8  # pixels: a map of one colour that is smaller is a swatch, not a waste
# Length of a stored normal; 8 bits round it by up to 0.7 % and JPEG by 5 % or so, so 20 % off is no normal.
SHORT, LONG = 0.8, 1.2
FLAT = 2  # of 255: a normal map nowhere farther from (128, 128, 255) bends nothing


def content_metrics(subject: Subject) -> dict[str, float]:
    """texture.empty, texture.constant, texture.normal_faults, texture.normal_flat; nothing without textures.

    Maps are read where triangles cover them, in the cells of `tasks/uv_coverage.py`. Empty is a base colour that is
    black (0, 0, 0) or magenta (255, 0, 255), which tools paint where nothing is, or see-through on an opaque material;
    a material that glows is left out, as its base may be black. A normal (glTF 2.0 §3.9.3: unit, z above 0) counts as a
    fault where it is 20 % too short or long, or looks into the surface.
    """
    images = {t.data: t for part in subject.asset.parts for t in part.material.textures}
    if not images:
        return {}
    shown = {data: [] for data in images}  # type: dict[bytes, list[U8]]
    empty = total = faults = normals = 0.0
    for index, part in enumerate(subject.asset.parts):
        cover = subject.covers[index]
        if cover is None or not (cover > 0).any():
            continue
        area = float(subject.areas[subject.owner == index].sum())
        for texture in dict.fromkeys(part.material.textures):
            shown[texture.data].append(_seen(subject.pixels(texture), cover))
        share = _empty(part, subject, cover)
        empty, total = empty + area * (share or 0.0), total + area * (share is not None)
        bent = _broken(part.material.normal_texture, subject, cover)
        faults, normals = faults + area * (bent or 0.0), normals + area * (bent is not None)
    flat = {part.material.normal_texture.data for part in subject.asset.parts if part.material.normal_texture}
    return {
        **({"texture.empty": empty / total} if total else {}),
        **({"texture.normal_faults": faults / normals} if normals else {}),
        **({"texture.normal_flat": float(sum(_is_flat(shown[data]) for data in flat))} if flat else {}),
        "texture.constant": float(sum(_is_constant(image, shown[data]) for data, image in images.items())),
    }


def _seen(pixels: U8, cover: U8) -> U8:
    """(k, 4) texels at the covered cells."""
    rows, columns = np.nonzero(cover)
    height, width = pixels.shape[:2]
    size = len(cover)
    seen: U8 = pixels[(2 * rows + 1) * height // (2 * size), (2 * columns + 1) * width // (2 * size)]
    return seen


def _empty(part: Part, subject: Subject, cover: U8) -> float | None:
    """Share of the part's texels without content, None where it has no base map or glows."""
    material = part.material
    if material.base_color_texture is None or any(material.emissive):
        return None
    texels = _seen(subject.pixels(material.base_color_texture), cover)
    red, green, blue, alpha = texels.T
    low, high = DARK, 255 - DARK
    nothing = (green <= low) & (((red <= low) & (blue <= low)) | ((red >= high) & (blue >= high)))
    see_through = alpha == 0
    nothing = nothing | see_through if material.alpha_mode == "OPAQUE" else nothing & ~see_through
    return float(nothing.mean())


def _broken(texture: Texture | None, subject: Subject, cover: U8) -> float | None:
    """Share of a normal map's texels that are no normal."""
    if texture is None:
        return None
    n = _seen(subject.pixels(texture), cover)[:, :3].astype(np.float32) * np.float32(2 / 255) - np.float32(1)
    length: npt.NDArray[np.float32] = np.sqrt((n * n).sum(axis=1))
    return float(((length < SHORT) | (length > LONG) | (n[:, 2] < 0.0)).mean())


def _is_flat(shown: list[U8]) -> bool:
    return bool(shown) and all(int(np.abs(s[:, :3].astype(np.int16) - (128, 128, 255)).max()) <= FLAT for s in shown)


def _is_constant(image: Texture, shown: list[U8]) -> bool:
    """Whether all that is shown of a map is one colour, to a level."""
    if min(image.size) < LEAST_SIDE or not shown:
        return False
    texels = np.concatenate(shown)
    return bool((np.ptp(texels.astype(np.int16), axis=0) <= 1).all())
