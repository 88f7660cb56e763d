"""Instructions in plain words as edits: 'make the legs 20 % longer and the seat red', 'blade of gold', 'more worn'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from ml.asset import InputError
from ml.edits import (
    Axis,
    Bend,
    Edit,
    Glow,
    Mirror,
    Palette,
    Polish,
    Recolor,
    Remove,
    Resize,
    Rotate,
    SetMaterial,
    Smooth,
    Taper,
    Tone,
    Twist,
    Wear,
)
from ml.instruction_clause import Clause, read_clause, unknown
from ml.instruction_items import Item, Quantity, clauses
from ml.instruction_words import ADVERBS, SIZES, Size
from ml.lexemes import MAX_CHARACTERS, Lexeme
from ml.part_names import parts_named

STEP = 0.25  # 'longer' without a number is a quarter longer: the least that nobody overlooks
LEAST, MOST = 0.01, 100.0  # factors beyond which an extent is a slip of the pen
MAX_METRES = 1000.0
MEASURED = frozenset(("rotate", "turn", "bend", "taper", "twist"))  # actions that a number may belong to


def parse_instruction(text: str, parts: Sequence[str], subject: str = "") -> tuple[Edit, ...]:
    """The edits that an instruction asks for, in its order; `parts` are the asset's part names, `subject` its noun.

    Every word has to be understood: what is not would be left undone in silence. A clause without a part is about
    the part of the clause before it ('make the legs longer and thinner'), and about the whole asset, or the region
    that goes with the instruction, at first. Raises InputError `instruction.empty`, `instruction.too-long`,
    `instruction.unknown`, `instruction.no-part`, `instruction.amount` for a size that cannot be, and
    `instruction.conflict` for two different answers to one question.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError("instruction.too-long", f"{len(text)} characters; the limit is {MAX_CHARACTERS}")
    edits: list[Edit] = []
    target: list[str] = []
    waiting: list[str] = []  # parts named before it is said what is to become of them
    latest: list[Edit] = []
    for items in _noun_phrases(clauses(text), parts):
        clause = read_clause(items, parts, subject)
        if latest and isinstance(latest[-1], Palette) and clause.colors and not clause.actions and not clause.parts:
            edits[-1] = latest[-1] = Palette((*latest[-1].colors, *clause.colors))
            continue
        if clause.parts and not clause.asks:
            waiting += clause.parts
            continue
        if clause.asks:
            own = list(dict.fromkeys((*waiting, *clause.parts)))
            target = [] if clause.whole and not own else own or target
            latest, waiting = list(clause_edits(clause, target or [""], parts)), []
            edits += latest
    if waiting:
        if not latest:
            raise InputError("instruction.unknown", f"it is not said what is to become of {', '.join(waiting)}")
        edits += [_about(edit, part) for part in waiting for edit in _of_one_part(latest)]
    return _settled(edits)


def _noun_phrases(found: list[list[Item]], parts: Sequence[str]) -> list[list[Item]]:
    """Adjectives before a part in one clause with it: 'longer, thinner legs' are both about the legs."""
    joined: list[list[Item]] = []
    for items in found:
        *before, last = items
        named = isinstance(last, Lexeme) and bool(parts_named(last.text, parts))
        if named and before and all(map(_describes, before)) and joined and all(map(_describes, joined[-1])):
            joined[-1] = joined[-1] + items
        else:
            joined.append(items)
    return joined


def _describes(item: Item) -> bool:
    """Whether it is an adjective or belongs to one."""
    return isinstance(item, Quantity) or item.text in SIZES or item.text in ADVERBS or item.adjective is not None


def _of_one_part(edits: Sequence[Edit]) -> list[Edit]:
    """The last edits, one for each question, without their part ('red legs and seat')."""
    if any(isinstance(edit, Palette) for edit in edits):
        raise unknown("palette of a part")
    return list({_question(_about(edit, "")): edit for edit in edits}.values())


def _about(edit: Edit, part: str) -> Edit:
    return cast(Edit, replace(cast(Any, edit), part=part))


def _settled(edits: list[Edit]) -> tuple[Edit, ...]:
    """The edits without repeats; raises `instruction.empty` and `instruction.conflict`."""
    if not edits:
        raise InputError("instruction.empty", "the instruction asks for nothing")
    unique = list(dict.fromkeys(edits))
    questions: dict[object, Edit] = {}
    for edit in unique:
        other = questions.setdefault(_question(edit), edit)
        if other != edit:
            raise InputError("instruction.conflict", f"{other} and {edit} cannot both be")
    return tuple(unique)


