"""What is said of a training example: one caption at three lengths, each of them true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.alignment.captions import Caption, shortened, text
from ml.alignment.tokens import claims
from ml.prompt import parse_prompt
from ml.vocabulary import category_of

LOOK = ("style", "material", "color")


def three_lengths(caption: Caption, rng: np.random.Generator) -> tuple[str, str, str]:
    """Everything; the noun with style, material and colour of the whole, or where none of these is said with the part
    that is; the noun and at most one thing. Each in one of several wordings."""
    kept = LOOK if any(getattr(caption, kind) for kind in LOOK) else ("part", "part_word")
    medium = replace(Caption(caption.noun), **{kind: getattr(caption, kind) for kind in kept})
    return text(caption, rng), text(medium, rng), text(shortened(caption, rng), rng)


def lengths_of(prompt: str) -> tuple[str, str, str]:
    """A prompt as it is, its noun with what is said of the whole, and its noun; for what no word of is understood,
    three times the prompt."""
    understood = parse_prompt(prompt)
    words = [*understood.styles, *understood.colors, *understood.materials, understood.subject]
    shorter = (" ".join(words), category_of(understood.subject))
    said = claims(understood)
    medium, short = (each if each and claims(parse_prompt(each)) <= said else prompt for each in shorter)
    return prompt, medium, short
