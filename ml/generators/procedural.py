"""Prompts to parametric assets: a known noun becomes named closed parts whose shape and materials follow the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ml.asset import Asset, Part, make_part
from ml.generators.protocol import InputKind, Refusal, Request
from ml.parametric.catalogue import BUILDERS
from ml.parametric.design import Design, Piece
from ml.parametric.finishes import Wardrobe
from ml.parametric.shading import CREASE_DEGREES, shade
from ml.parametric.solid import join
from ml.prompt import Prompt, parse_prompt
from ml.vocabulary import LONG_AXIS, STYLES, category_of, nearest

LOW_POLY_DETAIL = 0.4  # of the asked detail: a 24-sided lathe becomes an 8-sided one


@dataclass(frozen=True)
class ProceduralOptions:
    """How finely curves are cut."""

    detail: float = field(
        default=1.0, metadata={"min": 0.3, "max": 3.0, "help": "segments of curves, relative to the default"}
    )


class Procedural:
    """Draws what it knows, and refuses what it does not."""

    name: ClassVar[str] = "procedural"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt",))
    gpus: ClassVar[float] = 0.0

    def __init__(self, options: ProceduralOptions = ProceduralOptions()) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> list[Asset | Refusal]:
        """One asset or refusal a request, in order."""
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Asset | Refusal:
        drawn = self.draw(request, np.random.default_rng(request.seed % 2**63))
        return drawn if isinstance(drawn, Refusal) else drawn[0]

    def draw(self, request: Request, rng: np.random.Generator) -> tuple[Asset, dict[str, int]] | Refusal:
        """The asset with chance from `rng`, and how many of each part that comes in numbers it has."""
        prompt = request.prompt or parse_prompt("")
        category = named_category(prompt, request.category)
        if isinstance(category, Refusal):
            return category
        design = _design(prompt, request.style, category, rng, self.options.detail)
        pieces = [piece for piece in BUILDERS[category](design) if piece.name not in design.refused]
        if not pieces:
            return Refusal("prompt.nothing-left", f"every part of the {category} is negated in the prompt")
        wardrobe = Wardrobe(prompt, design.style, pieces, rng)
        low_poly = design.style == "low-poly"
        parts = _parts(_united(pieces), wardrobe, 1.0 if low_poly else CREASE_DEGREES)
        asset = Asset(parts, name=prompt.subject or category).noted(category=category, style=design.style)
        return asset, design.counted


def named_category(prompt: Prompt, given: str) -> str | Refusal:
    """The category to draw: the prompt's noun, else the request's own; a refusal names the nearest known nouns."""
    noun = prompt.subject or given.strip().lower()
    if not noun and not any(c.isalnum() for c in prompt.text):
        return Refusal("prompt.empty", "the prompt is empty")
    category = category_of(noun)
    wanted = {item.part for item in prompt.parts}
    if category == "chest" and "drawers" in wanted:
        return "dresser"
    if category:
        return category
    hints = nearest(noun)
    named = f"'{noun[:60]}' is not among the known nouns" if noun else "the prompt names no object"
    return Refusal("prompt.unknown-noun", f"{named}; nearest known: {', '.join(hints)}", hints)


def _design(prompt: Prompt, style: str, category: str, rng: np.random.Generator, detail: float) -> Design:
    given = STYLES.get(style.strip().lower().replace("_", "-"), "") if style else ""
    styles = tuple(s for s in (*prompt.styles, given) if s and s not in prompt.negatives)
    low_poly = "low-poly" in styles
    form = next((s for s in styles if s != "low-poly"), "low-poly" if low_poly else "")
    words = {*prompt.attributes, *styles, *prompt.subject.split()} - set(prompt.negatives)
    return Design(
        rng=rng,
        words=frozenset(words),
        style="low-poly" if low_poly else form,
        counts=dict(prompt.counts),
        asked=frozenset(item.part for item in prompt.parts),
        refused=frozenset(prompt.negatives),
        part_shapes={item.part: item.shapes for item in prompt.parts},
        detail=detail * (LOW_POLY_DETAIL if low_poly else 1.0),
        long_axis=LONG_AXIS.get(category, "width"),
    )


def _united(pieces: list[Piece]) -> list[Piece]:
    """Pieces of one name and finish as one; the name is what a prompt and a viewer see."""
    groups: dict[tuple[str, str, str, str, str], list[Piece]] = {}
    for piece in pieces:
        groups.setdefault((piece.name, piece.substance, piece.role, piece.color, piece.glow), []).append(piece)
    return [Piece(g[0].name, join(p.solid for p in g), *key[1:]) for key, g in groups.items()]  # type: ignore[arg-type]


def _parts(pieces: list[Piece], wardrobe: Wardrobe, crease: float) -> tuple[Part, ...]:
    """Pieces as parts with normals, standing on y = 0 and centred on x and z; shaded in one pass over all of them."""
    whole = join(piece.solid for piece in pieces)
    low, high = whole.vertices.min(axis=0), whole.vertices.max(axis=0)
    middle = np.array(((low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2))
    vertices, normals, faces = shade(whole.vertices - middle, whole.faces, crease)
    ends = np.cumsum([0, *(len(piece.solid.faces) for piece in pieces)])
    parts = []
    for piece, start, end in zip(pieces, ends[:-1], ends[1:], strict=True):
        used, local = np.unique(faces[start:end], return_inverse=True)
        material = wardrobe.material(piece)
        mesh = make_part(vertices[used], local.reshape(-1, 3), material, name=piece.name, normals=normals[used])
        parts.append(mesh)
    return tuple(parts)
