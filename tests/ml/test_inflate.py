"""Silhouettes and the solids inflated from them, on drawn shapes whose answers are known."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import trimesh
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from ml.asset import Asset, InputError
from ml.generators.inflate import Inflate, InflateOptions, inflate
from ml.generators.protocol import Request
from ml.silhouette import photo_silhouette, sketch_silhouette
from ml.sources import Source

U8 = npt.NDArray[np.uint8]
RED = (190, 40, 30, 255)


def canvas(size: int = 240, background: tuple[int, ...] = (0, 0, 0, 0)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (size, size), background)
    return image, ImageDraw.Draw(image)


def disc(radius: int = 80, size: int = 240) -> U8:
    image, draw = canvas(size)
    middle = size // 2
    draw.ellipse([middle - radius, middle - radius, middle + radius, middle + radius], fill=RED)
    return np.asarray(image)


def mug(background: tuple[int, ...] = (0, 0, 0, 0)) -> U8:
    image, draw = canvas(240, background)
    draw.rectangle([50, 60, 140, 200], fill=RED)
    draw.ellipse([110, 85, 200, 175], outline=RED, width=16)
    return np.asarray(image)


def solid(asset: Asset) -> trimesh.Trimesh:
    part = asset.parts[0]
    mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    _, counts = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
    assert (counts == 2).all()
    return mesh


def test_a_disc_becomes_a_sphere() -> None:
    pixels = disc()
    mesh = solid(inflate(pixels, photo_silhouette(pixels), InflateOptions(depth=1.0)))
    radius = np.linalg.norm(mesh.vertices - [0.0, 0.5, 0.0], axis=1)
    assert np.abs(radius - 0.5).max() < 0.012
    assert mesh.volume == pytest.approx(np.pi / 6, rel=0.02)


def test_it_is_a_metre_high_and_stands_on_the_floor() -> None:
    pixels = mug()
    asset = inflate(pixels, photo_silhouette(pixels), InflateOptions())
    low, high = asset.bounds()
    assert low[1] == 0.0
    assert high[1] == pytest.approx(1.0)
    assert low[0] == pytest.approx(-high[0], abs=1e-6)


@pytest.mark.parametrize("back", ["mirror", "flat"])
def test_a_handle_is_a_real_hole(back: str) -> None:
    pixels = mug()
    asset = inflate(pixels, photo_silhouette(pixels), InflateOptions(back=back))  # type: ignore[arg-type]
    assert solid(asset).euler_number == 0
    depth = asset.bounds()[:, 2]
    assert depth[0] == pytest.approx(-depth[1] if back == "mirror" else 0.0, abs=0.02)


def test_colour_reaches_the_rim_without_background() -> None:
    pixels = mug((255, 255, 255, 255))
    asset = inflate(pixels, photo_silhouette(pixels), InflateOptions())
    part = asset.parts[0]
    assert part.uv is not None
    assert part.uv.min() >= 0.0
    assert part.uv.max() <= 1.0
    texture = part.material.base_color_texture
    assert texture is not None
    assert all(side & (side - 1) == 0 and side <= 1024 for side in texture.size)
    image = texture.pixels()
    at = (part.uv * (np.array(texture.size) - 1)).round().astype(int)
    seen = image[at[:, 1], at[:, 0], :3].astype(int)
    assert np.abs(seen - RED[:3]).max() < 25


def test_the_picture_is_upright_and_not_mirrored() -> None:
    image, draw = canvas()
    draw.rectangle([40, 40, 199, 199], fill=(200, 200, 200, 255))
    draw.rectangle([60, 60, 90, 90], fill=(0, 0, 255, 255))  # upper left
    asset = inflate(np.asarray(image), photo_silhouette(np.asarray(image)), InflateOptions())
    part = asset.parts[0]
    texture = part.material.base_color_texture
    assert texture is not None
    assert part.uv is not None
    pixels = texture.pixels()
    at = (part.uv * (np.array(texture.size) - 1)).round().astype(int)
    blue = pixels[at[:, 1], at[:, 0], 0] < 60
    front = part.vertices[blue & (part.vertices[:, 2] > 0.05)]
    assert len(front) > 20
    assert (front[:, 0] < 0).all()
    assert (front[:, 1] > 0.5).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(48, 96))
def test_any_blob_is_a_closed_manifold(seed: int, resolution: int) -> None:
    rng = np.random.default_rng(seed)
    image, draw = canvas(120)
    for _ in range(rng.integers(1, 9)):
        x, y, w, h = rng.integers(5, 90, 4)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape(
            [x, y, min(x + w // 3 + 2, 115), min(y + h // 3 + 2, 115)], fill=RED if rng.random() < 0.7 else (0, 0, 0, 0)
        )
    pixels = np.asarray(image)
    assume(np.count_nonzero(pixels[..., 3]) > 100)
    solid(inflate(pixels, photo_silhouette(pixels), InflateOptions(resolution=resolution)))


def overlap(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(a & b) / np.count_nonzero(a | b))


def photographed(pixels: U8, seed: int = 0) -> U8:
    """The object on a graded, noisy grey backdrop with a soft shadow, through a JPEG."""
    rng = np.random.default_rng(seed)
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width] / height
    tone = 225.0 - 25.0 * y - 10.0 * (x - 0.5) ** 2
    tone -= 45.0 * np.exp(-(((x - 0.62) / 0.22) ** 2 + ((y - 0.84) / 0.07) ** 2))
    backdrop = tone[..., None] + rng.normal(0.0, 1.5, (height, width, 3))
    alpha = pixels[..., 3:] / 255.0
    mixed = np.clip(pixels[..., :3] * alpha + backdrop * (1 - alpha), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(mixed).save(buffer, "JPEG", quality=85)
    return np.asarray(Image.open(buffer).convert("RGBA"))


def test_silhouette_through_noise_gradient_and_shadow() -> None:
    truth = mug()[..., 3] > 128
    found = photo_silhouette(photographed(mug()))
    assert found.found == "background"
    assert overlap(found.mask, truth) > 0.95
    assert not found.mask[130, 172]  # inside the handle


def test_white_on_white_shadow_free_edges_survive() -> None:
    pixels = disc()
    pixels = np.where(pixels[..., 3:] > 0, np.array([215, 214, 212, 255]), np.array([252, 252, 252, 255]))
    assert overlap(photo_silhouette(pixels.astype(np.uint8)).mask, disc()[..., 3] > 128) > 0.95


def test_a_pale_stripe_belongs_to_the_object() -> None:
    """The stripe is nearer to the backdrop's colour than a shadow is, but an edge parts them."""
    image, draw = canvas()
    draw.ellipse([40, 60, 200, 180], fill=RED)
    cut = Image.new("L", image.size, 0)
    ImageDraw.Draw(cut).rectangle([100, 0, 130, 240], fill=255)
    striped = np.asarray(image).copy()
    striped[(np.asarray(cut) > 0) & (striped[..., 3] > 0), :3] = (250, 246, 236)
    assert overlap(photo_silhouette(photographed(striped)).mask, striped[..., 3] > 128) > 0.95


