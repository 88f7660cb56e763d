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
    medium = _told(prompt, " ".join(words))
    # 'street lamp' is read as a lamp, where 'streetlamp' is understood: the category's own name does not always serve.
    return prompt, medium, _told(medium, category_of(understood.subject), understood.subject)


def _told(caption: str, *shorter: str) -> str:
    """The first of the shorter captions that claims something, and nothing that `caption` does not; else `caption`."""
    said = claims(parse_prompt(caption))
    return next((each for each in shorter if each and claims(parse_prompt(each)) <= said), caption)
