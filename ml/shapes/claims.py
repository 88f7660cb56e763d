"""The colours and materials that a prompt states, and of which part it states each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml.prompt import Prompt
from ml.substances import SUBSTANCES, Color, color_of
from ml.vocabulary import GENERIC


@dataclass(frozen=True)
class Claim:
    """A word for a colour or a material, said of a part or ("") of the whole."""

    part: str
    word: str
    colors: tuple[Color, ...]  # linear; any of them is right; none where another word decides the colour
    substances: tuple[str, ...]  # any of them, in the order of their colours where these are theirs; none for a colour

    @property
    def metallic(self) -> bool | None:
        """None where the word says nothing of it."""
        return SUBSTANCES[self.substances[0]].metallic > 0.5 if self.substances else None


def claims_of(prompt: Prompt) -> list[Claim]:
    """What the prompt states of colours and materials: first of the whole, then of its parts."""
    found = [*_claims("", prompt.materials, prompt.colors)]
    for item in prompt.parts:
        found += _claims(item.part, [item.material] if item.material else [], [item.color] if item.color else [])
    return found


def _claims(part: str, materials: Sequence[str], colors: Sequence[str]) -> Iterator[Claim]:
    """A colour hides the material under it, of which then only metal can be told from what is none."""
    for word in colors:
        yield Claim(part, word, (color_of(word),), ())
    for word in materials:
        names = [name for name in SUBSTANCES if SUBSTANCES[name].family == word] if word in GENERIC else [word]
        yield Claim(part, word, () if colors else tuple(SUBSTANCES[name].color for name in names), tuple(names))
