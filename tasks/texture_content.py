"""What is in an asset's maps where its surface shows them: empty places, constant maps, normal maps that are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ml.asset import U8, Part, Texture
from tasks.measure_surface import covered_texels
from tasks.subject import Subject

DARK = 2  # of 255 in every channel: what JPEG leaves of an unpainted black
LEAST_SIDE = 8  # pixels: a map of one colour that is smaller is a swatch, not a waste
# Length of a stored normal; 8 bits round it by up to 0.7 % and JPEG by 5 % or so, so 20 % off is no normal.
SHORT, LONG = 0.8, 1.2
FLAT = 2  # of 255: a normal map nowhere farther from (128, 128, 255) bends nothing


def empty_metrics(subject: Subject) -> dict[str, float]:
    """texture.empty: share of the surface with a base colour map whose texels have no content.

    Empty is black (0, 0, 0) or magenta (255, 0, 255), which tools paint where nothing is, or see-through on an opaque
    material; a material that glows is left out, as its base may be black.
    """
    return _share(subject, "texture.empty", _empty)


def normal_metrics(subject: Subject) -> dict[str, float]:
    """texture.normal_faults, share of the surface with a normal map whose texels are none; texture.normal_flat, maps.

    A normal (glTF 2.0 §3.9.3: unit, z above 0) is a fault where it is 20 % too short or long, or looks inward.
    """
    flat = {part.material.normal_texture for part in subject.asset.parts if part.material.normal_texture}
    if not flat:
        return {}
    count = sum(_is_flat(_shown(subject, texture)) for texture in flat)
    return {**_share(subject, "texture.normal_faults", _broken), "texture.normal_flat": float(count)}


def constant_metrics(subject: Subject) -> dict[str, float]:
    """texture.constant: maps of LEAST_SIDE or more that show one colour only; nothing without textures."""
    images = {texture for part in subject.asset.parts for texture in part.material.textures}
    if not images:
        return {}
    return {"texture.constant": float(sum(_is_constant(image, _shown(subject, image)) for image in images))}


def _share(subject: Subject, name: str, fault: Callable[[Part, Subject, U8], float | None]) -> dict[str, float]:
    """Of the surface of the parts that `fault` can be asked about, by area."""
    bad = total = 0.0
    for index, part in enumerate(subject.asset.parts):
        cover = _coarser(subject.covers[index])
        share = fault(part, subject, cover) if cover is not None and cover.any() else None
        if share is not None:
            area = float(subject.areas[subject.owner == index].sum())
            bad, total = bad + area * share, total + area
    return {name: bad / total} if total else {}


def _coarser(cover: U8 | None) -> U8 | None:
    """Every second cell each way: 65,000 places tell a share to ±0.4 %, at a quarter of the cost."""
    return None if cover is None else cover[::2, ::2]


def _shown(subject: Subject, texture: Texture) -> list[U8]:
    """(k, 4) texels of the map under each part that has it."""
    pairs = zip(subject.asset.parts, map(_coarser, subject.covers), strict=True)
    covers = [c for part, c in pairs if c is not None and c.any() and texture in part.material.textures]
    return [covered_texels(subject.pixels(texture), cover) for cover in covers]


def _empty(part: Part, subject: Subject, cover: U8) -> float | None:
    """Share of the part's texels without content, None where it has no base map or glows."""
    material = part.material
    if material.base_color_texture is None or any(material.emissive):
        return None
    texels = covered_texels(subject.pixels(material.base_color_texture), cover)
    red, green, blue, alpha = texels.T
    low, high = DARK, 255 - DARK
    nothing = (green <= low) & (((red <= low) & (blue <= low)) | ((red >= high) & (blue >= high)))
    see_through = alpha == 0
    nothing = nothing | see_through if material.alpha_mode == "OPAQUE" else nothing & ~see_through
    return float(nothing.mean())


def _broken(part: Part, subject: Subject, cover: U8) -> float | None:
    """Share of the part's normal map that is no normal."""
    texture = part.material.normal_texture
    if texture is None:
        return None
    n = covered_texels(subject.pixels(texture), cover)[:, :3].astype(np.float32) * np.float32(2 / 255) - np.float32(1)
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
