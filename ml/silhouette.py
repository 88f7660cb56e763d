"""Silhouettes: which pixels of a photograph or a line drawing belong to the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy  # ndimage loads on first use: its 0.2 CPU-s are not for processes that never see an image

from ml.asset import InputError
from ml.srgb import to_linear

Mask = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

MIN_SHARE, MAX_SHARE = 0.002, 0.985  # of the picture; outside this there is no object to see, or no background
CLEAR = 0.1  # alpha below which nothing is there, and as far below 1 it hides what is behind
EVEN = 0.05  # of alpha, over a pane: renderers give one material one alpha
FRAMED = 0.6  # of a pane's border
SQUARE = np.ones((3, 3), bool)
SPECK = 0.01  # components below this share of the largest are dust, JPEG ringing or a signature
SHADOW_DEPTH = 34.0  # L* a cast shadow may lie below its background
SHADOW_CHROMA = 5.0  # and how far its a*b* may drift
SHADOW_SLOPE = 2.6  # L* a pixel: shadows are soft, object edges are not
MAX_STRAY_BORDER = 0.35  # share of the border that may belong to the object before the background is not plain
MAX_GAP = 0.02  # of the picture's side: the widest gap in a drawn outline that is closed for the artist


@dataclass(frozen=True)
class Silhouette:
    """The object's pixels and how they were found."""

    mask: Mask  # (h, w)
    found: Literal["alpha", "background", "outline"]
    dropped: int  # specks left out
    line: Mask | None = None  # (h, w) ink of a drawing


def photo_silhouette(pixels: U8) -> Silhouette:
    """The object in (h, w, 4) RGBA: its alpha where that says something, else what differs from a plain background.

    The background is a quadratic in x and y fitted to the border in CIELAB, flooded from the border through soft
    shadows; enclosed regions of exactly its colour stay holes. Raises InputError `image.no-silhouette` when nothing or
    everything is object, `image.background` when the border is not plain.
    """
    alpha = pixels[..., 3]
    if np.count_nonzero(alpha < 128) >= MIN_SHARE * alpha.size:
        return _checked(alpha >= 128, "alpha")
    return _checked(_not_background(lab(pixels)), "background")


def panes(alpha: U8) -> Mask:
    """Where an (h, w) alpha shows glass and the like: something is there and lets part of the light through.

    Stretches whose alpha is the same but for EVEN, with nothing empty beside them and a frame: what is opaque makes
    up FRAMED of their border at least. A smoothed edge and a soft shadow change across, and fade out at the border.
    """
    a = alpha.astype(np.float32) / np.float32(255.0)
    partial, opaque = (a > CLEAR) & (a < 1.0 - CLEAR), a >= 1.0 - CLEAR
    found = np.zeros(a.shape, bool)
    if not partial.any():
        return found
    most = scipy.ndimage.maximum_filter(np.where(opaque, 0.0, a), 3)
    least = scipy.ndimage.minimum_filter(a, 3)
    near = partial & (least > CLEAR)
    labels, count = scipy.ndimage.label(near & (most - least <= EVEN))
    for number, (rows, columns) in enumerate(scipy.ndimage.find_objects(labels, count), 1):
        box = (slice(max(rows.start - 3, 0), rows.stop + 3), slice(max(columns.start - 3, 0), columns.stop + 3))
        pane = labels[box] == number
        grown = pane | (scipy.ndimage.binary_dilation(pane, SQUARE, iterations=2) & near[box])  # up to its frame
        border = scipy.ndimage.binary_dilation(grown, SQUARE) & ~grown
        if np.ptp(a[box][pane]) <= EVEN and opaque[box][border].mean() >= FRAMED:
            found[box] |= grown
    return found