def test_specks_are_dropped_and_noted() -> None:
    image, draw = canvas()
    draw.rectangle([60, 60, 180, 180], fill=RED)
    draw.rectangle([10, 10, 13, 13], fill=RED)
    silhouette = photo_silhouette(np.asarray(image))
    assert silhouette.dropped == 1
    asset = inflate(np.asarray(image), silhouette, InflateOptions(resolution=64))
    assert asset.notes["specks_dropped"] == "1"
    assert solid(asset).body_count == 1


def test_two_objects_stay_two() -> None:
    image, draw = canvas()
    draw.rectangle([30, 60, 100, 180], fill=RED)
    draw.rectangle([140, 60, 210, 180], fill=RED)
    assert solid(inflate(np.asarray(image), photo_silhouette(np.asarray(image)), InflateOptions())).body_count == 2


def noise() -> U8:
    return np.random.default_rng(1).integers(0, 255, (120, 120, 4), dtype=np.uint8) | np.array([0, 0, 0, 255], np.uint8)


@pytest.mark.parametrize(
    ("pixels", "code"),
    [
        (np.full((100, 100, 4), 255, np.uint8), "image.no-silhouette"),
        (np.zeros((100, 100, 4), np.uint8), "image.no-silhouette"),
        (noise(), "image.background"),
    ],
)
def test_pictures_without_an_object_are_refused(pixels: U8, code: str) -> None:
    with pytest.raises(InputError) as caught:
        photo_silhouette(pixels)
    assert caught.value.code == code


def drawing(gap: int = 0) -> U8:
    image, draw = canvas(240, (255, 255, 255, 255))
    draw.ellipse([40, 40, 200, 200], outline=(20, 20, 20, 255), width=4)
    draw.line([90, 120, 150, 120], fill=(20, 20, 20, 255), width=3)
    if gap:
        draw.rectangle([190, 120 - gap // 2, 210, 120 + gap // 2], fill=(255, 255, 255, 255))
    return np.asarray(image)


@pytest.mark.parametrize("gap", [0, 3])
def test_a_drawn_outline_is_filled(gap: int) -> None:
    silhouette = sketch_silhouette(drawing(gap))
    y, x = np.mgrid[0:240, 0:240]
    assert overlap(silhouette.mask, np.hypot(x - 120, y - 120) <= 80) > 0.96
    asset = inflate(drawing(gap), silhouette, InflateOptions())
    assert solid(asset).euler_number == 2
    texture = asset.parts[0].material.base_color_texture
    assert texture is not None
    shades = texture.pixels()[..., 0]
    assert np.median(shades) > 150 > 90 > shades.min()  # clay with ink on it


@pytest.mark.parametrize(
    ("pixels", "code"),
    [(drawing(60), "sketch.open-outline"), (np.full((90, 90, 4), 255, np.uint8), "image.no-silhouette")],
)
def test_drawings_that_enclose_nothing_are_refused(pixels: U8, code: str) -> None:
    with pytest.raises(InputError) as caught:
        sketch_silhouette(pixels)
    assert caught.value.code == code


def test_generator_reads_files_and_repeats_its_bytes(tmp_path: Path) -> None:
    Image.fromarray(mug()).save(tmp_path / "mug.png")
    Image.fromarray(drawing()).save(tmp_path / "line.png")
    photo, line = (Source(str(tmp_path / name), str(tmp_path)) for name in ("mug.png", "line.png"))
    requests = [Request("a", 1, image=photo), Request("b", 2, image=photo), Request("c", 1, sketch=line)]
    first, second, third = Inflate().generate(requests)
    assert isinstance(first, Asset)
    assert isinstance(second, Asset)
    assert isinstance(third, Asset)
    assert first.parts[0].vertices.tobytes() == second.parts[0].vertices.tobytes()
    assert first.parts[0].material == second.parts[0].material
    assert third.notes["silhouette"] == "outline"
    assert first.name == "a"


def test_a_broken_picture_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"not a picture")
    with pytest.raises(InputError) as caught:
        Inflate().generate([Request("a", 0, image=Source(str(tmp_path / "x.png"), str(tmp_path)))])
    assert caught.value.code == "image.unreadable"
