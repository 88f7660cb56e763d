"""Compares what a reader found with what an asset holds: each difference beyond a named tolerance is a sentence."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from carries import Format
from expected import Expected, Level, Slot, image_mean
from facts import COLUMNS, F64, Facts, MaterialFacts, linear_of
from PIL import Image
from scipy.spatial import cKDTree

LEVEL = re.compile(r"_LOD(\d+)(_\d+)?$")
COLLISION = re.compile(r"^UCX_|-convcolonly$|_collision_\d+$")
VALUE = 0.012  # of an effective mean in [0, 1]: a map with its factor baked in is rounded to 8 bits of sRGB


def differences(want: Expected, found: Mapping[int, Facts], folder: Path, form: Format) -> list[str]:
    """Sentences about what is wrong; `found` is by the level that a file's name says, `folder` holds the images."""
    levels, bodies = sorted_parts(found)
    wrong = []
    wanted = want.levels if form.levels else want.levels[:1]
    if len(levels) != len(wanted):
        wrong.append(f"{len(levels)} levels of detail, not {len(wanted)}")
    for number, level in enumerate(wanted):
        if number in levels:
            wrong += [f"LOD{number}: {text}" for text in level_differences(level, levels[number], folder, form)]
    if bodies and Counter(bodies) != Counter(want.collision):
        wrong.append(f"collision bodies of {sorted(bodies)} faces, not {sorted(want.collision)}")
    if form.metadata:
        said = "\n".join(f"{key}: {value}" for facts in found.values() for key, value in facts.metadata.items())
        wrong += [f"metadata lacks {name} ({text})" for name, text in want.words.items() if text not in said]
    return wrong + [f"reader: {text}" for facts in found.values() for text in facts.warnings]


def sorted_parts(found: Mapping[int, Facts]) -> tuple[dict[int, Facts], list[int]]:
    """Parts by level of detail, from the file's level or their own name, and the faces of collision bodies."""
    levels: dict[int, Facts] = {}
    bodies: list[int] = []
    for base, facts in found.items():
        start, picks = 0, dict[int, list[tuple[int, int, int]]]()
        for index, part in enumerate(facts.parts):
            end = start + 3 * part.faces
            named = LEVEL.search(part.name)
            if COLLISION.search(part.name):
                bodies.append(part.faces)
            else:
                picks.setdefault(int(named[1]) if named else base, []).append((index, start, end))
            start = end
        for level, ranges in picks.items():
            levels[level] = part_of(facts, ranges)
    return levels, bodies


def part_of(facts: Facts, ranges: list[tuple[int, int, int]]) -> Facts:
    """The facts of some parts: (index, first, last + 1 corner) of each."""
    rows = np.concatenate([np.arange(start, end) for _, start, end in ranges])
    parts = [facts.parts[index] for index, _, _ in ranges]
    arrays = {name: getattr(facts, name)[rows] for name in COLUMNS}
    return Facts(**arrays, parts=parts, materials=facts.materials, images=facts.images)


def level_differences(want: Level, got: Facts, folder: Path, form: Format) -> list[str]:
    """What is wrong with one level of detail."""
    facts = want.facts
    gone = facts.faces - got.faces
    if gone < 0 or gone > min(form.collapsed * facts.faces, thin_faces(facts, form.position)):
        return [f"{got.faces} faces, not {facts.faces}"]
    low, high = facts.corners.min(axis=0), facts.corners.max(axis=0)
    diagonal = float(np.linalg.norm(high - low))
    wrong = []
    off = np.abs(np.stack([got.corners.min(axis=0) - low, got.corners.max(axis=0) - high])).max() / diagonal
    if not off <= form.position:
        wrong.append(f"bounding box {off:.2g} of the diagonal off")
    wrong += corner_differences(as_carried(want, form), got, diagonal, form)
    if form.names is not None:
        wrong += name_differences(want, got, form)
        wrong += material_differences(want, got, folder, form)
    return wrong


