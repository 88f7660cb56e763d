"""A row meets a recipe: which generator takes it, what it is asked for, and the steps with the row's own limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flows.otherwise import by_input, other_of
from flows.provenance import provenance_of
from manifests.recipe import Recipe
from manifests.row import Row, asset_folder
from ml.generators.protocol import Request
from ml.generators.registry import GENERATORS
from ml.parametric.sizes import usual_extent
from ml.prompt import Constraints, Prompt, parse_prompt
from ml.sources import Source
from ml.vocabulary import category_of
from tasks.chain import Plan
from tasks.orient import OrientOptions
from tasks.profile import load_profile
from tasks.refine_normals import RefineNormalsOptions
from tasks.scale import ScaleOptions
from tasks.simplify import SimplifyOptions


@dataclass(frozen=True)
class Bound:
    """Everything the line needs to make one row's asset."""

    request: Request
    generator: str
    options: object
    plan: Plan
    folder: str
    stem: str
    recipe: str  # its name
    attempts: int = 1  # candidates the row may have, of which the best is kept
    enough: float = 1.0  # the score at which no further candidate is made
    otherwise: str = ""  # the generator that makes the asset where this one cannot
    fell_back: str = ""  # the generator that could not, and why


def choose_generator(row: Row, recipe: Recipe) -> str:
    """The row's own choice, else the recipe's, else by what the row brings."""
    chosen = row.generator or recipe.generator
    return by_input(row) if chosen == "auto" else chosen


def maker_of(row: Row, recipe: Recipe) -> tuple[str, object]:
    """The generator that a row's mesh is asked of first, and its options."""
    name = choose_generator(row, recipe)
    return name, recipe.generator_options[name]


def generator_version(name: str) -> str:
    """Name and version of a generator as they enter a row's key."""
    return f"{name}/{GENERATORS[name][0].version}" if name in GENERATORS else name


def makers(row: Row, recipe: Recipe) -> str:
    """All that may make the row's asset, with versions, as it enters the row's key: another of either makes it anew."""
    generator = choose_generator(row, recipe)
    named = (generator, other_of(row, recipe, generator))
    return ">".join(generator_version(name) for name in named if name)


def bind(row: Row, recipe: Recipe, seed: int) -> Bound:
    """The row's request and plan. Constraints said in the prompt hold unless a column says otherwise."""
    generator = choose_generator(row, recipe)
    prompt = parse_prompt(row.prompt, row.negative_prompt) if row.prompt else None
    folder = asset_folder(row.id)
    return Bound(
        request=make_request(row, prompt, seed),
        generator=generator,
        options=recipe.generator_options[generator],
        plan=replace(
            make_plan(row, recipe, *((prompt.constraints, prompt.subject) if prompt else (Constraints(),))),
            provenance=provenance_of(row, recipe.provenance, generator, seed),
        ),
        folder=f"assets/{folder}",
        stem=folder,
        recipe=recipe.name,
        attempts=recipe.attempts,
        enough=recipe.enough,
        otherwise=other_of(row, recipe, generator),
    )


def fallen_back(bound: Bound, row: Row, recipe: Recipe, code: str) -> Bound:
    """The same asset to be made by the other generator, as its own answered with `code`."""
    other, seed = bound.otherwise, bound.request.seed
    return replace(
        bound,
        generator=other,
        options=recipe.generator_options[other],
        plan=replace(bound.plan, provenance=provenance_of(row, recipe.provenance, other, seed)),
        otherwise="",
        fell_back=f"{bound.generator}: {code}",
    )


def make_request(row: Row, prompt: Prompt | None, seed: int) -> Request:
    """The generator's view of a row."""

    def source(uri: str | None) -> Source | None:
        return Source(uri, row.root_of(uri)) if uri else None

    return Request(
        id=row.id,
        seed=seed,
        prompt=prompt,
        image=source(row.image),
        images=tuple(Source(uri, row.root_of(uri)) for uri in row.images),
        sketch=source(row.sketch),
        mesh=replace(mesh, sha256=row.meta.get("sha256", "")) if (mesh := source(row.mesh)) else None,
        category=row.category or "",
        style=row.style or "",
    )


