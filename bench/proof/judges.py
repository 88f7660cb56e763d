"""Judges beyond the reader of each format: the Khronos validator, pictures, and other importers that must find all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import facts
import numpy as np
from carries import FORMATS, Format
from cells import Cell, stem
from expected import Expected
from facts import Facts
from PIL import Image
from running import Answer, Job, run

from ml.asset import Asset, Material, Part
from tasks.glb import encode_glb
from tasks.surface import drawable

ROOT = Path(__file__).parents[2]
OTHERS = ("assimp", "blender", "viewer", "three")
LIMIT = 2.0  # percent, mean over the frame
GREY = Material("grey", (0.7, 0.7, 0.7, 1.0), 0.0, 0.5)
# What an importer can show of a material; occlusion has no place in Blender's node, alpha shares a map
SLOTS = {
    "blender": frozenset({"base_color", "roughness", "metallic", "normal", "emissive"}),
    "assimp": frozenset({"base_color", "normal", "emissive"}),
}


def validate(cells: list[Cell]) -> None:
    """Khronos: no error and no warning in any GLB or glTF, levels of detail included."""
    found = {str(file): cell for cell in cells for file in cell.files.values() if file.suffix in (".glb", ".gltf")}
    for first in range(0, len(found), 100):
        command = ["node", str(ROOT / "tests/validate_glb.mjs"), *list(found)[first : first + 100]]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        for verdict in map(json.loads, lines):
            if verdict["errors"] or verdict["warnings"]:
                message = next(m for m in verdict["messages"] if m["severity"] < 2)
                found[verdict["file"]].wrong.append(f"validator: {message['code']}: {message['message']}")


@dataclass(frozen=True)
class View:
    """Where the camera looks: a sphere in metres."""

    centre: list[float]
    radius: float

    @staticmethod
    def of(want: Expected) -> View:
        """Around the full level."""
        corners = want.levels[0].facts.corners
        low, high = corners.min(axis=0), corners.max(axis=0)
        return View(((low + high) / 2).tolist(), float(np.linalg.norm(high - low)) / 2)


@dataclass(frozen=True)
class Sight:
    """Who draws a cell, and as which likeness of the master it should look."""

    judge: str
    likeness: str

    @staticmethod
    def of(asset: Asset, form: Format) -> Sight:
        """The format's own judge, unless it would be judged itself: f3d leaves COLOR_0 out of the master, so three.js
        draws glTF and Blender the rest; an importer that shows no alpha meets an opaque master."""
        colored = any(part.colors is not None for part in asset.parts)
        if colored and form.judge == "f3d" and form.likeness != "grey":
            return Sight("three", "full") if form.reader == "read_gltf" else Sight("blender", form.likeness)
        return Sight(form.judge, form.likeness if form.alpha else f"opaque {form.likeness}")


def waiver(asset: Asset) -> str:
    """Why no picture of a 3MF would tell anything: f3d's importer (assimp's) is the only one of 3MF here."""
    if any(part.colors is not None for part in asset.parts):
        return "f3d draws no colour groups; lib3mf found the colour of every corner"
    plain = (part.material for part in asset.parts if part.material.base_color_texture is None)
    if any(material.alpha_mode == "BLEND" and material.base_color[3] < 1.0 for material in plain):
        return "f3d draws a translucent base material nearly black; lib3mf found its colour"
    return ""


def draw(cells: list[Cell], assets: Mapping[str, Asset], wanted: Mapping[str, Expected], work: Path) -> None:
    """Every export's picture beside the master's by the same judge, camera and light; more than LIMIT is wrong."""
    seen = {id(cell): Sight.of(assets[cell.asset], FORMATS[cell.format]) for cell in cells if 0 in cell.files}
    for cell in cells:
        cell.waived = waiver(assets[cell.asset]) if cell.format == "3MF" else ""
    for judge in ("f3d", "blender", "three"):
        mine = [cell for cell in cells if 0 in cell.files and seen[id(cell)].judge == judge and not cell.waived]
        if not mine:
            continue
        pairs = dict.fromkeys((cell.asset, seen[id(cell)].likeness) for cell in mine)
        masters = {(name, kind): master(assets[name], kind, work / "masters" / name) for name, kind in pairs}
        jobs = [picture(judge, file, View.of(wanted[name]), Format("", "", "")) for (name, _), file in masters.items()]
        jobs += [picture(judge, cell.files[0], View.of(wanted[cell.asset]), FORMATS[cell.format]) for cell in mine]
        answers = drawn(judge, jobs)
        references = dict(zip(masters, jobs, strict=False))
        for cell, job, answer in zip(mine, jobs[len(masters) :], answers[len(masters) :], strict=True):
            if answer.error:
                cell.wrong.append(f"{judge}: {answer.error}")
                continue
            cell.off = difference(shot(job), shot(references[cell.asset, seen[id(cell)].likeness]))
            if cell.off > LIMIT:
                cell.wrong.append(f"{judge}: its picture is {cell.off:.1f} % off the master's")


def picture(judge: str, file: Path, view: View, form: Format) -> Job:
    """The job that draws a file."""
    options = {"name": f"{file.stem}.{judge}", "centre": view.centre, "radius": view.radius}
    if judge == "f3d":
        options |= {"unit": form.unit, "z_up": form.z_up}
    return Job(file, stem(file), options)


def drawn(judge: str, jobs: list[Job]) -> list[Answer]:
    """The judge's answers; three.js runs in this environment, for its browser."""
    module = {"f3d": "render", "blender": "blender", "three": "browser"}[judge]
    return run(module, jobs, python=Path(sys.executable) if judge == "three" else None)


