"""One instruction carried out on one asset: on the drawing it came from, on its mesh, or redrawn by a model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from typing import Literal, cast

import numpy as np

from ml.asset import Asset, InputError
from ml.distill.settings import DistillSettings
from ml.edits import Edit
from ml.generators.procedural import ProceduralOptions
from ml.generators.protocol import Request
from ml.generators.redraw import Redrawn, redraw
from ml.instruction import parse_instruction
from ml.prompt import parse_prompt
from ml.readers.gltf import read_glb
from ml.vocabulary import category_of
from tasks.apply_edits import apply_edits
from tasks.bake import BakeOptions, bake
from tasks.distill_edit import DistillEditOptions, distill_edit
from tasks.glb import encode_glb
from tasks.orient import OrientOptions
from tasks.region import Region, parse_region
from tasks.revision_check import check_revision, named
from tasks.scale import ScaleOptions
from tasks.shape_edit import ShapeEditOptions, shape_edit
from tasks.simplify import SimplifyOptions, simplify
from tasks.steps import STEPS
from tasks.transform import transformed
from tasks.unwrap import UnwrapOptions, unwrap

Steps = tuple[tuple[str, object], ...]
How = Literal["drawing", "mesh", "model", "distilled"]

FRAME = ("clean", "orient", "face_front", "scale")  # the steps that decide where an asset stands and how large it is
# Better done to the mesh where it can be: it has edges and hollows to wear, and the builders draw the stretchers of a
# chair as thick as its legs.
MESH_FIRST = frozenset(("worn", "rusty", "glossy", "matte", "slim", "thick"))
BY_MODEL = re.compile(r"\s*(redraw|distill?)(?: it| this)? as\s+(\S.*)", re.IGNORECASE | re.DOTALL)
REDRAWN_FACES, REDRAWN_TEXELS = 60_000, 2048  # of what the model draws: its chain makes less of it
REDRAWN = frozenset(("model", "distilled"))  # ways that leave no drawing to say anything of
NOTE = "refined"  # what was done, as JSON, in the asset's notes


@dataclass(frozen=True)
class Change:
    """An instruction that was carried out: on the drawing's words, on the mesh, by the shape model or by a model of
    pictures; and where."""

    how: How
    instruction: str
    region: str = ""


@dataclass(frozen=True)
class Origin:
    """How a parent came about. `request` is None where it was not drawn by the procedural generator."""

    frame: Steps  # put the parent's raw mesh where its master stands
    request: Request | None = None
    options: object = None  # the procedural generator's
    drawn_frame: Steps = ()  # the same for the drawing that it all began with
    changes: tuple[Change, ...] = ()  # since then, oldest first


def frame_steps(steps: Steps) -> Steps:
    """Those of a recipe's steps that move the asset or size it."""
    return tuple((name, options) for name, options in steps if name in FRAME)


def framed(asset: Asset, steps: Steps) -> Asset:
    """A raw mesh in the frame of the master that a recipe made of it: what a region's coordinates are of."""
    for name, options in steps:
        asset = STEPS[name][0](asset, options)
    return asset


def keep_frame(steps: Steps) -> Steps:
    """The steps for an asset that stands in its frame already: a size that was changed on purpose stays so."""
    kept = []
    for name, options in steps:
        if isinstance(options, OrientOptions):
            options = replace(options, up_axis="y")
        if isinstance(options, ScaleOptions):
            options = ScaleOptions(unit="m")
        kept.append((name, options))
    return tuple(kept)


def asks_distillation(instruction: str) -> bool:
    """Whether the instruction asks a model of pictures: 'distil as …'."""
    asked = BY_MODEL.match(instruction)
    return asked is not None and asked[1].lower() != "redraw"


def refine(
    parent: Asset,
    origin: Origin,
    instruction: str,
    region_text: str,
    pictures: DistillSettings = DistillSettings(),
    seed: int = 0,
) -> Asset:
    """The parent's raw mesh with the instruction carried out, in the frame of the parent's master.

    'Redraw as …' asks the shape model, 'distil as …' the model of pictures that `pictures` names (`seed` is its
    chance), within the region or for all of it; everything else is asked of the drawing or done to the mesh. What was
    done stands in the note `refined`. Raises InputError with a code `instruction.*`, `region.*`, `edit.*`, `shape.*` or
    `prompt.*` where it cannot be carried out, or changes nothing; `model.missing-…` and `distill.*` where pictures
    cannot be asked.
    """
    region = parse_region(region_text)
    asked = BY_MODEL.match(instruction)
    if asked and asks_distillation(instruction):
        return _by_pictures(framed(parent, origin.frame), asked[2], region, pictures, seed)
    if asked:
        return _by_model(framed(parent, origin.frame), asked[2], region)
    redrawn, refusal = _redrawn(origin, instruction, region)
    if redrawn is None or MESH_FIRST & _words(redrawn):
        try:
            return _on_mesh(framed(parent, origin.frame), instruction, region)
        except InputError as error:
            if redrawn is None:
                raise _better(refusal, error) from error
    return _as_drawn(redrawn, origin)