def as_carried(want: Level, form: Format) -> Facts:
    """The level's facts as the format holds them: which parts have coordinates, and which colours are meant."""
    facts = want.facts
    textured = np.repeat([slots["base_color"].textured for slots in want.materials], [3 * p.faces for p in facts.parts])
    if form.mapped_uv:
        facts = replace(facts, uv=np.where(textured[:, None], facts.uv, np.nan))
    elif form.pads_uv and not np.isnan(facts.uv).all():
        facts = replace(facts, uv=np.nan_to_num(facts.uv))
    colors = {"own": facts.colors, "tinted": want.tinted, "shown": want.shown}[form.colors]
    if form.mapped_uv:
        colors = np.where(textured[:, None], np.nan, colors)
    return replace(facts, colors=colors * ([1, 1, 1, np.nan] if form.opaque_colors else 1.0))


# Arrays of Facts, the limits of a Format to them, and what they are called
COMPARED = {"uv": "UV", "normals": "normal", "uv1": "second UV", "colors": "colour", "tangents": "tangent"}


def corner_differences(want: Facts, got: Facts, diagonal: float, form: Format) -> list[str]:
    """The farthest that any corner's position, coordinate, normal… is from its nearest counterpart, both ways."""
    columns = [("position", want.corners / diagonal, got.corners / diagonal, form.position)]
    for field, name in COMPARED.items():
        ours, theirs, limit = getattr(want, field), getattr(got, field), form.limits.get(field)
        if limit is not None and not (np.isnan(ours).all() and np.isnan(theirs).all()):
            columns.append((name, ours, theirs, limit))
    wrong = [
        f"{name}s are there in one and absent in the other"
        for name, ours, theirs, _ in columns
        if len(ours) == len(theirs) and np.isnan(ours).sum() != np.isnan(theirs).sum()
    ]
    ours, theirs = (np.concatenate([np.nan_to_num(entry[k]) / entry[3] for entry in columns], axis=1) for k in (1, 2))
    free = np.zeros(ours.shape, bool)  # what the asset leaves open: tangents where coordinates give no direction
    if columns[-1][0] == "tangent":
        free[:, -4:] = (want.tangents == 0.0).all(axis=1)[:, None]
    gap = np.abs(ours - theirs) * ~free if len(ours) == len(theirs) else None
    if gap is None or gap.max() > 1.0:  # another order of faces or corners is no fault
        gap = nearest_gap(ours, theirs, free) if len(ours) == len(theirs) else one_way_gap(theirs, ours)
    first = 0
    for name, values, _, tolerance in columns:
        worst = float(gap[:, first : first + values.shape[1]].max())
        if not worst <= 1.0:
            wrong.append(f"a {name} is {worst * tolerance:.2g} off (limit {tolerance:.2g})")
        first += values.shape[1]
    return wrong


def nearest_gap(ours: F64, theirs: F64, free: Any) -> F64:
    """Each corner's difference to its nearest counterpart, from both sides; where ours are `free` from none."""
    if not free.any():
        return np.concatenate([one_way_gap(ours, theirs), one_way_gap(theirs, ours)])
    bound = ~free.any(axis=0)
    place = cKDTree(theirs[:, bound]).query(ours[:, bound])[1]
    back = cKDTree(ours[:, bound]).query(theirs[:, bound])[1]
    return np.concatenate([np.abs(ours - theirs[place]) * ~free, np.abs(theirs - ours[back]) * ~free[back]])


def one_way_gap(these: F64, those: F64) -> F64:
    """Each of these corners' difference to the nearest of those: all there is where thin faces are gone."""
    return np.abs(these - those[cKDTree(those).query(these)[1]])


def thin_faces(facts: Facts, step: float) -> int:
    """Faces not higher than `step` of the diagonal, which a grid of that step may flatten."""
    corners = facts.corners.reshape(-1, 3, 3)
    sides = np.roll(corners, -1, axis=1) - corners
    area = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    longest = np.maximum(np.linalg.norm(sides, axis=2).max(axis=1), 1e-300)
    diagonal = np.linalg.norm(np.ptp(facts.corners, axis=0))
    return int((area / longest <= step * diagonal).sum())


