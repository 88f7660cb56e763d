"""Reconstruction of a procedural asset from the pictures that our own exporter takes of it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.asset import Asset, InputError
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.generators.reconstruct import Reconstruct, ReconstructOptions
from ml.prompt import parse_prompt
from ml.sources import Source
from ml.views import find_views
from tasks.export_views import ViewsOptions, export_views
from tasks.fidelity import surface_distances
from tasks.outer_surface import outer_surface
from tasks.sample_frame import sample_frame
from tasks.topology import topology

QUICK = ReconstructOptions(steps=250, rays=384, side=64, finest=64, resolution=80)


def photographed(folder: Path, count: int, size: int) -> tuple[Asset, tuple[Source, ...]]:
    """A chair in the frame of its pictures, and the pictures with their transforms.json."""
    (chair,) = Procedural().generate([Request("chair", 1, prompt=parse_prompt("a wooden chair"))])
    assert isinstance(chair, Asset)
    options = ViewsOptions(count=count, size=size, maps=("albedo",), radius=2.4)
    names = []
    for file in export_views(chair, "chair", options):
        name = "transforms.json" if file.name.endswith(".json") else file.name
        (folder / name).write_bytes(file.data)
        names += [name] if name.endswith(".png") else []
    return sample_frame(chair, "cube", 1.0).placed(chair), tuple(Source(str(folder / n), str(folder)) for n in names)


@pytest.mark.slow
def test_a_chair_from_24_views(tmp_path: Path) -> None:
    """Chamfer at most 1 % of the diagonal from pictures of 64 pixels: a pixel is 1.3 % of it."""
    chair, images = photographed(tmp_path, 24, 64)
    (made,) = Reconstruct(QUICK).generate([Request("a", 0, images=images)])
    assert isinstance(made, Asset)
    vertices, faces, _ = made.merged()
    assert topology(vertices, faces).closed
    true = outer_surface(chair)
    found = surface_distances((true.vertices, true.faces), (vertices, faces), 8000)
    assert found.percent(found.mean) <= 1.0
    colours = made.parts[0].colors
    assert colours is not None
    red, green, blue = (colours[:, :3] / 255.0 * np.array(made.parts[0].material.base_color[:3])).mean(axis=0)
    assert red > green > blue  # wood


def test_what_cannot_be_reconstructed_is_answered(tmp_path: Path) -> None:
    """One bad row does not end its neighbours."""
    _, images = photographed(tmp_path, 4, 32)
    blank = io.BytesIO()
    Image.new("RGB", (32, 32), "white").save(blank, "PNG")
    (tmp_path / "chair_albedo_003.png").write_bytes(blank.getvalue())
    answers = Reconstruct().generate([Request("a", 0, images=images[:2]), Request("b", 0, images=images)])
    assert [each.code for each in answers if isinstance(each, InputError)] == ["images.too-few", "image.no-silhouette"]


def test_transforms_of_other_lenses(tmp_path: Path) -> None:
    """Focal lengths stand for the angle; what a View cannot say is refused."""
    _, images = photographed(tmp_path, 3, 32)
    path = tmp_path / "transforms.json"
    document = json.loads(path.read_text())
    angle = find_views(images)[0].angle_x
    for part in (document, *document["frames"]):
        part.pop("camera_angle_x", None)
    path.write_text(json.dumps(document))
    assert find_views(images)[0].angle_x == pytest.approx(angle)
    for wrong in ({"k1": 0.1}, {"cx": 10.0}):
        path.write_text(json.dumps(document | wrong))
        with pytest.raises(InputError) as caught:
            find_views(images)
        assert caught.value.code == "images.cameras"
