"""Photographs and drawings framed as the shape model's training pictures: the object in the middle, plain ground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy  # ndimage loads on first use: its 0.2 CPU-s are not for processes that never see an image
from PIL import Image

from ml.asset import U8, decode_image
from ml.shapes.example import SIDE
from ml.silhouette import drawn_ink, photo_silhouette

Mask = npt.NDArray[np.bool_]

MOST = 1024  # pixels along a side that a picture is reduced to before anything is looked for in it
MARGIN = 1.08  # the picture's side over the object's, and below its ground, as tasks/portraits.py draws them
GROUND = 232
PAPER = 255
FULL = 0.6  # of a line's cover that makes a pixel black, so that one between two pixels is dark in both


def framed_photo(data: bytes) -> U8:
    """(SIDE, SIDE, 3) sRGB of an encoded photograph; raises InputError `image.*`."""
    pixels = _reduced(decode_image(data))
    mask = photo_silhouette(pixels).mask
    alpha = pixels[..., 3:].astype(np.float32) / 255.0
    over = np.where(mask[..., None], pixels[..., :3] * alpha + GROUND * (1.0 - alpha), GROUND)
    return _framed(over, mask, GROUND)


def framed_sketch(data: bytes) -> U8:
    """(SIDE, SIDE, 3) of an encoded drawing, its lines about as dark as those of training, which are a pixel wide.

    Raises InputError `image.*`.
    """
    ink = drawn_ink(_reduced(decode_image(data)))
    distance = scipy.ndimage.distance_transform_edt(ink)
    stroke = max(
        2.0 * float(np.percentile(distance[ink], 90)) - 1.0, 1.0
    )  # a line's middle is half its width from paper
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    width = stroke * SIDE / (MARGIN * (max(np.ptp(rows), np.ptp(columns)) + 1))  # in the framed drawing
    cover = _framed(np.repeat(ink[..., None] * 255.0, 3, axis=2), ink, 0).astype(np.float32)
    return np.asarray(PAPER - np.minimum(cover / (FULL * min(width, 1.0)), 255.0), dtype=np.uint8)


def _reduced(pixels: U8) -> U8:
    image = Image.fromarray(pixels)
    image.thumbnail((MOST, MOST), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(image)


def _framed(picture: npt.NDArray[np.floating], mask: Mask, ground: int) -> U8:
    """The square around a mask with its margin, at SIDE pixels, each the mean of what it covers."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    side = round(MARGIN * (max(np.ptp(rows), np.ptp(columns)) + 1))
    top, left = ((line[0] + line[-1] + 1 - side) // 2 for line in (rows, columns))
    square = np.full((side, side, 3), ground, np.uint8)
    y0, x0 = max(top, 0), max(left, 0)
    cut = np.rint(picture[y0 : top + side, x0 : left + side]).astype(np.uint8)
    square[y0 - top : y0 - top + cut.shape[0], x0 - left : x0 - left + cut.shape[1]] = cut
    way = Image.Resampling.BOX if side >= SIDE else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(square).resize((SIDE, SIDE), way))
