"""Restyling: colour and surface statistics of a reference carried over to an asset."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.asset import F32, U8, Asset, InputError, decode_image
from ml.color_space import decode, from_oklab, to_oklab
from ml.materials.library import look_of, texture_maps
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.recolor import SAMPLES, Change, Recolor, Resurface, everywhere, surface_samples

F64 = npt.NDArray[np.float64]

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
LEAST_SPREAD = 2e-3  # standard deviation in OKLab below which a direction counts as without colour variation
MOST_GAIN = 4.0  # no spread of colours grows by more: noise of a flat texture would become a pattern


@dataclass(frozen=True)
class RestyleOptions:
    """`reference` names what to look like; a file is read where the step runs, so it has to be reachable there."""

    reference: str = field(
        metadata={"file": True, "help": "a library material, or the path or URL of an asset or image"}
    )
    carry: Literal["all", "color", "surface"] = field(
        default="all", metadata={"help": "color: base colour; surface: roughness and metallic; all: both"}
    )
    strength: float = field(default=1.0, metadata={"min": 0.0, "max": 1.0, "help": "how far towards the reference"})


@dataclass(frozen=True)
class Style:
    """Samples of how a reference looks; an image says nothing of roughness and metallic."""

    lab: F32  # (n, 3) OKLab, uniform over area
    roughness: F32 | None = None  # (n,)
    metallic: F32 | None = None  # (n,)


def restyle(asset: Asset, options: RestyleOptions) -> Asset:
    """The asset with the reference's statistics: mean and covariance of colour, distribution of roughness, metallic.

    Colour goes through the linear map that carries one mean and covariance to the other and moves colours least
    (Monge–Kantorovich; Pitié and Kokaram 2007), in OKLab as Reinhard et al. (2001) did in lαβ. Roughness and metallic
    are matched quantile by quantile. Raises InputError `style.unknown` for a reference that is neither file nor
    material, `input.*`, `image.*` and what mesh readers raise.
    """
    if not asset.face_count:
        return asset
    style = load_style(options.reference)
    samples, hits = surface_samples(asset)
    notes = []
    result = asset
    if options.carry != "surface":
        own = to_oklab(samples.base_color(hits)[:, :3]).astype(np.float64)
        result = everywhere(result, Recolor(transfer(own, style.lab.astype(np.float64), options.strength)))
        notes.append("colour")
    if options.carry != "color" and style.roughness is not None and style.metallic is not None:
        surface = samples.surface(hits)
        rough = matched(surface[:, 1], style.roughness, options.strength)
        metal = matched(surface[:, 2], style.metallic, options.strength)
        metal = np.where(metal >= 128, 255, 0).astype(np.uint8)  # nothing is half a metal
        result = everywhere(result, Resurface(rough, metal))
        notes.append("roughness, metallic")
    return result.noted(restyle=f"{posixpath.basename(options.reference)}: {', '.join(notes) or 'nothing to carry'}")


@lru_cache(maxsize=4)
def load_style(reference: str) -> Style:
    """The style of a library material, an image or an asset file; raises as `restyle` says."""
    try:
        look_of(reference)
    except InputError as unknown:
        if "/" not in reference and not posixpath.splitext(reference)[1]:
            raise InputError("style.unknown", f"{unknown.message} Or name a file.") from unknown
        return _from_file(Source(reference, posixpath.dirname(reference) or "."))
    maps = texture_maps(reference, 256)
    packed = maps.roughness_metallic.reshape(-1, 3).astype(np.float32) / np.float32(255)
    return Style(to_oklab(decode(maps.base_color).reshape(-1, 3)), packed[:, 1], packed[:, 2])


def _from_file(source: Source) -> Style:
    if source.suffix not in IMAGES:
        samples, hits = surface_samples(read_mesh(source))
        surface = samples.surface(hits)
        return Style(to_oklab(samples.base_color(hits)[:, :3]), surface[:, 1], surface[:, 2])
    pixels = decode_image(source.read()).reshape(-1, 4)
    shown = pixels[pixels[:, 3] >= 128]
    if not len(shown):
        raise InputError("style.empty", f"every pixel of {posixpath.basename(source.uri)} is transparent")
    return Style(to_oklab(decode(shown[:: max(1, len(shown) // SAMPLES), :3])))


def transfer(own: F64, other: F64, strength: float) -> Change:
    """The colour change that gives `own` (n, 3 OKLab) the mean and covariance of `other`."""
    mean, goal = own.mean(axis=0), other.mean(axis=0)
    root, inverse = _roots(_covariance(own))
    middle, _ = _roots(root @ _covariance(other) @ root)
    matrix = inverse @ middle @ inverse
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    matrix = (axes * np.clip(values, 0.0, MOST_GAIN)) @ axes.T

    mixed = (strength * matrix + (1.0 - strength) * np.eye(3)).astype(np.float32)
    constant = (strength * (goal - mean @ matrix)).astype(np.float32)

    def change(colors: F32) -> F32:
        lab = to_oklab(colors)
        return from_oklab(lab @ mixed + constant)

    return change


def _covariance(lab: F64) -> F64:
    centred = lab - lab.mean(axis=0)
    covariance: F64 = centred.T @ centred / len(lab)
    return covariance


def _roots(covariance: F64) -> tuple[F64, F64]:
    """The square root of a covariance matrix and the inverse of that; directions without spread stay finite."""
    values, axes = np.linalg.eigh(covariance)
    spread = np.sqrt(np.maximum(values, 0.0))
    safe = np.maximum(spread, LEAST_SPREAD)
    return (axes * spread) @ axes.T, (axes / safe) @ axes.T


def matched(own: F32, other: F32, strength: float) -> U8:
    """(256,) table from a byte of `own`'s values (0–1) to the one at the same quantile of `other`'s (its middle)."""
    codes = np.clip(np.rint(own * 255), 0, 255).astype(np.int64)
    counts = np.bincount(codes, minlength=256)
    middle = (np.cumsum(counts) - 0.5 * counts) / max(1, len(codes))
    goal = np.quantile(other.astype(np.float64), np.clip(middle, 0.0, 1.0), method="inverted_cdf") * 255.0
    steps = np.arange(256)
    table: U8 = np.rint(np.clip(steps + (goal - steps) * strength, 0, 255)).astype(np.uint8)
    return table
