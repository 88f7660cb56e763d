"""Auto-fix: a rejected asset passes with the gate's own suggestions, and nothing that was asked for is overruled."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from manifests.errors import RecipeError
from ml.asset import Asset, Finding, InputError, Material, Texture, make_part
from tasks.auto_fix import Suggestion, auto_fix, parse_suggestion
from tasks.chain import Plan, run_chain
from tasks.clean import CleanOptions
from tasks.lods import LodOptions
from tasks.profile import list_profiles, load_profile
from tasks.scale import ScaleOptions
from tasks.simplify import SimplifyOptions
from tasks.steps import STEPS
from tasks.unwrap import UnwrapOptions
from tasks.watertight import WatertightOptions


def sphere(radius: float = 0.5, subdivisions: int = 4, open_faces: int = 0) -> Asset:
    mesh = trimesh.creation.icosphere(subdivisions, radius)
    return Asset((make_part(mesh.vertices, mesh.faces[open_faces:]),), "ball")


def rejecting(suggestion: str, value: float = 9.0, limit: float = 5.0, severity: str = "reject") -> Asset:
    found = Finding("gate.rule", value, limit, severity, suggestion)  # type: ignore[arg-type]
    return Asset(sphere(subdivisions=1).parts, findings=(found,))


@pytest.mark.slow
def test_an_open_mesh_passes_the_printer_once_it_is_made_watertight() -> None:
    plan = Plan((("clean", CleanOptions()), ("scale", ScaleOptions(height_m=0.1))), load_profile("print-fdm"))
    assert run_chain(sphere(open_faces=4), plan, "ball").outcome == "rejected"
    product = run_chain(sphere(open_faces=4), Plan(plan.steps, load_profile("print-fdm"), auto_fix=2), "ball")
    assert (product.outcome, product.reasons) == ("passed", ())
    assert "round 1: gate.watertight: watertight" in product.notes["auto_fix"]
    assert product.metrics["fixes"] >= 1
    assert product.metrics["topology.closed"] == 1


def test_a_bowl_made_watertight_is_still_too_thin_to_print() -> None:
    steps = (("clean", CleanOptions()), ("scale", ScaleOptions(height_m=0.1)), ("watertight", WatertightOptions(64)))
    product = run_chain(sphere(open_faces=1200), Plan(steps, load_profile("print-fdm")), "bowl")
    assert product.reasons == ("gate.wall",)
    assert product.metrics["print.thinner_0_8mm"] > 0.9


def test_what_no_step_can_mend_stays_rejected_and_is_tried_once() -> None:
    plan = Plan((("clean", CleanOptions()),), load_profile("none"), asked=(("triangles.asked", 10.0),), auto_fix=5)
    product = run_chain(sphere(subdivisions=2), plan, "ball")
    assert product.outcome == "rejected"
    assert "auto_fix" not in product.notes


def test_a_budget_is_never_loosened_and_a_number_moves_towards_the_limit() -> None:
    steps = (("simplify", SimplifyOptions(target_faces=5000)),)
    assert auto_fix(steps, rejecting("simplify --target_faces 100000")) == (steps, ())
    tighter, (fix,) = auto_fix(steps, rejecting("simplify --target_faces 4000"))
    assert tighter[0][1] == SimplifyOptions(target_faces=4000)
    assert str(fix) == "gate.rule: simplify (target_faces 5000 to 4000)"
    unwrapping = (("unwrap", UnwrapOptions(resolution=512)),)
    wider, _ = auto_fix(unwrapping, rejecting("unwrap --resolution 2048", value=1, limit=3))
    assert wider[0][1] == UnwrapOptions(resolution=2048)


def test_a_size_that_was_asked_for_stays() -> None:
    asset = rejecting("scale --height_m 1", value=200, limit=100)
    assert auto_fix((), asset)[1]
    assert auto_fix((), asset.measured({"size.asked_height_m": 200.0})) == ((), ())


def test_warnings_and_words_change_nothing() -> None:
    assert auto_fix((), rejecting("watertight", severity="warn")) == ((), ())
    assert auto_fix((), rejecting("lift the darkest base colours above 30")) == ((), ())


def test_a_new_step_goes_where_it_belongs_and_a_textured_asset_keeps_its_maps() -> None:
    asset = rejecting("watertight")
    steps = (("clean", CleanOptions()), ("lods", LodOptions()))
    assert [name for name, _ in auto_fix(steps, asset)[0]] == ["clean", "watertight", "lods"]
    texture = Texture.from_pixels(np.zeros((2, 2, 3), np.uint8))
    part = make_part(asset.parts[0].vertices, asset.parts[0].faces, Material(base_color_texture=texture))
    textured = Asset((part,), findings=asset.findings)
    assert [name for name, _ in auto_fix(steps, textured)[0]] == ["clean", "watertight", "unwrap", "bake", "lods"]


def test_every_shipped_suggestion_is_a_step_with_right_options_or_words() -> None:
    texts = {rule.suggestion for name in list_profiles() for rule in load_profile(name).rules}
    parsed = {text: parse_suggestion(text) for text in texts}
    found = parsed["simplify --target_faces 20000"]
    assert found == Suggestion("simplify", SimplifyOptions(target_faces=20000), ("target_faces",))
    assert all(found is not None or " " in text or not text for text, found in parsed.items())


def test_a_fix_that_cannot_be_carried_out_leaves_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(asset: Asset, options: WatertightOptions) -> Asset:
        raise InputError("watertight.failed", "not today")

    monkeypatch.setitem(STEPS, "watertight", (refuse, WatertightOptions))
    plan = Plan(
        (("clean", CleanOptions()), ("scale", ScaleOptions(height_m=0.1))), load_profile("print-fdm"), auto_fix=3
    )
    product = run_chain(sphere(open_faces=40), plan, "ball")
    assert product.outcome == "rejected"
    assert product.notes["auto_fix"] == "round 1: watertight ended in watertight.failed: not today"


@pytest.mark.parametrize(
    "text", ["simplify --target_faces", "simplify --target_facez 5", "simplify --target_faces many"]
)
def test_wrong_options_are_named(text: str) -> None:
    with pytest.raises(RecipeError, match="suggestion"):
        parse_suggestion(text)
