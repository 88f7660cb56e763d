"""The lightmap set: its faults are measured, and a customer who wants one gets it by the gate's own suggestion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, Part, Texture, make_part
from ml.readers.gltf import read_glb
from tasks.chain import Plan, run_chain
from tasks.clean import CleanOptions
from tasks.export_glb import GlbOptions
from tasks.gate import gate
from tasks.measure import measure
from tasks.measure_lightmap import lightmap_metrics
from tasks.profile import load_profile
from tasks.uv_lightmap import LIGHTMAP_PADDING

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def pair(gap: float, turn: float = 0.0) -> tuple[Part, Part]:
    """Two unit squares in a part each; in the lightmap two squares of 0.2 with a gap between them, turned."""
    low = np.float64([[0, 0], [1, 0], [1, 1], [0, 1]]) * 0.2 - [0.1, 0.1]
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    places = ([-0.1 - gap / 2, 0.0], [0.1 + gap / 2, 0.0])
    return tuple(make_part(SQUARE, FACES, uv1=np.float32((low + place) @ spin.T + 0.5)) for place in places)  # type: ignore[return-value]


@settings(max_examples=20, deadline=None)
@given(st.floats(0.002, 0.2), st.floats(0.0, 6.3))
def test_the_gap_between_charts_is_understated_by_a_texel_at_most(gap: float, turn: float) -> None:
    found = lightmap_metrics(pair(gap, turn))
    assert found["lightmap.padding"] <= 512 * gap + 1e-3
    assert found["lightmap.padding"] >= 512 * gap - 1.5
    assert found["lightmap.utilisation"] == pytest.approx(0.08, abs=0.002)
    assert found["lightmap.overlap"] == 0


def test_faults_of_a_lightmap_are_told() -> None:
    assert lightmap_metrics([make_part(SQUARE, FACES)]) == {"lightmap.present": 0}
    one, other = pair(0.1)
    assert lightmap_metrics([one, one])["lightmap.overlap"] == 1
    assert "lightmap.padding" not in lightmap_metrics([one])
    assert lightmap_metrics([one, make_part(SQUARE, FACES)])["lightmap.present"] == 0.5
    assert other.uv1 is not None
    away = replace(other, uv1=other.uv1 + np.float32(0.5))
    assert lightmap_metrics([one, away])["lightmap.out_of_range"] == 0.5
    far = replace(other, uv1=other.uv1 * np.float32(1e30))
    assert lightmap_metrics([one, far])["lightmap.out_of_range"] == 0.5
    broken = replace(other, uv1=other.uv1 * np.float32(np.nan))
    assert measure(Asset((broken,))).metrics["finite"] == 0
    worn = gate(measure(Asset((one, one, away))), load_profile("game"))
    assert {"gate.lightmap.overlap", "gate.lightmap.range"} <= {finding.code for finding in worn.findings}


def test_the_gate_makes_the_lightmap_that_the_customer_wants_and_the_file_carries_it() -> None:
    mesh = trimesh.creation.icosphere(3, 0.5)
    uv = np.float32(np.abs(mesh.vertices[:, :2]))  # the front and the back, and left and right, on one spot
    texture = Texture.from_pixels(np.full((64, 64, 3), 120, np.uint8))
    plain = make_part(mesh.vertices, mesh.faces, uv=uv)
    asset = Asset((replace(plain, material=replace(plain.material, base_color_texture=texture)),), "ball")
    plan = Plan((("clean", CleanOptions()),), load_profile("fab"), exports=(("glb", GlbOptions()),))
    assert run_chain(asset, plan, "ball").reasons == ("gate.lightmap.present",)
    made = run_chain(asset, replace(plan, auto_fix=1), "ball")
    assert made.outcome == "passed"
    assert "gate.lightmap.present: unwrap" in made.notes["auto_fix"]
    assert made.metrics["lightmap.overlap"] == made.metrics["lightmap.out_of_range"] == 0
    assert made.metrics["lightmap.padding"] >= LIGHTMAP_PADDING - 1.5
    (part,) = read_glb(made.files[0].data).parts
    read = lightmap_metrics([part])
    assert read == {name: made.metrics[name] for name in read}
