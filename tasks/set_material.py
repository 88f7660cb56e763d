"""Puts a library material on a part or a region: painted into the part's atlas, or tiled over it where it has none."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from math import log2
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, InputError, Part
from ml.materials.library import SIZES, library_material, look_of
from ml.normals import face_crosses
from tasks.atlas_paint import Coat, painted
from tasks.box_projection import box_mapped
from tasks.palette import parse_color
from tasks.source_samples import closest_hits
from tasks.surface import compact
from tasks.uv_coverage import coverage

Mask = npt.NDArray[np.bool_]

ATLAS_OVERLAP = 0.02  # share of the covered cells covered twice above which UVs are no atlas one can paint into
UV_TOLERANCE = 1e-4
AUTO = "auto"


@dataclass(frozen=True)
class SetMaterialOptions:
    """What goes where. `part` is a glob over part names; `region` narrows it to a box."""

    material: str = field(
        metadata={"help": "a name of the material library; auto: the one that each part's own material is named after"}
    )
    part: str = field(default="*", metadata={"help": "glob of part names, for example 'leg*'"})
    region: tuple[float, ...] = field(default=(), metadata={"help": "box: min x, y, z, max x, y, z; empty: all"})
    units: Literal["fraction", "metres"] = field(
        default="fraction",
        metadata={"help": "of `region`: fractions of the asset's box from its least corner, or metres"},
    )
    color: str = field(default="", metadata={"help": "'#rrggbb' instead of the material's own colour"})
    scale: float = field(default=1.0, metadata={"min": 0.01, "max": 100.0, "help": "size of the pattern, 1 is real"})
    resolution: int = field(
        default=1024, metadata={"min": 64, "max": 2048, "help": "edge of what is painted into an atlas, pixels"}
    )
    seed: int = field(default=0, metadata={"min": 0, "max": 2**31 - 1, "help": "another piece of the same material"})

    def __post_init__(self) -> None:
        """Raises ValueError for an unknown material, naming the nearest, and for a wrong region or colour."""
        try:
            look_of("oak" if self.material == AUTO else self.material)
        except InputError as error:
            raise ValueError(error.message) from error
        if len(self.region) not in (0, 6):
            raise ValueError(f"region has {len(self.region)} numbers; a box has 6: min x, y, z, max x, y, z")
        if self.region and not all(a < b for a, b in zip(self.region[:3], self.region[3:], strict=True)):
            raise ValueError("region: each minimum has to lie below its maximum")
        if self.color:
            parse_color(self.color)


def set_material(asset: Asset, options: SetMaterialOptions) -> Asset:
    """The asset with the material on all faces whose part matches and whose middle lies in the region.

    A part whose UVs are an atlas (inside 0–1, hardly overlapping) keeps them: the pattern is projected along the
    three axes and painted into its maps beside what they show elsewhere. Any other part gets box-projected UVs in
    tiles of the material's size (`unwrap` with when = "always" and `bake` pack them into an atlas); when the region
    holds only some of its faces, they become a part of their own. LODs,
    and the source that a later bake reads, are treated alike; where parts were merged, names are looked up on the
    nearest part of the source. With `auto` the material "navy velvet" becomes velvet in its own colour, and what names
    nothing of the library stays. Raises InputError `material.no-part` when nothing else matches, naming the parts.
    """
    if not asset.face_count:
        return asset
    low, high = asset.bounds()
    work = _Work(options, _box(options, low, high - low), asset.source)
    result, count = work.applied(asset)
    if not count and options.material != AUTO:
        names = ", ".join(sorted({part.name for part in (asset.source or asset).parts})[:12])
        where = " in the region" if options.region else ""
        raise InputError("material.no-part", f"no face of a part {options.part!r}{where}; there are: {names}")
    note = f"{options.material} on {count} part{'' if count == 1 else 's'}"
    return result.noted(set_material="; ".join(filter(None, (asset.notes.get("set_material"), note))))


def _box(options: SetMaterialOptions, low: Any, extent: Any) -> npt.NDArray[np.float64] | None:
    """(2, 3) corners in metres; None for everywhere."""
    if not options.region:
        return None
    corners = np.array(options.region, np.float64).reshape(2, 3)
    return corners if options.units == "metres" else low + corners * extent


@dataclass(frozen=True)
class _Work:
    """The options with the region in metres and the parts that a merged asset once had."""

    options: SetMaterialOptions
    box: npt.NDArray[np.float64] | None
    source: Asset | None

    def applied(self, asset: Asset) -> tuple[Asset, int]:
        """The asset and how many parts, its own or else its source's, took the material."""
        parts: list[Part] = []
        count = 0
        named = any(self._named(part.name) for part in asset.parts)
        for part in asset.parts:
            coat = self._coat(part)
            chosen = np.zeros(len(part.faces), bool) if coat is None else self._chosen(part, named)
            count += bool(chosen.any())
            parts.extend([part] if coat is None or not chosen.any() else self._covered(part, chosen, coat))
        lods = tuple(self.applied(level)[0] for level in asset.lods)
        source, behind = (None, 0) if asset.source is None else replace(self, source=None).applied(asset.source)
        return replace(asset, parts=tuple(parts), lods=lods, source=source), count or behind

    def _named(self, name: str) -> bool:
        return fnmatchcase(name.lower(), self.options.part.lower())

    def _chosen(self, part: Part, named: bool) -> Mask:
        """(m,) the faces that take the material: by the part's name, or by the source's where no own name fits."""
        own = np.full(len(part.faces), self._named(part.name))
        if not len(own):
            return own
        middle = part.vertices[part.faces].astype(np.float64).mean(axis=1)
        if not named and self.source is not None and self.source.face_count:
            fitting = np.array([self._named(other.name) for other in self.source.parts])
            if fitting.any():
                crosses = face_crosses(part.vertices, part.faces)
                own = fitting[closest_hits(self.source, middle, crosses).owner]
        if self.box is not None:
            own &= ((middle >= self.box[0]) & (middle <= self.box[1])).all(axis=1)
        return own

    def _coat(self, part: Part) -> Coat | None:
        """What a part takes; None where its own material names nothing of the library."""
        options = self.options
        color = parse_color(options.color) if options.color else None
        if options.material != AUTO:
            return Coat(look_of(options.material)[0], options.scale, options.seed, color)
        words = part.material.name.lower().replace(" ", "-").split("-")
        for first in range(len(words)):
            with suppress(InputError):
                name, _ = look_of("-".join(words[first:]))
                return Coat(name, options.scale, options.seed, color or part.material.base_color[:3])
        return None

    def _covered(self, part: Part, chosen: Mask, coat: Coat) -> list[Part]:
        if is_atlas(part):
            return [painted(part, chosen, coat, self.options.resolution)]
        if chosen.all():
            return [self._tiled(part, coat)]
        rest = compact(part.with_faces(part.faces[~chosen]))
        taken = compact(part.with_faces(part.faces[chosen]))
        return [rest, replace(self._tiled(taken, coat), name=f"{part.name}_{coat.name}")]

    def _tiled(self, part: Part, coat: Coat) -> Part:
        """The part with box-projected UVs and the library's own maps, repeating."""
        size = min(1024, max(SIZES[0], 2 ** round(log2(self.options.resolution))))
        glow = part.material.emissive if self.options.material == AUTO else (0.0, 0.0, 0.0)
        material = library_material(coat.name, size, coat.seed, coat.color)
        material = replace(material, emissive=glow, double_sided=part.material.double_sided)
        return replace(box_mapped(part, coat.tile, coat.grain(part)), material=material, colors=None)


def is_atlas(part: Part) -> bool:
    """Whether each place of the part has texels of its own: UVs within 0–1 that hardly overlap."""
    if part.uv is None or not np.isfinite(part.uv).all():
        return False
    if part.uv.min() < -UV_TOLERANCE or part.uv.max() > 1.0 + UV_TOLERANCE:
        return False
    hits = coverage(part.uv, part.faces)
    once = int((hits > 0).sum())
    return once > 0 and int((hits > 1).sum()) <= ATLAS_OVERLAP * once