def name_differences(want: Level, got: Facts, form: Format) -> list[str]:
    """Nodes whose name or number of faces is not the asset's; a repeated name may end in a number."""
    assert form.names is not None
    ours = [(form.names(part.name), part.faces) for part in want.facts.parts]
    theirs = [(LEVEL.sub("", part.name), part.faces) for part in got.parts]
    if len(ours) != len(theirs):
        return [f"{len(theirs)} nodes, not {len(ours)}"]
    pairs = zip(ours, theirs, strict=True)
    least = 1.0 - form.collapsed
    wrong = [f"node {b} for {a}" for a, b in pairs if not least * a[1] <= b[1] <= a[1] or not same_name(a[0], b[0])]
    return wrong[:3]


def same_name(ours: str, theirs: str) -> bool:
    """Equal, or numbered because the file has the name already."""
    return theirs == ours or (bool(ours) and re.fullmatch(re.escape(ours) + r"[_.]\d+", theirs) is not None) or not ours


def material_differences(want: Level, got: Facts, folder: Path, form: Format) -> list[str]:
    """Slots whose effective value or map differs, part by part."""
    if len(got.parts) != len(want.materials):
        return []
    wrong: dict[str, None] = {}
    for part, slots in zip(got.parts, want.materials, strict=True):
        if part.material not in got.materials:
            wrong[f"{part.name} has no material"] = None
            continue
        read = got.materials[part.material]
        steeper = form.steepens and slots["normal_scale"].mean != (1.0,)
        for name in form.slots & slots.keys():
            copies = form.copies and not (steeper and name == "normal")
            text = slot_difference(name, slots[name], read, folder, copies)
            if text:
                wrong[f"{name}: {text}"] = None
    return list(wrong)[:6]


def slot_difference(name: str, want: Slot, read: MaterialFacts, folder: Path, copies: bool) -> str:
    """What is wrong with one slot of a material; empty when nothing is."""
    found = read.maps.get(name)
    if want.mapped and found is None:
        return "its map is missing"
    if copies and want.digests and found is not None and found[0] not in want.digests:
        return "its map's bytes are others"
    if found is not None and not want.mapped and name == "normal":
        return "a map where there is none"
    if name == "normal" or f"{name}.vertex" in read.values:
        return ""
    mean = effective(name, read, folder)
    off = max(abs(a - b) for a, b in zip(mean, want.mean, strict=True))
    return f"is {shown(mean)} on average, not {shown(want.mean)}" if off > VALUE else ""


def shown(values: tuple[float, ...]) -> str:
    """Values with three digits."""
    return "(" + ", ".join(f"{value:.3f}" for value in values) + ")"


def effective(name: str, read: MaterialFacts, folder: Path) -> tuple[float, ...]:
    """The mean that is drawn: value times map; an occlusion map fades by its strength, a missing value is 1."""
    width = 3 if name in ("base_color", "emissive") else 1
    value = [*read.values.get(name, [1.0] * width), *[1.0] * width][:width]
    if name == "alpha" and "alpha" not in read.values:
        value = [read.values["base_color"][3]] if len(read.values.get("base_color", ())) == 4 else [1.0]
    found = read.maps.get(name)
    if found is None:
        return tuple(value)
    channels = "rgb" if width == 3 else found[1][:1] or "r"
    mean = mean_of(str(folder / found[0]), channels, width == 3)
    scale = [*read.values.get(f"{name}.scale", [1.0] * 4)]
    bias = [*read.values.get(f"{name}.bias", [0.0] * 4)]
    picks = ["rgba".index(channel) for channel in channels]
    moved = [m * scale[p] + bias[p] for m, p in zip(mean, picks, strict=True)]
    if name == "occlusion":
        strength = read.values.get("occlusion_strength", [1.0])[0]
        return (1.0 + strength * (moved[0] - 1.0),)
    return tuple(v * m for v, m in zip(value, moved, strict=True))


@cache
def mean_of(path: str, channels: str, color: bool) -> tuple[float, ...]:
    """Mean of an image's channels, colours made linear."""
    with Image.open(io.BytesIO(Path(path).read_bytes())) as image:
        pixels = np.asarray(image.convert("RGBA"), np.float64) / 255.0
    return tuple(image_mean(linear_of(pixels) if color else pixels, channels))