def _question(edit: Edit) -> object:
    """What only one edit of an instruction may answer."""
    look = isinstance(edit, Recolor | SetMaterial)
    axis = getattr(edit, "axis", "")
    return ("look" if look else type(edit).__name__, getattr(edit, "part", ""), axis)


def clause_edits(clause: Clause, targets: Sequence[str], parts: Sequence[str]) -> Iterator[Edit]:
    """The edits of one clause to each of its targets."""
    actions = set(clause.actions)
    if "palette" in actions:
        if not clause.colors:
            raise InputError("instruction.unknown", "a palette without colours; write 'palette #aa3311 #223344'")
        yield Palette(tuple(clause.colors))
        return
    removing = clause.none or "remove" in actions or "off" in actions
    for part in targets:
        made = list(_removals(clause, part, actions)) if removing else [*_looks(clause, part), *_shapes(clause, part)]
        if not made:
            raise InputError("instruction.unknown", f"it is not said what to do{f' to {part}' if part else ''}")
        yield from made


def _removals(clause: Clause, part: str, actions: set[str]) -> Iterator[Edit]:
    """'remove the glow', 'no rust', 'take off the lid'."""
    if actions & {"glow", "off"}:
        yield Glow(part, on=False)
    if actions & {"worn", "rust"} or "rust" in clause.colors:
        yield Wear(part, -1.0, rust=bool("rust" in actions or "rust" in clause.colors))
    if actions & {"gloss"}:
        yield Polish(part, -0.6)
    left = actions - {"remove", "off", "glow", "worn", "rust", "gloss"}
    if left or clause.sizes or (set(clause.colors) - {"rust"}) or clause.materials or clause.quantities:
        raise unknown(" ".join(sorted(left)) or "to remove that")
    if not actions & {"glow", "off", "worn", "rust", "gloss"} and "rust" not in clause.colors:
        if not part or not clause.parts:
            raise InputError("instruction.unknown", "it is not said which part to remove")
        yield Remove(part)


def _looks(clause: Clause, part: str) -> Iterator[Edit]:
    """Colours, materials, glow and finish."""
    actions, sign = clause.actions, -1.0 if clause.fewer else 1.0
    color = clause.colors[0] if clause.colors else ""
    if len(set(clause.colors)) > 1 or len(set(clause.materials)) > 1:
        said = ", ".join((*clause.colors, *clause.materials))
        raise InputError("instruction.conflict", f"{said} cannot all be; 'palette' takes several colours")
    if "glow" in actions:
        yield Glow(part, not clause.fewer, "" if clause.fewer else color)
    elif clause.materials:
        yield SetMaterial(part, clause.materials[0], color)
    elif "rust" in clause.colors and "add" in actions:
        yield Wear(part, 0.6, rust=True)
    elif color:
        yield Recolor(part, color)
    amounts = {"worn": 0.6, "rust": 0.6, "fresh": -1.0}
    for action in dict.fromkeys(actions):
        if action in amounts:
            yield Wear(part, max(-1.0, min(1.0, sign * amounts[action] * _measured(clause))), rust=action == "rust")
        elif action in ("gloss", "dull"):
            yield Polish(part, sign * (0.6 if action == "gloss" else -0.6) * min(1.5, _measured(clause)))
        elif action in ("darker", "lighter"):
            yield Tone(part, sign * (0.12 if action == "lighter" else -0.12) * _measured(clause))


def _measured(clause: Clause) -> float:
    """How strongly: 'much' 1.5 times as much, 'slightly' half."""
    return 1.5 if clause.strength > 1.0 else 0.5 if clause.strength < 1.0 else 1.0


