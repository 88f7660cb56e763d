"""Pairs that train the residual model: conditions from a coarse surface, and what a detailed one has beyond it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import F32

SIDE = 32  # pixels of a patch
USUAL = 0.5545  # pixels: root mean square of 200 procedural residuals
SMOOTH = 2.4  # power of a spectrum from which on a surface looks smooth
WIDE = 4  # pixels: the second curvature is the mean over this many to each side


def procedural_pair(random: np.random.Generator) -> tuple[F32, F32]:
    """(heights of a coarse surface (SIDE, SIDE), residual) of a relief of random grain, both in pixels.

    The relief is noise of a power spectrum 1/f^p, as it is or folded into ridges or pits; the coarse surface is what a
    Gaussian blur leaves of it, as smoothing and remeshing leave less of a shape. Above SMOOTH nothing is folded in, and
    the shape is higher: of those there is little residual, and it is smooth.
    """
    size, power = 2 * SIDE, random.uniform(1.2, 4.0)
    relief = _noise(random, size, power).astype(np.float64)
    kind = random.integers(3)
    if kind and power < SMOOTH:
        folded = np.abs(_noise(random, size, random.uniform(1.2, 2.0)))
        relief += random.uniform(0.5, 2.0) * (folded if kind == 1 else -folded)
    relief *= random.uniform(0.5, 2.5) * (1.0 + 2.0 * max(0.0, power - SMOOTH))
    coarse = _blurred(relief, random.uniform(1.5, 4.0))
    part = (slice(SIDE // 2, SIDE // 2 + SIDE),) * 2
    return coarse[part].astype(np.float32), (relief - coarse)[part].astype(np.float32)


def height_conditions(height: F32, mask: F32) -> F32:
    """(h, w, 3) conditions of a surface given as heights over a plane, in pixels."""
    padded = np.pad(height, 1, mode="edge")
    bent = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4.0 * height
    return stacked_conditions(bent, mask)


def stacked_conditions(bent: F32, mask: F32) -> F32:
    """(h, w, 3) from the sum over four neighbours of how far they lie above a place (h, w; pixels), and the mask."""
    bent = np.clip(np.where(mask > 0.0, bent, 0.0), -2.0, 2.0)
    wide = _box_mean(bent, WIDE) / np.maximum(_box_mean(mask, WIDE), 1e-3)
    return np.stack([4.0 * bent * mask, 8.0 * wide * mask, mask], axis=-1).astype(np.float32)


def random_mask(random: np.random.Generator) -> F32:
    """(SIDE, SIDE) 1 on one side of a line, so that chart borders are known; all 1 half the time."""
    if random.random() < 0.5:
        return np.ones((SIDE, SIDE), np.float32)
    y, x = np.mgrid[:SIDE, :SIDE] - 0.5 * (SIDE - 1)
    angle = random.uniform(0.0, 2.0 * np.pi)
    return np.asarray(x * np.cos(angle) + y * np.sin(angle) < random.uniform(0.0, 0.4) * SIDE, np.float32)


def _noise(random: np.random.Generator, size: int, power: float) -> F32:
    """(size, size) periodic noise of unit variance whose amplitudes fall with frequency to `power`."""
    fx, fy = np.fft.fftfreq(size)[None], np.fft.fftfreq(size)[:, None]
    frequency = np.maximum(np.hypot(fx, fy), 1.0 / size)
    spectrum = np.fft.fft2(random.standard_normal((size, size))) / frequency**power
    spectrum[0, 0] = 0.0
    noise = np.fft.ifft2(spectrum).real
    return np.asarray(noise / noise.std(), np.float32)


def _blurred(image: npt.NDArray[np.float64], sigma: float) -> F32:
    """A periodic image under a Gaussian."""
    height, width = image.shape
    f = np.hypot(np.fft.fftfreq(width)[None], np.fft.fftfreq(height)[:, None])
    return np.asarray(np.fft.ifft2(np.fft.fft2(image) * np.exp(-2.0 * (np.pi * sigma * f) ** 2)).real, np.float32)


def _box_mean(image: F32, reach: int) -> F32:
    """Mean over (2·reach + 1)² places, zeros beyond the border."""
    side = 2 * reach + 1
    for axis in (0, 1):
        pads = [(0, 0), (0, 0)]
        pads[axis] = (reach + 1, reach)
        sums = np.cumsum(np.pad(image, pads), axis=axis, dtype=np.float64)
        last = np.take(sums, np.arange(side, sums.shape[axis]), axis)
        image = np.asarray((last - np.take(sums, np.arange(sums.shape[axis] - side), axis)) / side, np.float32)
    return image
