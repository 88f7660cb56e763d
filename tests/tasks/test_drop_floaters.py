"""Dropping floaters: debris goes and the gate then passes; large pieces, touching ones and lone bodies stay."""

from __future__ import annotations

import numpy as np

from ml.asset import Asset, make_part
from tasks.chain import Plan, run_chain
from tasks.drop_floaters import DropFloatersOptions, drop_floaters
from tasks.profile import load_profile
from tests.tasks.measured import ball, box, found


def test_debris_goes_and_the_rest_stays_as_it_is() -> None:
    asset = Asset((box(), ball(0.1, y=1.8), box(0.5, y=1.0)))
    done = drop_floaters(asset)
    assert [len(part.faces) for part in done.parts] == [12, 12]
    assert done.notes["drop_floaters"] == "1 floaters of 1280 faces dropped"
    assert found("floaters.count", *done.parts)["floaters.count"] == 0


def test_a_part_that_floats_in_pieces_loses_those() -> None:
    body, bit = box(), ball(0.05, 1, y=1.4)
    joined = make_part(
        np.concatenate([body.vertices, bit.vertices]), np.concatenate([body.faces, bit.faces + len(body.vertices)])
    )
    assert len(drop_floaters(Asset((joined,))).parts[0].faces) == 12


def test_what_is_large_stays() -> None:
    asset = Asset((box(), ball(0.5, y=2.0)))
    assert drop_floaters(asset).parts == asset.parts
    assert len(drop_floaters(asset, DropFloatersOptions(most=1.0)).parts) == 1
    assert drop_floaters(Asset(())).parts == ()


def test_auto_fix_drops_what_a_printer_rejects() -> None:
    asset = Asset((box(0.1), ball(0.005, y=0.15)), "block")
    profile = load_profile("print-sls")
    assert run_chain(asset, Plan((), profile), "block").reasons == ("gate.floaters",)
    product = run_chain(asset, Plan((), profile, auto_fix=1), "block")
    assert (product.outcome, product.notes["auto_fix"]) == ("passed", "round 1: gate.floaters: drop_floaters")