def sketch_silhouette(pixels: U8) -> Silhouette:
    """The filled outline of dark lines on light paper, (h, w, 4) RGBA; gaps up to 2 % of the side are closed.

    Raises InputError `image.no-silhouette` for a blank sheet, `sketch.open-outline` when no closed outline spans the
    drawing. What a line encloses is filled: a drawing does not say which enclosed areas are holes.
    """
    ink = drawn_ink(pixels)
    widest = max(2, round(MAX_GAP * max(ink.shape) / 2))
    for radius in (0, *(r for r in (1, 2, 3, 5, 8, 12, 20) if r < widest), widest):
        filled = _filled(ink, radius)
        if _spans(filled, ink):
            return _checked(filled, "outline", ink)
    gap = 2 * widest
    raise InputError(
        "sketch.open-outline", f"no outline closes; gaps up to {gap} px are bridged: close the drawing's edge"
    )


def drawn_ink(pixels: U8) -> Mask:
    """(h, w) the dark lines of a drawing on light paper, (h, w, 4) RGBA; raises InputError `image.no-silhouette`."""
    lightness = lab(pixels)[..., 0]
    paper = float(np.percentile(lightness, 90))
    ink: Mask = lightness < paper - max(12.0, 0.35 * (paper - float(lightness.min())))
    share = np.count_nonzero(ink) / ink.size
    if not 5e-4 < share < 0.5:
        raise InputError("image.no-silhouette", f"{share:.2%} of the drawing is ink; 0.05 % to 50 % is a line drawing")
    return ink


def lab(pixels: U8) -> F64:
    """CIELAB (D65) of (h, w, 4) sRGB over white (IEC 61966-2-1, CIE 15)."""
    linear = to_linear(np.arange(256) / 255.0)
    alpha = pixels[..., 3:].astype(np.float64) / 255.0
    rgb = linear[pixels[..., :3]] * alpha + (1.0 - alpha)
    weights = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (rgb @ (row / row.sum()) for row in weights)
    fx, fy, fz = (np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16.0 / 116.0) for t in (x, y, z))
    return np.stack([116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)], axis=2)


