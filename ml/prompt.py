"""What a prompt says: subject, styles, materials, colours, negatives and constraints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Constraints:
    """Limits stated in the prompt's own words ('under 5000 triangles', '30 cm tall'), in SI units."""

    max_triangles: int | None = None
    height_m: float | None = None
    width_m: float | None = None
    depth_m: float | None = None


@dataclass(frozen=True)
class PartAttributes:
    """A material or colour said of a named part ('oak legs', 'a blade of gold')."""

    part: str
    material: str | None = None
    color: str | None = None


@dataclass(frozen=True)
class Prompt:
    """A parsed prompt; `text` is what was written, the rest is what was understood."""

    text: str
    subject: str = ""  # canonical noun phrase head as written, singular ('chair'); '' when none was found
    styles: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()  # shape words: tall, round, slim, wide, …
    parts: tuple[PartAttributes, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()  # ('legs', 3)
    negatives: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    ignored: tuple[str, ...] = ()  # words nobody understood


def parse_prompt(text: str, negative: str = "") -> Prompt:
    """Understand a prompt; never fails, whatever the text."""
    raise NotImplementedError
