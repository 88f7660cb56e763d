"""Normals that a model sees in the row's views: in the cameras' world, and a coarse surface takes them on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from flows.binding import make_plan
from flows.catalogue import catalogue
from manifests.recipe import parse_recipe
from manifests.row import InputFile, Row
from ml.asset import F32, U8, Asset, InputError, make_part
from ml.normal_predictor import predicted_normals
from ml.prompt import Constraints
from ml.sources import Source
from tasks import predicted_maps as module
from tasks.camera import Camera
from tasks.normal_maps import NormalMaps
from tasks.predicted_maps import predicted_maps
from tasks.refine_normals import RefineNormalsOptions, refine_normals
from tasks.view_cameras import sphere_cameras
from tasks.views import render_views
from tests.tiny_pipelines import latent_pipeline, normals_pipeline

SIZE = 96


def shape(level: int = 3) -> Asset:
    """Nothing in it is symmetric, so that no axis can stand for another."""
    ball = trimesh.creation.icosphere(level, 0.4)
    ball.vertices *= (1.0, 1.5, 0.7)
    ball.vertices += 0.08 * np.sin(6.0 * ball.vertices[:, [1, 2, 0]])
    return Asset((make_part(ball.vertices, ball.faces),))


def photographed(folder: Path, orthographic: bool, wide: int = 0) -> tuple[list[Source], F32]:
    """Pictures of the shape with cameras.json, `wide` pixels cut off their sides; and the normals they show."""
    asset, frames = shape(), []
    cameras = sphere_cameras(asset.bounds(), 6)
    if orthographic:
        cameras = [Camera(each.eye, each.target, each.up, 0.0, 1.6) for each in cameras]
    views = render_views(asset, cameras, SIZE)
    for at, camera in enumerate(cameras):
        shade = (90 + 100 * np.abs(views.normals[at][..., :1])).astype(np.uint8).repeat(3, axis=2)
        alpha = np.where(views.mask[at], 255, 0).astype(np.uint8)[..., None]
        pixels = np.concatenate([shade, alpha], axis=2)[:, wide : SIZE - wide]
        Image.fromarray(pixels).save(folder / f"{at}.png")
        angle = 2.0 * np.arctan(np.tan(np.radians(camera.fov) / 2.0) * (SIZE - 2 * wide) / SIZE)
        lens = {"ortho_scale": 1.6} if orthographic else {"camera_angle_x": float(angle)}
        frames.append({"file_path": f"{at}.png", "transform_matrix": camera.matrix().tolist(), **lens})
    (folder / "cameras.json").write_text(json.dumps({"up_axis": "Y", "frames": frames}))
    world = views.normals * views.mask[..., None]
    seen = np.stack([world[at] @ camera.axes().T for at, camera in enumerate(cameras)])
    return [Source(str(folder / f"{at}.png"), str(folder)) for at in range(6)], seen.astype(np.float32)


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model that sees what is there, in the axes of each camera."""

    def see(normals: F32) -> None:
        def predict(folder: str, pictures: Sequence[U8], device: str) -> F32:
            assert all(picture.shape == (SIZE, SIZE, 3) for picture in pictures)
            assert (pictures[0][0, 0] == 255).all()
            return normals

        monkeypatch.setattr(module, "predicted_normals", predict)

    return see


@pytest.mark.parametrize(("orthographic", "wide"), [(False, 0), (False, 9), (True, 0)])
def test_the_maps_are_in_the_world_of_the_cameras(tmp_path: Path, seeing: Any, orthographic: bool, wide: int) -> None:
    images, seen = photographed(tmp_path, orthographic, wide)
    seeing(seen)
    maps = predicted_maps(images, SIZE, "model", "cpu")
    assert isinstance(maps, NormalMaps)
    assert maps.agreement(shape()) > 0.97
    shown = render_views(shape(), maps.cameras, SIZE)
    both = shown.mask & (maps.pictures[..., 3] > 0.99)
    assert both.sum() > 3000
    cosine = (shown.normals[both] * maps.pictures[both][:, :3]).sum(axis=-1)
    assert np.median(cosine) > 0.995
    assert cosine.mean() > 0.98