def make_plan(row: Row, recipe: Recipe, said: Constraints, subject: str = "") -> Plan:
    """The recipe's steps with the row's dimensions and the prompt's limits put in; `subject` is what it names."""
    steps = [(stage.name, stage.options) for stage in recipe.steps]
    size = {
        key: value
        for key in ("height_m", "width_m", "depth_m")
        if (value := getattr(row, key) or getattr(said, key)) is not None
    }
    if row.up_axis:
        steps = adjust(steps, "orient", OrientOptions(), after=("clean",), up_axis=row.up_axis)
    if size:
        steps = adjust(steps, "scale", ScaleOptions(), after=("clean", "orient", "face_front"), **size)
    if row.images:
        shots = tuple(Source(uri, row.root_of(uri)) for uri in row.images)
        steps = [(name, shown_to_model(options, shots)) for name, options in steps]
    if said.max_triangles is not None:
        steps = cap_triangles(steps, said.max_triangles)
    return Plan(
        steps=tuple(steps),
        profile=load_profile(name) if (name := row.profile or recipe.profile) else None,
        intake=load_profile(recipe.intake) if recipe.intake else None,
        exports=tuple((stage.name, stage.options) for stage in recipe.exports),
        thumbnail=recipe.thumbnail,
        asked=(*asked_of(said), *(() if size else usual_size(row, subject))),
        pictures=pictures_of(row),
        reference=Source(row.reference, row.root_of(row.reference)) if row.reference else None,
        prompt=row.prompt or "",
        alignment=recipe.alignment,
        auto_fix=recipe.auto_fix,
    )


def pictures_of(row: Row) -> tuple[tuple[Source, bool], ...]:
    """What the finished asset is compared with, and whether it is a drawing."""
    photographs = [*([row.image] if row.image else []), *row.images]
    drawn = [(uri, False) for uri in photographs] + ([(row.sketch, True)] if row.sketch else [])
    return tuple((Source(uri, row.root_of(uri)), is_drawing) for uri, is_drawing in drawn)


def asked_of(said: Constraints) -> tuple[tuple[str, float], ...]:
    """Limits the gate holds the asset to; 'under N triangles' is read as a budget is, at most N: N itself passes."""
    return () if said.max_triangles is None else (("triangles.asked", float(said.max_triangles)),)


def usual_size(row: Row, subject: str) -> tuple[tuple[str, float], ...]:
    """The range of sizes that things of the row's category, or of what its prompt names, come in; none if unknown."""
    usual = usual_extent(category_of(row.category) or category_of(subject))
    return () if usual is None else (("size.category_min_m", usual[0]), ("size.category_max_m", usual[1]))


def shown_to_model(options: Any, shots: tuple[Source, ...]) -> Any:
    """Options with the row's views, where they name a model that predicts normals from them."""
    return replace(options, shots=shots) if isinstance(options, RefineNormalsOptions) and options.model else options


Steps = list[tuple[str, Any]]


def adjust(steps: Steps, name: str, default: Any, after: tuple[str, ...], **changes: Any) -> Steps:
    """The steps with `name`'s options changed; a recipe without it gets it behind the last of `after`, or first."""
    if any(step == name for step, _ in steps):
        return [(step, replace(options, **changes) if step == name else options) for step, options in steps]
    place = max((i + 1 for i, (step, _) in enumerate(steps) if step in after), default=0)
    return [*steps[:place], (name, replace(default, **changes)), *steps[place:]]


def cap_triangles(steps: Steps, limit: int) -> Steps:
    """The steps with simplification no looser than `limit` triangles, or than the tetrahedron no mesh goes below."""
    current = next((options.target_faces for step, options in steps if step == "simplify"), limit)
    before = ("clean", "orient", "face_front", "scale", "watertight")
    return adjust(steps, "simplify", SimplifyOptions(), before, target_faces=max(4, min(current, limit)))
