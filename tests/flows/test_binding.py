"""What a row asks for reaches the generator and the steps, whatever the recipe leaves out."""

from dataclasses import replace

import pytest

from flows.binding import Bound, adjust, bind, choose_generator, generator_version
from flows.catalogue import catalogue
from flows.provenance import provenance_of
from manifests.provenance import ProvenanceOptions
from manifests.recipe import Recipe, Stage, load_recipe
from manifests.row import InputFile, Row
from ml.asset import Provenance
from ml.sources import Source
from tasks.clean import CleanOptions
from tasks.lods import LodOptions
from tasks.profile import load_profile
from tasks.simplify import SimplifyOptions

RECIPE = load_recipe("web-ar", catalogue())
FOLDER = "/in"


def row(**fields: object) -> Row:
    """A row whose files lie in one folder, without one on the disk."""
    names = [fields.get(name) for name in ("image", "sketch", "mesh", "reference")] + list(fields.get("images", ()))
    files = tuple(InputFile(str(name), FOLDER, str(name), "1:1") for name in names if name)
    return Row(1, 1, "a/b", files=files, **fields)  # type: ignore[arg-type]


def options(bound: Bound, step: str) -> object:
    return next(options for name, options in bound.plan.steps if name == step)


def names(bound: Bound) -> list[str]:
    return [name for name, _ in bound.plan.steps]


def recipe_of(*steps: Stage) -> Recipe:
    return replace(RECIPE, steps=steps)


def test_what_files_say_of_their_origin() -> None:
    own = ProvenanceOptions("Anna", "© Anna", "CC0-1.0", prompt=True)
    recipe = replace(RECIPE, provenance=own)
    made = bind(row(prompt="a chair", title="Chair", license="CC-BY-4.0"), recipe, 7).plan.provenance
    assert made == Provenance("Chair", "Anna", "© Anna", "CC-BY-4.0", "procedural", False, "a chair", 7)
    assert provenance_of(row(prompt="a chair"), own, "some-net", 7).ai_generated
    kept = bind(row(prompt="a chair"), RECIPE, 7).plan.provenance
    assert kept == Provenance(generator="procedural", seed=7)
    assert bind(row(mesh="/in/a.glb", prompt="a chair"), recipe, 7).plan.provenance == Provenance(
        "", "Anna", "© Anna", "CC0-1.0"
    )


def test_the_usual_size_of_a_category_goes_along_unless_the_row_states_one() -> None:
    usual = dict(bind(row(prompt="a red armchair"), RECIPE, 7).plan.asked)
    assert 0.5 < usual["size.category_min_m"] < usual["size.category_max_m"] < 2
    assert dict(bind(row(mesh="/in/a.obj", category="sofas"), RECIPE, 7).plan.asked)["size.category_max_m"] == 4
    assert bind(row(prompt="an armchair 9 m tall"), RECIPE, 7).plan.asked == ()
    assert bind(row(prompt="an armchair", width_m=9.0), RECIPE, 7).plan.asked == ()
    assert bind(row(mesh="/in/a.obj"), RECIPE, 7).plan.asked == ()


def test_a_reference_is_compared_with_and_chooses_no_generator() -> None:
    bound = bind(row(prompt="a chair", reference="/in/a.obj"), RECIPE, 7)
    assert (bound.generator, bound.plan.reference) == ("procedural", Source("/in/a.obj", FOLDER))
    assert bind(row(prompt="a chair"), RECIPE, 7).plan.reference is None


@pytest.mark.parametrize(
    ("fields", "generator"),
    [
        ({"prompt": "a chair"}, "procedural"),
        ({"image": "/in/a.png"}, "shapes"),
        ({"sketch": "/in/a.png"}, "shapes"),
        ({"images": ("/in/a.png", "/in/b.png")}, "visual-hull"),
        ({"mesh": "/in/a.glb"}, "mesh"),
        ({"mesh": "/in/a.glb", "image": "/in/a.png", "prompt": "a chair"}, "mesh"),
        ({"image": "/in/a.png", "prompt": "a chair"}, "shapes"),
        ({"prompt": "a chair", "generator": "noop"}, "noop"),
        ({"prompt": "a chair", "generator": "auto"}, "procedural"),
    ],
)
def test_a_row_finds_its_generator(fields: dict[str, object], generator: str) -> None:
    assert choose_generator(row(**fields), RECIPE) == generator
    assert bind(row(**fields), RECIPE, 1).generator == generator


def test_without_torch_pictures_go_where_they_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.otherwise.learned", lambda: False)
    for shown in ("image", "sketch"):
        bound = bind(row(**{shown: "/in/a.png"}), RECIPE, 1)
        assert (bound.generator, bound.otherwise) == ("inflate", "")
    assert choose_generator(row(image="/in/a.png", generator="shapes"), RECIPE) == "shapes"  # and is told what it lacks


def test_the_recipe_chooses_where_the_row_does_not() -> None:
    recipe = replace(RECIPE, generator="noop")
    assert choose_generator(row(prompt="a chair"), recipe) == "noop"
    assert choose_generator(row(prompt="a chair", generator="procedural"), recipe) == "procedural"