@pytest.mark.slow
def test_a_ball_takes_on_what_the_model_sees(tmp_path: Path, seeing: Any) -> None:
    images, seen = photographed(tmp_path, False)
    seeing(seen)
    ball = Asset((make_part(*(lambda b: (b.vertices, b.faces))(trimesh.creation.icosphere(3, 0.5))),))
    options = RefineNormalsOptions(model="m", device="cpu", size=SIZE, edge=0.03, rounds=80, shots=tuple(images))
    made = refine_normals(ball, options)
    assert made.metrics["refine.agreement"] > 0.95
    assert np.ptp(made.bounds(), axis=0)[1] == pytest.approx(np.ptp(shape().bounds(), axis=0)[1], rel=0.05)


@pytest.mark.slow
def test_a_pipeline_of_diffusers_is_asked(tmp_path: Path) -> None:
    """Tiny and random: it only has to be called as it wants, and its normals to arrive."""
    normals_pipeline(tmp_path).save_pretrained(tmp_path / "model")
    pictures = [np.random.default_rng(at).integers(0, 255, (48, 48, 3), np.uint8) for at in range(2)]
    first, again = (predicted_normals(str(tmp_path / "model"), pictures, "cpu") for _ in range(2))
    assert first.shape == (2, 48, 48, 3)
    np.testing.assert_allclose(np.linalg.norm(first, axis=-1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 1e-3
    images, _ = photographed(tmp_path, False)
    options = RefineNormalsOptions(
        model=str(tmp_path / "model"), accept=("unknown",), device="cpu", size=64, rounds=10, shots=tuple(images)
    )
    assert options.lacks() == []
    assert "refine.agreement" in refine_normals(shape(2), options).metrics


@pytest.mark.slow
def test_other_pipelines_and_rows_without_views_have_codes(tmp_path: Path) -> None:
    latent_pipeline(tmp_path).save_pretrained(tmp_path / "other")
    named = RefineNormalsOptions(model=str(tmp_path / "other"), device="cpu")
    assert [each.code for each in named.lacks()] == ["normals.unsupported-pipeline"]
    assert [each.code for each in replace(named, model="/nowhere").lacks()] == ["model.missing-weights"]
    with pytest.raises(InputError) as refused:
        predicted_normals(named.model, [], "cpu")
    assert refused.value.code == "normals.unsupported-pipeline"
    with pytest.raises(InputError) as refused:
        refine_normals(shape(1), named)
    assert refused.value.code == "refine.no-normals"


def test_a_recipe_asks_and_the_row_brings_its_views() -> None:
    text = '[[steps]]\nuse = "refine_normals"\n'
    plain = parse_recipe(text, "a.toml", catalogue())
    asking = parse_recipe(text + 'model = "marigold"\n', "a.toml", catalogue())
    files = tuple(InputFile(f"/in/{n}.png", "/in", f"{n}.png", "1:1") for n in "ab")
    row = Row(1, 2, "one", images=("/in/a.png", "/in/b.png"), files=files)

    def options(recipe: Any, row: Row) -> RefineNormalsOptions:
        ((_, found),) = make_plan(row, recipe, Constraints()).steps
        assert isinstance(found, RefineNormalsOptions)
        return found

    assert [each.uri for each in options(asking, row).shots] == ["/in/a.png", "/in/b.png"]
    assert options(plain, row).shots == options(asking, Row(1, 2, "one", prompt="x")).shots == ()
    assert (options(plain, row).gpus, options(asking, row).gpus) == (0.0, 1.0)
    assert (options(plain, row).asks_model, options(asking, row).asks_model) == (False, True)
    assert RefineNormalsOptions(rasteriser="nvdiffrast").gpus == 0.25
