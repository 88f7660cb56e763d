"""What a prompt says: subject, styles, materials, colours, negatives and constraints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ml.constraints import Constraints as Constraints
from ml.constraints import extract_constraints
from ml.headnoun import Head, describes, find_head
from ml.lexemes import MAX_CHARACTERS, Lexeme, is_stop, lexemes, normalised
from ml.substances import SUBSTANCES
from ml.vocabulary import CATEGORIES, KINDS, LONG_AXIS, category_of, singular


@dataclass(frozen=True)
class PartAttributes:
    """What is said of a named part ('oak legs', 'a blade of gold'); all unset when it is only asked for ('a lid')."""

    part: str
    material: str | None = None
    color: str | None = None
    shapes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A parsed prompt; `text` is what was written, the rest is what was understood."""

    text: str
    subject: str = ""  # canonical noun phrase head as written, singular ('chair'); '' when none was found
    styles: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()  # shape words and kinds: tall, round, slim, coffee (table), …
    parts: tuple[PartAttributes, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()  # ('legs', 3)
    negatives: tuple[str, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    ignored: tuple[str, ...] = ()  # words nobody understood
    truncated: bool = False  # whether only the first 2,000 characters were read


def parse_prompt(text: str, negative: str = "") -> Prompt:
    """Understand a prompt; never fails, whatever the text, in time linear in its first 2,000 characters."""
    plain = normalised(text)
    constraints, rest = extract_constraints(plain, "width")
    items = lexemes(rest)
    head = find_head(items)
    long_axis = LONG_AXIS.get(category_of(head.noun) if head else "", "width")
    if long_axis != "width":
        constraints, _ = extract_constraints(plain, long_axis)
    reader = _Reader(head)
    for at, item in enumerate(items):
        reader.read(at, item)
    reader.end_clause()
    unwanted = _Reader(None)
    unwanted.negating = True
    for at, item in enumerate(lexemes(normalised(negative))):
        unwanted.read(at, item)
        unwanted.negating = True
    unwanted.end_clause()
    return reader.result(text, constraints, unwanted.negatives)


Target = Literal["head", "part", "other"]


@dataclass
class _Reader:
    """Reads lexemes in order: adjectives wait until the noun they belong to is known."""

    head: Head | None
    target: Target = "head"
    linked: bool = False  # the words since the last noun came after 'of', 'in', 'made', 'painted' …
    negating: bool = False
    seen: bool = False  # whether the subject has been read
    pending: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Lexeme] = field(default_factory=list)
    found: dict[str, list[str]] = field(default_factory=dict)
    parts: list[PartAttributes] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    negatives: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def read(self, at: int, item: Lexeme) -> None:
        """Take the next lexeme."""
        if is_stop(item):
            self.end_clause()
        elif "negation" in item:
            self.flush()
            self.end_refusal()
            self.negating = True
        elif self.negating:
            self.refuse(item)
        elif self.head and at == self.head.at:
            self.at_head(item)
        elif self.breaks(at, item):
            self.flush()
            self.linked = "link" in item
        else:
            self.describe(at, item)

    def breaks(self, at: int, item: Lexeme) -> bool:
        """Whether a preposition or participle ends the words before it ('painted chair' does not)."""
        early = self.head is not None and at < self.head.at
        return "break" in item and not (early and item.adjective is not None)

    def describe(self, at: int, item: Lexeme) -> None:
        """Take a word that is neither punctuation, negation, preposition nor the subject."""
        early = self.head is not None and self.head.start <= at < self.head.at
        counted = "part" in item and any(sense == "number" for sense, _ in self.pending)
        if (
            early
            and not counted
            and "kind" in item
            and ("noun" in item or item.adjective is None or self.names_plant(item))
        ):
            self.add("attributes", item.text)
        elif item.adjective and not ("part" in item and not early):
            self.pending.append(item.adjective)
        elif "number" in item:
            self.pending.append(("number", item.senses["number"]))
        elif "part" in item:
            self.at_part(item.senses["part"], early)
        elif item.unknown or "noun" in item:
            self.pending.append(("unknown" if item.unknown else "object", item.text))

    def names_plant(self, item: Lexeme) -> bool:
        """'pine' before 'tree' is its kind, not what it is made of."""
        return self.head is not None and category_of(self.head.noun) == "tree" and "material" in item

    def at_head(self, item: Lexeme) -> None:
        """The subject takes everything that waited; leading words of its phrase ('coffee table') are kinds."""
        self.target = "head"
        self.flush()
        self.seen = True
        for word in item.text.split()[:-1]:
            if word in KINDS:
                self.add("attributes", word)

    def at_part(self, part: str, early: bool) -> None:
        """A part takes the number, material, colour and shapes before it; 'six drawer oak chest' only the number."""
        waiting, self.pending = self.pending, []
        numbers = [int(value) for sense, value in waiting if sense == "number"]
        if numbers:
            self.counts[part] = min(numbers[-1], 999)
        if early:
            self.pending = [pair for pair in waiting if pair[0] != "number"]
            waiting = []
        self.parts.append(self.attributed(PartAttributes(part), waiting))
        self.target, self.linked = ("head" if early else "part"), False

    def attributed(self, part: PartAttributes, words: list[tuple[str, str]]) -> PartAttributes:
        """The part with materials, colours and shapes from `words`; styles go to the whole."""
        by = {sense: [value for kind, value in words if kind == sense] for sense in ("material", "color", "shape")}
        for sense, value in words:
            if sense == "style":
                self.add("styles", value)
            elif sense in ("unknown", "object"):
                self.ignored.append(value)
        material = by["material"][0] if by["material"] else part.material
        color = by["color"][0] if by["color"] else part.color
        return PartAttributes(part.part, material, color, (*part.shapes, *by["shape"]))

    def flush(self) -> None:
        """Give what waits to the noun it follows; what describes another object is dropped."""
        words, self.pending = self.pending, []
        if not words:
            return
        sense, last = words[-1]
        foreign = self.seen and (sense == "object" or (sense == "unknown" and not describes(last)))
        if foreign or self.target == "other":
            self.ignored += [value for _, value in words]
            self.target = "other"
        elif self.target == "part" and self.parts:
            self.parts[-1] = self.attributed(self.parts[-1], words)
        else:
            for sense, value in words:
                self.add({"shape": "attributes"}.get(sense, sense + "s"), value)

    def add(self, field_name: str, value: str) -> None:
        """Note a word once."""
        if field_name in ("unknowns", "objects", "numbers"):
            self.ignored.append(value)
        elif value not in self.found.setdefault(field_name, []):
            self.found[field_name].append(value)

    def refuse(self, item: Lexeme) -> None:
        """Collect a negated phrase: 'no arms or legs' is two, 'no metal legs' one."""
        if "break" in item or item.text == "but":
            self.end_refusal()
            self.linked = "link" in item
        elif item.text in ("or", "and", "&", "+"):
            self.end_refusal()
            self.negating = True
        elif item.text not in ("-",) and not ("filler" in item and item.adjective is None):
            self.refused.append(item)

    def end_refusal(self) -> None:
        """Close a negated phrase: its adjectives count one by one unless they describe a noun."""
        words, self.refused, self.negating = self.refused, [], False
        names = [_canonical(item) for item in words]
        if words and all(item.adjective for item in words):
            self.negatives += names
        elif names:
            self.negatives.append(" ".join(names))

    def end_clause(self) -> None:
        """Punctuation: nothing waits any longer, and what follows is again about the whole."""
        self.flush()
        self.end_refusal()
        self.target, self.linked = "head", False

    def result(self, text: str, constraints: Constraints, unwanted: list[str]) -> Prompt:
        """The prompt as understood, everything negated taken out."""
        negatives = tuple(dict.fromkeys([*self.negatives, *unwanted]))
        kept = {key: tuple(v for v in values if not _negated(v, negatives)) for key, values in self.found.items()}
        return Prompt(
            text=text,
            subject=singular(self.head.noun, CATEGORIES) if self.head else "",
            parts=_merged(self.parts, negatives),
            counts=tuple((part, n) for part, n in self.counts.items() if part not in negatives),
            negatives=negatives,
            constraints=constraints,
            ignored=tuple(dict.fromkeys(self.ignored)),
            truncated=len(text) > MAX_CHARACTERS,
            **kept,
        )


def _canonical(item: Lexeme) -> str:
    order = ("part", "shape", "style", "material", "color", "noun")
    return next((item.senses[sense] for sense in order if sense in item), item.text)


def _negated(value: str, negatives: tuple[str, ...]) -> bool:
    """'not metal' also rules out iron."""
    family = SUBSTANCES[value].family if value in SUBSTANCES else value
    return value in negatives or family in negatives


def _merged(parts: list[PartAttributes], negatives: tuple[str, ...]) -> tuple[PartAttributes, ...]:
    """One entry a part, later words winning, without what was negated of it ('no metal legs')."""
    found: dict[str, PartAttributes] = {}
    for item in parts:
        if item.part in negatives:
            continue
        old = found.get(item.part, PartAttributes(item.part))
        material, color = item.material or old.material, item.color or old.color
        if material and (_negated(material, negatives) or f"{material} {item.part}" in negatives):
            material = None
        if color and (color in negatives or f"{color} {item.part}" in negatives):
            color = None
        shapes = tuple(dict.fromkeys(s for s in (*old.shapes, *item.shapes) if s not in negatives))
        found[item.part] = PartAttributes(item.part, material, color, shapes)
    return tuple(found.values())
