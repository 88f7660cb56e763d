"""The chain: a box goes in, files, numbers and a verdict come out; a refused asset keeps its poster only."""

from __future__ import annotations

import dataclasses
import json
import pickle

import numpy as np
import pytest

from manifests.errors import RecipeError
from ml.asset import Asset, InputError, Provenance, make_part
from ml.readers.gltf import read_glb
from tasks.chain import Plan, Product, run_chain
from tasks.clean import CleanOptions
from tasks.export_glb import GlbOptions
from tasks.export_stl import StlOptions
from tasks.lods import LodOptions
from tasks.orient import OrientOptions
from tasks.profile import load_profile
from tasks.scale import ScaleOptions
from tasks.steps import STEPS
from tasks.thumbnail import ThumbnailOptions

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
FACES = QUADS[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
STEPS_OF_BOX = (
    ("clean", CleanOptions()),
    ("orient", OrientOptions()),
    ("scale", ScaleOptions(height_m=0.2)),
    ("lods", LodOptions(levels=1)),
)
EXPORTS = (("glb", GlbOptions()), ("stl", StlOptions()))
POSTER = ThumbnailOptions(size=32, supersample=1)


def box(faces: np.ndarray = FACES) -> Asset:
    return Asset((make_part(CORNERS, faces),), name="box")


def run(asset: Asset, profile: str = "print-fdm", stem: str = "box") -> Product:
    plan = Plan(STEPS_OF_BOX, load_profile(profile), EXPORTS, POSTER)
    return run_chain(asset, pickle.loads(pickle.dumps(plan)), stem)


def test_a_good_box_passes_with_its_files_numbers_and_times() -> None:
    product = run(box(), stem="crate")
    assert (product.outcome, product.reasons) == ("passed", ())
    named = {file.name: file for file in product.files}
    assert list(named) == ["crate.glb", "crate.stl", "crate_poster.jpg"]
    assert named["crate_poster.jpg"].format == "poster"
    assert named["crate_poster.jpg"].data.startswith(b"\xff\xd8")
    assert product.metrics["bytes.glb"] == len(named["crate.glb"].data)
    assert product.metrics["bytes.total"] == sum(len(f.data) for f in product.files if f.format != "poster")
    assert product.metrics["size.height_m"] == pytest.approx(0.2)
    assert product.metrics["triangles"] == 12
    stages = ["clean", "orient", "scale", "lods", "export.glb", "export.stl", "measure", "gate", "signature", "poster"]
    assert list(product.timings) == stages
    assert all(seconds >= 0 for seconds in product.timings.values())
    assert product.notes["scaled"]


def test_a_refused_box_keeps_its_numbers_and_its_poster() -> None:
    product = run(box(FACES[1:]))
    assert product.outcome == "rejected"
    assert product.reasons == ("gate.watertight", "gate.boundary", "gate.volume.missing")
    assert [file.format for file in product.files] == ["poster"]
    assert product.metrics["bytes.glb"] > 0
    assert product.message.splitlines()[1] == "gate.boundary: 3 > 0; watertight"


def test_warnings_pass_and_are_in_the_message() -> None:
    apart = make_part(CORNERS + np.array([1.5, 0, 0]), FACES)
    product = run(Asset((*box().parts, apart)))
    assert (product.outcome, product.reasons) == ("passed", ())
    assert product.message == "gate.shells: 2 > 1; join the loose pieces, or print them apart"


def test_findings_are_noted_as_data_rejecting_ones_first() -> None:
    product = run(box(FACES[1:]))
    found = json.loads(product.notes["findings"])
    assert [finding["code"] for finding in found] == [line.split(": ")[0] for line in product.message.splitlines()]
    by_code = {finding.pop("code"): finding for finding in found}
    assert by_code["gate.boundary"] == {"value": 3.0, "limit": 0.0, "severity": "reject", "suggestion": "watertight"}
    assert by_code["gate.volume.missing"]["value"] is None
    assert "findings" not in run(box()).notes


def test_what_the_row_asked_for_is_a_metric_and_a_limit() -> None:
    asked = Plan(STEPS_OF_BOX, load_profile("none"), EXPORTS, asked=(("triangles.asked", 11.0),))
    product = run_chain(box(), asked, "box")
    assert product.reasons == ("gate.triangles.asked",)
    assert product.message.startswith("gate.triangles.asked: 12 > 11; ")
    assert product.metrics["triangles.asked"] == 11
    exactly = dataclasses.replace(asked, asked=(("triangles.asked", 12.0),))
    assert run_chain(box(), exactly, "box").outcome == "passed"


def test_without_a_profile_nothing_is_refused_and_without_thumbnail_there_is_no_poster() -> None:
    product = run_chain(box(FACES[1:]), Plan(exports=EXPORTS), "box")
    assert product.outcome == "passed"
    assert product.message == ""
    assert [file.format for file in product.files] == ["glb", "stl"]
    assert "gate" not in product.timings


def test_files_carry_the_plans_provenance_over_the_assets_own() -> None:
    imported = dataclasses.replace(box(), provenance=Provenance(title="Box", copyright="© Anna"))
    plan = Plan(exports=EXPORTS, provenance=Provenance(title="Crate", generator="net", ai_generated=True, seed=0))
    file = run_chain(imported, plan, "box").files[0]
    assert read_glb(file.data).provenance == Provenance("Crate", "", "© Anna", "", "net", True, "", 0)


def test_what_binds_a_publisher_in_an_imported_file_is_noted() -> None:
    bought = dataclasses.replace(box(), provenance=Provenance(license="CC-BY-NC-4.0", ai_generated=True))
    product = run_chain(bought, Plan(provenance=Provenance(license="CC0-1.0")), "box")
    assert product.notes == {"source_license": "CC-BY-NC-4.0", "ai_generated": "true"}
    assert run_chain(box(), Plan(provenance=Provenance(license="CC0-1.0")), "box").notes == {}


def test_the_same_asset_gives_the_same_bytes_and_numbers() -> None:
    first, second = run(box()), run(box())
    assert [dataclasses.astuple(file) for file in first.files] == [dataclasses.astuple(file) for file in second.files]
    assert list(first.metrics.items()) == list(second.metrics.items())
    assert first.notes == second.notes


def test_input_errors_and_wrong_profiles_come_out_as_they_are() -> None:
    with pytest.raises(InputError) as caught:
        run(box(FACES[:0]))
    assert caught.value.code == "mesh.no-faces"
    with pytest.raises(RecipeError, match="did you mean 'game'"):
        run(box(), "gane")


def test_every_listed_step_takes_its_options() -> None:
    for name, (step, options) in STEPS.items():
        assert step.__name__ == name
        assert dataclasses.is_dataclass(options)
        required = {each.name for each in dataclasses.fields(options) if each.default is dataclasses.MISSING}
        options(**dict.fromkeys(required, "oak"))