def _better(of_drawing: InputError | None, of_mesh: InputError) -> InputError:
    """Of two refusals the one that says more: the mesh's unless it did not understand what the drawing did."""
    return of_drawing if of_drawing is not None and of_mesh.code.startswith("instruction.") else of_mesh


def _redrawn(origin: Origin, instruction: str, region: Region) -> tuple[Redrawn | None, InputError | None]:
    """The drawing with the instruction carried out; or why not, where it was understood and cannot be."""
    if origin.request is None or not region.whole or any(change.how in REDRAWN for change in origin.changes):
        return None, None
    said = [change.instruction for change in origin.changes if change.how == "drawing"]
    redrawn = None
    try:
        redrawn = redraw(origin.request, cast(ProceduralOptions, origin.options), said, instruction)
        if redrawn is None or _wider_than_said(redrawn):
            return None, None
        if _only_looks(redrawn) and len(said) < len(origin.changes):
            return None, None  # a look that the mesh was given since would be put over the new one
        check_revision(redrawn)
    except InputError as error:
        if error.code == "edit.no-effect" and redrawn is not None and not MESH_FIRST & _words(redrawn):
            raise  # the mesh would only be told again what it is
        return None, error
    return redrawn, None


def _wider_than_said(redrawn: Redrawn) -> bool:
    """Whether the drawing would do to another part what is asked of one: a bed's sheet goes with its blanket."""
    names = {part.name for part in redrawn.before.asset.parts}
    return any(item.part in names and len(_names_of(redrawn, item.part)) > 1 for item in redrawn.revision.parts)


def _names_of(redrawn: Redrawn, part: str) -> set[str]:
    return {each.name for each in named(redrawn.before.asset, part)}


def _words(redrawn: Redrawn) -> set[str]:
    asked = redrawn.revision
    return {*asked.words, *(shape for item in asked.parts for shape in item.shapes)}


def _only_looks(redrawn: Redrawn) -> bool:
    asked = redrawn.revision
    shaped = any(item.shapes for item in asked.parts)
    return not (asked.counts or asked.added or asked.removed or asked.styles or asked.words or shaped)


def _as_drawn(redrawn: Redrawn, origin: Origin) -> Asset:
    """The new drawing where the first one stood, with what was done to the mesh since done again."""
    first = read_glb(encode_glb(redrawn.first))  # as the chain met it: a GLB states its axes and its unit
    old, new = first.bounds(), framed(first, origin.drawn_frame).bounds()
    linear = np.diag((new[1] - new[0]) / np.maximum(old[1] - old[0], 1e-12))
    asset = transformed(redrawn.after.asset, linear, new[0] - linear @ old[0])
    for change in origin.changes:
        if change.how == "mesh":
            standing = framed(asset, keep_frame(origin.drawn_frame))
            asset = apply_edits(standing, _edits(standing, change.instruction), parse_region(change.region))
    return _noted(asset, "drawing", redrawn.revision.understood)


def _on_mesh(asset: Asset, instruction: str, region: Region) -> Asset:
    edits = _edits(asset, instruction)
    return _noted(apply_edits(asset, edits, region), "mesh", "; ".join(map(_in_words, edits)))


def _by_model(asset: Asset, words: str, region: Region) -> Asset:
    """The asset redrawn as the words say, with maps of its own; a region's rest keeps its surface and its looks."""
    if not category_of(parse_prompt(words).subject):
        raise InputError("prompt.unknown-noun", f"{words[:60]!r} names nothing that the shape model knows")
    return _baked(shape_edit(asset, ShapeEditOptions(prompt=words, region=region.text())), "model", words)


def _by_pictures(asset: Asset, words: str, region: Region, pictures: DistillSettings, seed: int) -> Asset:
    """The asset as a model of pictures would have what the words say; outside the region nothing moves."""
    told = {each.name: getattr(pictures, each.name) for each in fields(DistillSettings)}
    options = DistillEditOptions(**told, prompt=words, region=region.text(), seed=seed)
    return _baked(distill_edit(asset, options), "distilled", words)


def _baked(made: Asset, how: How, words: str) -> Asset:
    """What a model drew, with fewer faces and maps of its own."""
    small = simplify(made, SimplifyOptions(target_faces=REDRAWN_FACES))
    baked = bake(unwrap(small, UnwrapOptions(REDRAWN_TEXELS)), BakeOptions(REDRAWN_TEXELS))
    return _noted(replace(baked, source=None), how, words)


def _edits(asset: Asset, instruction: str) -> tuple[Edit, ...]:
    return parse_instruction(instruction, [part.name for part in asset.parts], asset.name)


def _in_words(edit: Edit) -> str:
    """'resize: legs, length, 1.2, times'."""
    values = ", ".join(
        f"{value:g}" if isinstance(value, float) else str(value) for value in vars(edit).values() if value
    )
    return f"{type(edit).__name__.lower()}: {values}" if values else type(edit).__name__.lower()


def _noted(asset: Asset, how: How, understood: str) -> Asset:
    measured = {name: value for name, value in asset.metrics.items() if name.startswith("edit.")}
    said = {"how": how, "understood": understood, **({"measured": measured} if measured else {})}
    return asset.noted(**{NOTE: json.dumps(said, separators=(",", ":"))})