def _shapes(clause: Clause, part: str) -> Iterator[Edit]:
    """Sizes, turns and deformations."""
    actions = set(clause.actions)
    if (
        clause.sizes
        or clause.extents
        or (clause.quantities and not actions & {"rotate", "turn", "bend", "taper", "twist"})
    ):
        yield from _sizes(clause, part)
    if actions & {"rotate", "turn"} and (clause.quantities or clause.turn or clause.upside_down or "rotate" in actions):
        yield _turned(clause, part)
    if "mirror" in actions:
        yield Rotate(part, "depth", 180.0) if clause.upside_down else Mirror(part, _axis(clause, "width"))
    if "smooth" in actions:
        yield Smooth(part, _measured(clause))
    if "bend" in actions:
        yield Bend(part, _degrees(clause, 30.0 * _measured(clause)))
    if "twist" in actions:
        yield Twist(part, _degrees(clause, 90.0 * _measured(clause)))
    if "taper" in actions:
        yield Taper(part, _factor(clause, Size("", -1, True)) if clause.quantities else 0.6 / _measured(clause) ** 0.5)


def _axis(clause: Clause, default: Axis) -> Axis:
    return next((axis for axis in clause.axes if axis), default)


def _turned(clause: Clause, part: str) -> Rotate:
    if clause.upside_down:
        return Rotate(part, "depth", 180.0)
    return Rotate(part, _axis(clause, "height"), _degrees(clause, 90.0) * (clause.turn or 1))


def _degrees(clause: Clause, default: float) -> float:
    """The angle said; raises `instruction.amount` for another kind of number or more than ten turns."""
    if not clause.quantities:
        return default
    quantity = clause.quantities[0]
    if quantity.kind not in ("degrees", "plain") or not 0.0 < abs(quantity.value) <= 3600.0:
        raise InputError("instruction.amount", "an angle has to be a number of degrees, at most 3600")
    return quantity.value


def _sizes(clause: Clause, part: str) -> Iterator[Resize]:
    """One resize for each size word; the nouns 'height', 'width' … go with verbs that have no axis ('reduce')."""
    nouns: list[Axis] = [axis for axis in clause.extents if axis]
    words = [replace(size, axis=nouns[0]) if nouns and not size.axis else size for size in clause.sizes]
    if clause.fewer:
        words = [replace(size, sign=-size.sign, compared=True) for size in words]
    for size in words or [Size(nouns[0] if nouns else "", 0, False)]:
        axis: Axis = size.axis
        if not part and axis == "length" and size.sign < 0:
            axis = "height"  # a shorter chair is a lower one
        quantity = clause.quantities[0] if clause.quantities else None
        if quantity is None or quantity.kind != "metres":
            yield Resize(part, axis, _factor(clause, size))
        elif not 0.0 < quantity.value <= MAX_METRES or not axis:
            raise InputError("instruction.amount", f"{quantity.value} m of which extent? Say height, width or depth")
        elif size.compared and not clause.to:
            yield Resize(part, axis, size.sign * quantity.value, "metres more")
        else:
            yield Resize(part, axis, quantity.value, "metres")


def _factor(clause: Clause, size: Size) -> float:
    """How many times; raises `instruction.amount` outside 0.01–100 and `instruction.unknown` where it is not said."""
    quantity = clause.quantities[0] if clause.quantities else None
    if len(clause.quantities) > 1:
        raise InputError("instruction.amount", "one amount at a time")
    if quantity is None:
        if not size.sign:
            raise InputError("instruction.unknown", "it is not said how much larger or smaller")
        factor = float((1.0 + STEP * clause.strength) ** size.sign)
    elif quantity.kind == "percent":
        share = quantity.value / 100.0
        absolute = clause.to or clause.rated or not size.sign
        factor = share if absolute else 1.0 + size.sign * share
    else:
        factor = _times(quantity, clause, size)
    if not LEAST <= factor <= MOST or factor == 1.0:
        raise InputError(
            "instruction.amount", f"{factor:g} times the size; it has to lie within {LEAST:g} and {MOST:g}"
        )
    return factor


def _times(quantity: Quantity, clause: Clause, size: Size) -> float:
    """'twice as thin' and 'shrink by 2' are halves, 'a third taller' is 4/3; 'half the height' is what it says."""
    value = quantity.value
    if quantity.kind == "degrees" or value <= 0.0:
        raise InputError("instruction.amount", "a size has to be a positive number of times, percent or metres")
    if clause.to or not size.sign or clause.extents:
        return value
    if size.compared and value < 1.0:
        if quantity.kind == "plain":
            raise InputError("instruction.amount", f"{value:g} larger or smaller: times or percent?")
        return 1.0 + size.sign * value
    return 1.0 / value if size.sign < 0 else value
