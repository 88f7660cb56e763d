"""The gate: values beside limits, missing metrics said so, and the right refusals for each kind of customer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.asset import Asset, Finding, Material, Part, Texture, make_part
from tasks.gate import explain, gate, verdict
from tasks.measure import MeasureOptions, measure
from tasks.profile import Profile, Rule, list_profiles, load_profile

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
FACES = QUADS[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)


def cube(size: float = 0.5, low: float = 0.0, faces: np.ndarray = FACES, **attributes: object) -> Part:
    return make_part(CORNERS * size + low - [0.25, 0.0, 0.25], faces, **attributes)  # type: ignore[arg-type]


def codes(asset: Asset, profile: str, severity: str = "reject") -> list[str]:
    asked = load_profile(profile)
    found = gate(measure(asset, MeasureOptions(asked.metrics)), asked).findings
    return [finding.code for finding in found if finding.severity == severity]


CUSTOMERS = [name for name in list_profiles() if not name.startswith("curation")]  # who sells what is made


def made_up(**changes: object) -> Profile:
    fields = {"code": "it", "metric": "triangles", "severity": "reject", "source": "here", "date": "2026-11"} | changes
    return Profile("made-up", "", "", (Rule(**fields),))  # type: ignore[arg-type]


def test_overlapping_closed_parts_pass_but_where_textures_or_a_centre_are_wanted() -> None:
    table = Asset((cube(), cube(0.3, 0.2), cube(0.2, 0.45)))
    for profile in CUSTOMERS:
        wanted = {
            "fab": ["gate.uv.present", "gate.lightmap.present"],
            "cgtrader": ["gate.uv.present"],
            "turbosquid": ["gate.centred"],
        }
        assert codes(table, profile) == wanted.get(profile, []), profile
    assert "gate.shells" in codes(table, "print-fdm", "warn")


def test_open_meshes_are_fine_for_games_a_warning_where_a_shop_says_so_and_refused_for_print() -> None:
    opened = Asset((cube(faces=FACES[1:]),))
    assert codes(opened, "game") == codes(opened, "game", "warn") == []
    assert "gate.watertight" in codes(opened, "cgtrader", "warn")
    assert codes(opened, "print-fdm") == ["gate.watertight", "gate.boundary", "gate.volume.missing"]


@pytest.mark.parametrize("profile", CUSTOMERS)
def test_what_is_wrong_for_everybody(profile: str) -> None:
    flipped = FACES.copy()
    flipped[3] = flipped[3, ::-1]
    assert "gate.winding" in codes(Asset((cube(faces=flipped),)), profile)
    assert "gate.inverted" in codes(Asset((cube(faces=FACES[:, ::-1]),)), profile)
    assert "gate.degenerate" in codes(Asset((cube(faces=np.concatenate([FACES, [[1, 1, 2]]])),)), profile)
    assert "gate.size" in codes(Asset((cube(size=20_000),)), profile)
    assert "gate.size" in codes(Asset((cube(size=0.0005),)), profile)
    assert "gate.triangles.none" in codes(Asset((cube(faces=FACES[:0]),)), profile)
    nothing_measured = gate(Asset((cube(),)), load_profile(profile))
    assert "gate.finite.missing" in [finding.code for finding in nothing_measured.findings]


def test_khronos_faults() -> None:
    texture = Texture.from_pixels(np.full((300, 300, 3), 12, dtype=np.uint8))
    uv = np.float32(CORNERS[:, :2]) + 0.5
    found = codes(Asset((cube(material=Material(base_color_texture=texture), uv=uv),) * 6), "khronos")
    for code in ("texture.min", "texture.power-of-two", "albedo.dark", "uv.range", "uv.overlap", "primitives"):
        assert f"gate.{code}" in found
    assert "gate.materials" not in found


def test_a_finding_has_value_limit_and_suggestion() -> None:
    profile = made_up(max=10, suggestion="simplify --target_faces 10")
    found = gate(Asset((), metrics={"triangles": 12.0}), profile).findings
    assert found == (Finding("gate.it", 12.0, 10.0, "reject", "simplify --target_faces 10"),)
    assert explain(found[0]) == "gate.it: 12 > 10; simplify --target_faces 10"


def test_a_range_names_the_limit_that_was_broken() -> None:
    profile = made_up(metric="size.max_m", min=0.01, max=100)
    (low,) = gate(Asset((), metrics={"size.max_m": 0.005}), profile).findings
    (high,) = gate(Asset((), metrics={"size.max_m": 150.0}), profile).findings
    assert (low.limit, high.limit) == (0.01, 100)
    assert explain(low) == "gate.it: 0.005 < 0.01"


def test_a_missing_metric_is_skipped_or_fails_by_its_own_code() -> None:
    assert gate(Asset(()), made_up(max=10)).findings == ()
    (found,) = gate(Asset(()), made_up(max=10, when_missing="fail")).findings
    assert found.code == "gate.it.missing"
    assert explain(found) == "gate.it.missing: not measured, the limit is 10"


def test_a_limit_that_the_row_states_is_a_metric_of_its_own() -> None:
    profile = made_up(max_metric="triangles.asked")
    assert gate(Asset((), metrics={"triangles": 12.0}), profile).findings == ()  # nobody asked
    assert gate(Asset((), metrics={"triangles": 12.0, "triangles.asked": 12.0}), profile).findings == ()
    (found,) = gate(Asset((), metrics={"triangles": 12.0, "triangles.asked": 11.0}), profile).findings
    assert (found.value, found.limit) == (12, 11)


@pytest.mark.parametrize("profile", list_profiles())
def test_more_triangles_than_asked_for_are_refused_everywhere(profile: str) -> None:
    asset = Asset((cube(),), metrics={"triangles.asked": 11.0})
    assert "gate.triangles.asked" in codes(asset, profile)


def test_a_rule_can_be_for_large_assets_alone() -> None:
    profile = made_up(metric="lods", min=1, given_metric="triangles", given_min=500)
    assert gate(Asset((), metrics={"triangles": 499.0, "lods": 0.0}), profile).findings == ()
    assert gate(Asset((), metrics={"triangles": 500.0, "lods": 1.0}), profile).findings == ()
    (found,) = gate(Asset((), metrics={"triangles": 500.0, "lods": 0.0}), profile).findings
    assert explain(found) == "gate.it: 0 < 1"


def test_colours_near_black_and_white_are_noise_but_for_shops_that_follow_khronos() -> None:
    black = Asset((cube(material=Material(base_color=(0.001, 0.001, 0.001, 1.0))),))
    warned = {name for name in list_profiles() if "gate.albedo.dark" in codes(black, name, "warn")}
    assert warned == {"amazon", "google", "shopify"}
    assert "gate.albedo.dark" in codes(black, "khronos")


def test_warnings_do_not_reject() -> None:
    asset = Asset((), metrics={"triangles": 12.0})
    assert verdict(gate(asset, made_up(max=10, severity="warn"))) == "passed"
    assert verdict(gate(asset, made_up(max=10))) == "rejected"
    assert verdict(asset) == "passed"


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_rule_holds_exactly_inside_its_limits(value: float, low: float, width: float) -> None:
    profile = made_up(min=low, max=low + width)
    findings = gate(Asset((), metrics={"triangles": value}), profile).findings
    assert (findings == ()) == (low <= value <= low + width)
    for finding in findings:
        explain(finding)


def test_gating_again_replaces_the_findings() -> None:
    asset = gate(measure(Asset((cube(faces=FACES[1:]),))), load_profile("print-fdm"))
    assert gate(asset, load_profile("none")).findings == ()