def _not_background(image: F64) -> Mask:
    height, width = image.shape[:2]
    border = np.zeros((height, width), dtype=bool)
    ring = max(2, min(height, width) // 64)
    border[:ring] = border[-ring:] = border[:, :ring] = border[:, -ring:] = True
    model, noise = _fit_background(image, border)
    difference = image - model
    distance = np.sqrt((difference**2).sum(axis=2))
    tolerance = float(np.clip(5.0 * noise, 5.0, 16.0))
    stray = float((distance[border] > tolerance).mean())
    if stray > MAX_STRAY_BORDER:
        raise InputError(
            "image.background",
            f"{stray:.0%} of the border differs from a plain background (limit {MAX_STRAY_BORDER:.0%}): "
            "use a plain backdrop or a PNG whose background is transparent",
        )
    smooth = scipy.ndimage.gaussian_filter(image[..., 0], 1.0)
    slope = np.hypot(scipy.ndimage.sobel(smooth, 0), scipy.ndimage.sobel(smooth, 1)) / 8.0
    chroma = np.hypot(difference[..., 1], difference[..., 2])
    fall = -difference[..., 0]
    shadow = (fall > 0.0) & (fall < SHADOW_DEPTH) & (chroma < SHADOW_CHROMA) & (slope < SHADOW_SLOPE)
    plain = distance < tolerance
    outside = _flood(plain | shadow, border)
    if not outside.all() and np.median(chroma[~outside]) > 3.0 * SHADOW_CHROMA:
        # A coloured object cannot be mistaken for a shadow: take the hard, dark rest of a soft one, under the object.
        hard = (fall > 0.0) & (chroma < 2.0 * SHADOW_CHROMA) & ~outside
        soft = outside & (fall > 2.0 * tolerance)
        outside |= scipy.ndimage.binary_dilation(soft, mask=hard | soft, iterations=max(2, max(plain.shape) // 50))
    outside |= _large_regions((distance < 0.6 * tolerance) & ~outside, 0.001 * plain.size)
    if not outside.all():
        # Compression rings for up to a block around an object, in proportion to its contrast.
        ringing = distance < np.clip(0.25 * np.median(distance[~outside]), tolerance, 3.0 * tolerance)
        outside = scipy.ndimage.binary_dilation(outside, mask=ringing, iterations=5) | outside
    solid = (~outside).astype(np.float64)
    return np.asarray(scipy.ndimage.gaussian_filter(solid, 1.4) > 0.5)


def _fit_background(image: F64, border: Mask) -> tuple[F64, float]:
    """A quadratic per channel through the border, trimmed three times, and the noise around it (MAD, ΔE)."""
    height, width = border.shape
    y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=2)
    rows, values = terms[border], image[border]
    keep = np.sqrt(((values - np.median(values, axis=0)) ** 2).sum(axis=1))
    inliers = keep <= max(8.0, 2.0 * float(np.median(keep)))
    noise = 1.0
    for _ in range(3):
        # Normal equations of 6 unknowns: exact enough on [−1, 1] and free of threaded linear algebra.
        a = rows[inliers]
        solution = np.linalg.solve(
            np.einsum("ni,nj->ij", a, a) + 1e-6 * np.eye(6), np.einsum("ni,nj->ij", a, values[inliers])
        )
        residual = np.sqrt(((values - rows @ solution) ** 2).sum(axis=1))
        noise = max(0.5, float(np.median(residual[inliers])))
        inliers = residual < max(6.0, 4.0 * noise)
        if np.count_nonzero(inliers) < 64:
            raise InputError("image.background", "the border shows no plain background: use a plain backdrop")
    return terms @ solution, noise


def _filled(ink: Mask, radius: int) -> Mask:
    """What lines thickened by `radius` enclose, thinned back by as much."""
    padded = np.pad(ink, radius + 2)
    distance = scipy.ndimage.distance_transform_edt(~padded)
    frame = np.zeros_like(padded)
    frame[0] = frame[-1] = frame[:, 0] = frame[:, -1] = True
    outside = _flood(distance > radius, frame)
    if radius:
        outside = scipy.ndimage.distance_transform_edt(~outside) <= radius
    return (~outside | padded)[radius + 2 : -radius - 2, radius + 2 : -radius - 2]


def _spans(filled: Mask, ink: Mask) -> bool:
    """Whether the solid part of `filled`, without loose strokes, covers most of the drawing's extent."""
    stroke = float(np.percentile(scipy.ndimage.distance_transform_edt(ink)[ink], 95))
    body = scipy.ndimage.distance_transform_edt(filled) > stroke + 1.0
    if np.count_nonzero(body) < 0.5 * np.count_nonzero(ink):
        return False
    return all(
        np.ptp(np.flatnonzero(body.any(axis=axis))) >= 0.72 * np.ptp(np.flatnonzero(ink.any(axis=axis)))
        for axis in (0, 1)
    )


def _flood(passable: Mask, seeds: Mask) -> Mask:
    """The 4-connected components of `passable` that touch `seeds`."""
    labels, count = scipy.ndimage.label(passable)
    touched = np.zeros(count + 1, dtype=bool)
    touched[labels[seeds]] = True
    touched[0] = False
    return np.asarray(touched[labels])


def _large_regions(mask: Mask, area: float) -> Mask:
    labels, count = scipy.ndimage.label(mask)
    large = np.bincount(labels.ravel(), minlength=count + 1) >= area
    large[0] = False
    return np.asarray(large[labels])


def _checked(mask: Mask, found: Literal["alpha", "background", "outline"], line: Mask | None = None) -> Silhouette:
    """The mask without specks, or why there is none."""
    labels, count = scipy.ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    keep = sizes >= max(1.0, SPECK * float(sizes.max()))
    keep[0] = False
    share = float(sizes[keep].sum()) / mask.size
    if not MIN_SHARE <= share <= MAX_SHARE:
        message = f"the object covers {share:.2%} of the picture; {MIN_SHARE:.1%} to {MAX_SHARE:.1%} can be read"
        raise InputError("image.no-silhouette", message)
    return Silhouette(np.asarray(keep[labels]), found, count - int(keep.sum()), line)