def shot(job: Job) -> Path:
    """Where a job's picture lies."""
    return job.stem.parent / f"{job.options['name']}.png"


def master(asset: Asset, kind: str, folder: Path) -> Path:
    """The asset as a GLB: in full; with nothing but base colour; in one grey."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind.replace(' ', '-')}.glb"
    if kind != "full":
        asset = replace(asset, parts=tuple(reduced(part, kind) for part in drawable(asset).parts))
    # Its levels stay out: Blender would draw all of them at once, and faces that coincide shade one another.
    path.write_bytes(encode_glb(replace(drawable(asset), lods=())))
    return path


def reduced(part: Part, kind: str) -> Part:
    """A part with less of a material: a likeness's words."""
    material = part.material
    if "grey" in kind:
        return replace(part, material=GREY, colors=None, uv=None)
    if "opaque" in kind:
        material = replace(material, alpha_mode="OPAQUE")
    if "base" in kind:
        plain = {f"{slot}_texture": None for slot in ("metallic_roughness", "normal", "occlusion", "emissive")}
        material = replace(material, metallic=0.0, roughness=1.0, emissive=(0.0, 0.0, 0.0), **plain)  # type: ignore[arg-type]
    return replace(part, material=material)


def difference(one: Path, other: Path) -> float:
    """Mean absolute difference of two pictures over the frame, in percent."""
    first, second = (np.asarray(Image.open(path).convert("RGB"), np.float64) for path in (one, other))
    return float(np.abs(first - second).mean() / 2.55)


def ask_others(cells: list[Cell], wanted: Mapping[str, Expected], judges: Iterable[str] = OTHERS) -> None:
    """Further importers on the full level of the formats that name them."""
    for judge in judges:
        mine = [cell for cell in cells if judge in FORMATS[cell.format].others and 0 in cell.files]
        module = {"assimp": "read_assimp", "blender": "blender"}.get(judge, "browser")
        python = Path(sys.executable) if module == "browser" else None
        jobs = [Job(c.files[0], stem(c.files[0]).with_suffix(f".{judge}"), options(judge, c)) for c in mine]
        for cell, job, answer in zip(mine, jobs, run(module, jobs, python=python), strict=True):
            wrong = [answer.error] if answer.error else findings(judge, answer, job, wanted[cell.asset])
            cell.wrong += [f"{judge}: {text}" for text in wrong]


def options(judge: str, cell: Cell) -> dict[str, object]:
    """What a judge wants to be told."""
    if judge == "assimp":
        return {"scale": FORMATS[cell.format].unit}
    return {"viewer": judge} if judge in ("viewer", "three") else {}


def findings(judge: str, answer: Answer, job: Job, want: Expected) -> list[str]:
    """What an importer lacks: faces, size in metres, maps on their slots; or what a browser complains of."""
    level = want.levels[0]
    if judge == "viewer":
        return list(answer.value["complaints"])
    if judge == "blender":
        faces, maps = sum(answer.value["objects"].values()), answer.value["maps"].values()
        low, high = np.array(answer.value["bounds"])
    else:
        read = facts.load(job.stem)
        faces, maps = read.faces, [list(material.maps) for material in read.materials.values()]
        low, high = read.corners.min(axis=0), read.corners.max(axis=0)
        if judge == "three":
            return read.warnings
    counts = {level.facts.faces} | ({distinct_faces(level.facts)} if judge == "blender" else set())
    wrong = [] if faces in counts else [f"{faces} faces, not {level.facts.faces}"]
    size = np.ptp(level.facts.corners, axis=0)
    if np.abs((high - low) - size).max() > 1e-4 * np.linalg.norm(size):
        wrong.append(f"size {np.round(high - low, 4).tolist()} m, not {np.round(size, 4).tolist()}")
    needed = {name for slots in level.materials for name, slot in slots.items() if slot.mapped} & SLOTS[judge]
    missing = needed - {slot for found in maps for slot in found}
    return wrong + ([f"no map on {', '.join(sorted(missing))}"] if missing else [])


def distinct_faces(whole: Facts) -> int:
    """Faces less those that lie on the same three points of their part: Blender's FBX importer keeps one of them."""
    points = np.unique(whole.corners, axis=0, return_inverse=True)[1].reshape(-1, 3)
    owner = np.repeat(np.arange(len(whole.parts)), [part.faces for part in whole.parts])
    return len(np.unique(np.c_[np.sort(points, axis=1), owner], axis=0))
