"""Instructions that change what a prompt says ('five legs', 'blade of gold', 'more rustic'): the prompt revised."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ml.constraints import Constraints
from ml.lexemes import MAX_CHARACTERS, lexemes, normalised
from ml.parametric.design import SIZE_WORDS
from ml.prompt import PartAttributes, Prompt, parse_prompt
from ml.vocabulary import category_of


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that only carry a wish ('give it five legs'), and those that mean 'without' ('remove the lid').
CARRY = _words(
    "add put change turn use set let paint become to more give make have has get want should into replace by them they"
    " all every each now instead style coloured colored finish look"
)
WITHOUT = _words("remove delete drop discard lose erase eliminate")
COMPARED = {"thinner": "thin", "slimmer": "slim", "slenderer": "slender", "thicker": "thick", "sturdier": "sturdy",
            "rounder": "round", "glossier": "glossy", "shinier": "shiny", "older": "old", "rustier": "rusty",
            "chunkier": "chunky", "squarer": "square", "curvier": "curvy"}  # fmt: skip
# Of each line a thing can be but one.
EITHER = (
    ("round", "square", "oval", "hexagonal", "octagonal"),
    ("slim", "thick"),
    ("open", "closed"),
    ("curved", "straight", "twisted", "tapered"),
    ("glossy", "matte", "worn", "rusty"),
    ("light", "dark"),
)
SURFACE = frozenset(("glossy", "matte", "worn", "rusty", "glowing", "light", "dark"))
# A length is better done to the mesh, which meets it exactly; the drawing has only one step of each.
SIZES = frozenset((*SIZE_WORDS, "long", "thick"))
THICKNESSES = frozenset(("slim", "thick"))  # of a part, which the builders know how to draw
UNITS = re.compile(r"[%‰×°*/]")
TOKEN = re.compile(r"[\w#'-]+|[^\w\s]")


@dataclass(frozen=True)
class Revision:
    """What an instruction asks of a drawing, by kind, and the prompt that says so."""

    prompt: Prompt
    counts: tuple[tuple[str, int], ...] = ()
    added: tuple[str, ...] = ()  # parts to be there
    removed: tuple[str, ...] = ()  # parts to go
    parts: tuple[PartAttributes, ...] = ()  # what parts are to be made of, coloured or shaped like
    styles: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()  # of the whole
    colors: tuple[str, ...] = ()
    words: tuple[str, ...] = ()  # shape and surface words for the whole
    ended: tuple[str, ...] = ()  # words that no longer hold ('not rusty')

    @property
    def understood(self) -> str:
        """What was understood, for people."""
        said = [f"{number} {part}" for part, number in self.counts]
        said += [f"with {part}" for part in self.added] + [f"without {part}" for part in (*self.removed, *self.ended)]
        for item in self.parts:
            said.append(f"{item.part}: {' '.join(filter(None, (*item.shapes, item.color, item.material)))}")
        return ", ".join([*said, *self.styles, *self.words, *self.colors, *self.materials])


def revise(prompt: Prompt, text: str) -> Revision | None:
    """The revision that an instruction asks of a prompt; None where a drawing's words cannot say all of it."""
    if len(text) > MAX_CHARACTERS or not category_of(prompt.subject):
        return None
    plain = _plain(text)
    said = parse_prompt(f"{prompt.subject}, {plain}")
    numbers = sum("number" in item for item in lexemes(plain))
    if numbers != len(said.counts) or UNITS.search(text):
        return None  # a number that is not how many: '30 % thicker'
    if said.subject != prompt.subject or said.ignored or said.constraints != Constraints() or said.truncated:
        return None
    own = parse_prompt(prompt.subject).attributes  # 'table' of a table lamp
    said = replace(said, attributes=tuple(word for word in said.attributes if word not in own))
    of_parts = {shape for item in said.parts for shape in item.shapes} - THICKNESSES
    if not SIZES.isdisjoint((*said.attributes, *of_parts)) or len(said.materials) > 1:
        return None
    before = {*prompt.attributes, *prompt.styles}
    counted = {part for part, _ in said.counts}
    found = Revision(
        prompt=_merged(prompt, said),
        counts=said.counts,
        added=tuple(item.part for item in said.parts if item == PartAttributes(item.part) and item.part not in counted),
        removed=tuple(word for word in said.negatives if word not in before),
        parts=tuple(item for item in said.parts if item != PartAttributes(item.part)),
        styles=said.styles,
        materials=said.materials,
        colors=said.colors,
        words=said.attributes,
        ended=tuple(word for word in said.negatives if word in before),
    )
    return found if found.understood else None


def _plain(text: str) -> str:
    """The instruction as a prompt would say it."""
    words = []
    for word in TOKEN.findall(normalised(text)):
        if word in WITHOUT:
            words.append("without")
        elif word == "it":
            words.append(",")  # the whole again: 'six legs and make it walnut'
        elif word not in CARRY:
            words.append(COMPARED.get(word, word))
    return " ".join(words)


def _merged(prompt: Prompt, said: Prompt) -> Prompt:
    """The prompt with what was said put over it; what contradicts it goes."""
    wanted = {item.part for item in said.parts} | {part for part, _ in said.counts}
    asked = {*wanted, *said.styles, *said.materials, *said.colors, *said.attributes}
    counts = {**dict(prompt.counts), **dict(said.counts)}
    no = set(said.negatives)
    return replace(
        prompt,
        styles=said.styles or tuple(style for style in prompt.styles if style not in no),
        materials=said.materials or tuple(name for name in prompt.materials if name not in no),
        # A new material comes in its own colour unless one is named with it.
        colors=said.colors or (() if said.materials else tuple(name for name in prompt.colors if name not in no)),
        attributes=_without_rivals([word for word in prompt.attributes if word not in no], said.attributes),
        parts=_parts(prompt.parts, said.parts, no),
        counts=tuple((part, number) for part, number in counts.items() if part not in no),
        negatives=tuple(dict.fromkeys((*(word for word in prompt.negatives if word not in asked), *said.negatives))),
    )


def _without_rivals(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """Old and new words, without old ones that a new one excludes."""
    gone = {other for word in new for line in EITHER if word in line for other in line}
    return tuple(dict.fromkeys((*(word for word in old if word not in gone), *new)))


def _parts(old: Iterable[PartAttributes], new: Iterable[PartAttributes], no: set[str]) -> tuple[PartAttributes, ...]:
    found = {item.part: item for item in old if item.part not in no}
    for item in new:
        before = found.get(item.part, PartAttributes(item.part))
        color = item.color or (None if item.material else before.color)
        shapes = _without_rivals(before.shapes, item.shapes)
        found[item.part] = PartAttributes(item.part, item.material or before.material, color, shapes)
    return tuple(found.values())