def test_the_generators_version_is_part_of_its_name() -> None:
    name, _, version = generator_version("procedural").partition("/")
    assert name == "procedural"
    assert version
    assert generator_version("none-such") == "none-such"


def test_the_request_names_files_with_the_folder_they_are_confined_to() -> None:
    request = bind(row(images=("/in/a.png", "/in/b.png"), sketch="/in/s.png", category="vase"), RECIPE, 5).request
    assert [(source.uri, source.root) for source in request.images] == [("/in/a.png", FOLDER), ("/in/b.png", FOLDER)]
    assert request.sketch is not None
    assert request.sketch.uri == "/in/s.png"
    assert (request.seed, request.category, request.prompt, request.mesh) == (5, "vase", None, None)


def test_an_id_becomes_a_safe_folder() -> None:
    bound = bind(row(prompt="a chair"), RECIPE, 1)
    assert (bound.folder, bound.stem) == ("assets/a%2Fb", "a%2Fb")


def test_a_column_outranks_the_prompt() -> None:
    said = options(bind(row(prompt="a chair, 90 cm tall, 50 cm wide"), RECIPE, 1), "scale")
    assert (said.height_m, said.width_m, said.depth_m) == (0.9, 0.5, None)  # type: ignore[attr-defined]
    both = options(bind(row(prompt="a chair, 90 cm tall, 50 cm wide", height_m=2.0), RECIPE, 1), "scale")
    assert (both.height_m, both.width_m) == (2.0, 0.5)  # type: ignore[attr-defined]


def test_a_triangle_limit_tightens_simplify_and_never_loosens_it() -> None:
    tight = options(bind(row(prompt="a chair under 5000 triangles"), RECIPE, 1), "simplify")
    loose = options(bind(row(prompt="a chair under 900000 triangles"), RECIPE, 1), "simplify")
    assert tight == SimplifyOptions(target_faces=5000)
    assert loose == SimplifyOptions(target_faces=30_000)


def test_the_gate_is_told_what_the_prompt_asks_for() -> None:
    asked = dict(bind(row(prompt="a chair under 5000 triangles"), RECIPE, 1).plan.asked)
    assert asked["triangles.asked"] == 5000.0
    assert bind(row(prompt="a thing"), RECIPE, 1).plan.asked == ()


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("clean", "orient", "scale", "watertight", "lods"), "clean orient scale watertight simplify lods"),
        (("clean", "orient", "lods"), "clean orient simplify lods"),
        (("clean", "lods"), "clean simplify lods"),  # a soup of unwelded triangles cannot be simplified
        (("lods",), "simplify lods"),
        ((), "simplify"),
    ],
)
def test_a_triangle_limit_reaches_a_recipe_without_simplify(steps: tuple[str, ...], expected: str) -> None:
    stages = [Stage(name, catalogue().steps[name]()) for name in steps]
    bound = bind(row(prompt="a chair under 5000 triangles"), recipe_of(*stages), 1)
    assert names(bound) == expected.split()
    assert options(bound, "simplify") == SimplifyOptions(target_faces=5000)


def test_a_limit_below_what_simplify_takes_asks_for_its_least() -> None:
    assert options(bind(row(prompt="a chair under 1 triangle"), RECIPE, 1), "simplify") == SimplifyOptions(4)


def test_sizes_and_axes_reach_a_recipe_without_their_steps() -> None:
    recipe = recipe_of(Stage("clean", CleanOptions()), Stage("lods", LodOptions()))
    bound = bind(row(mesh="/in/a.stl", height_m=2.0, up_axis="z"), recipe, 1)
    assert names(bound) == ["clean", "orient", "scale", "lods"]
    assert options(bound, "orient").up_axis == "z"  # type: ignore[attr-defined]
    assert options(bound, "scale").height_m == 2.0  # type: ignore[attr-defined]
    assert names(bind(row(mesh="/in/a.stl"), recipe, 1)) == ["clean", "lods"]


def test_an_axis_changes_the_orient_step_that_is_there() -> None:
    bound = bind(row(mesh="/in/a.stl", up_axis="z"), RECIPE, 1)
    assert names(bound) == [stage.name for stage in RECIPE.steps]
    assert options(bound, "orient").up_axis == "z"  # type: ignore[attr-defined]


def test_a_rows_profile_replaces_the_recipes() -> None:
    assert bind(row(prompt="a chair"), RECIPE, 1).plan.profile == load_profile("web-ar")
    assert bind(row(prompt="a chair", profile="game"), RECIPE, 1).plan.profile == load_profile("game")


def test_adjust_leaves_the_other_steps_alone() -> None:
    steps = [("clean", CleanOptions()), ("simplify", SimplifyOptions())]
    changed = adjust(steps, "simplify", SimplifyOptions(), after=("clean",), target_faces=7)
    assert changed == [("clean", CleanOptions()), ("simplify", SimplifyOptions(target_faces=7))]
    assert steps[1][1] == SimplifyOptions()


def test_a_manifests_sha256_is_the_meshs() -> None:
    bound = bind(row(mesh="/in/a.glb", image="/in/a.png", meta={"sha256": "ab12"}), RECIPE, 0)
    assert bound.request.mesh == Source("/in/a.glb", FOLDER, sha256="ab12")
    assert bound.request.image == Source("/in/a.png", FOLDER)
