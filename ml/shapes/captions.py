"""What is said of a training example: one caption at three lengths, each of them true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.alignment.captions import Caption, shortened, text

LOOK = ("style", "material", "color")


def three_lengths(caption: Caption, rng: np.random.Generator) -> tuple[str, str, str]:
    """Everything; the noun with style, material and colour of the whole, or where none of these is said with the part
    that is; the noun and at most one thing. Each in one of several wordings."""
    kept = LOOK if any(getattr(caption, kind) for kind in LOOK) else ("part", "part_word")
    medium = replace(Caption(caption.noun), **{kind: getattr(caption, kind) for kind in kept})
    return text(caption, rng), text(medium, rng), text(shortened(caption, rng), rng)
