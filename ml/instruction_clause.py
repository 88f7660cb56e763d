"""One clause of an instruction, word by word: what it is about, what is to be done, how much and in which look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ml.asset import InputError
from ml.edits import Axis
from ml.instruction_items import Item, Quantity
from ml.instruction_words import (
    ACTIONS,
    ADVERBS,
    AXIS_WORDS,
    EXTENTS,
    FEWER,
    NONE,
    SILENT,
    SIZES,
    TIMES,
    TOO,
    TURNS,
    WHOLE,
    Size,
)
from ml.lexemes import DETERMINERS, Lexeme
from ml.part_names import listed, parts_named
from ml.substances import SHADES
from ml.vocabulary import category_of

UNDERSTOOD = (
    "understood are sizes ('legs 20 % longer', 'twice as tall', '1.2 m high'), looks ('red seat', 'blade of gold',"
    " 'remove the glow', 'more worn', 'rusty', 'polished', 'palette #aa3311 #223344') and shapes ('rotate 90 degrees',"
    " 'mirror', 'smooth', 'bend', 'taper', 'twist', 'remove the lid')"
)
LOOKS = ("material", "color")


@dataclass
class Clause:
    """What the words of a clause were found to say."""

    parts: list[str] = field(default_factory=list)  # names as the asset has them
    sizes: list[Size] = field(default_factory=list)
    extents: list[Axis] = field(default_factory=list)  # 'height', 'width' as nouns
    actions: list[str] = field(default_factory=list)
    colors: list[str] = field(default_factory=list)
    materials: list[str] = field(default_factory=list)
    quantities: list[Quantity] = field(default_factory=list)
    axes: list[Axis] = field(default_factory=list)
    turn: int = 0  # 1 counter-clockwise, −1 clockwise, 0 unsaid
    strength: float = 1.0  # of 'much' and 'slightly'
    fewer: bool = False  # 'less worn', 'too long'
    none: bool = False  # 'no legs', 'without'
    whole: bool = False  # 'it', 'everything'
    to: bool = False  # 'to 40 cm'
    rated: bool = False  # 'as tall'
    upside_down: bool = False

    @property
    def asks(self) -> bool:
        """Whether anything is to be done."""
        said = (self.sizes, self.extents, self.actions, self.colors, self.materials, self.quantities)
        return self.none or any(said)


def read_clause(items: Sequence[Item], parts: Sequence[str], subject: str) -> Clause:
    """The clause understood; raises InputError `instruction.unknown` and `instruction.no-part`."""
    clause = Clause()
    for at, item in enumerate(items):
        if isinstance(item, Quantity):
            clause.quantities.append(item)
        elif (_is_part(item, parts) and not (at == 0 and item.text in ACTIONS)) or not _known_word(clause, item):
            _by_sense(clause, item, parts, subject)
    clause.upside_down = any(isinstance(i, Lexeme) and i.text == "upside" for i in items)
    if clause.whole and clause.parts:
        clause.whole = False  # 'all legs', 'the whole handle'
    return clause


def _is_part(item: Lexeme, parts: Sequence[str]) -> bool:
    """Whether it names a part, even if it is a word of instructions too: 'back', 'mirrors', 'light'."""
    return bool(parts_named(item.text, parts)) and ("part" in item or item.text in {name.lower() for name in parts})


def _known_word(clause: Clause, item: Lexeme) -> bool:
    """Take one of the words of instructions; False for any other."""
    text = item.text
    if text in SIZES:
        clause.sizes.append(SIZES[text])
    elif text in EXTENTS:
        clause.extents.append(EXTENTS[text])
    elif text in TIMES:
        clause.quantities.append(Quantity("times", TIMES[text]))
    elif text in ADVERBS:
        clause.strength = ADVERBS[text]
    elif text in FEWER or text in TOO:
        clause.fewer = not clause.fewer
    elif text in NONE:
        clause.none = True
    elif text in ACTIONS:
        clause.actions.append(ACTIONS[text])
    elif text in TURNS:
        clause.turn = TURNS[text]
        clause.axes.append("")
    elif text in AXIS_WORDS:
        clause.axes.append(AXIS_WORDS[text])
    else:
        return _pointer(clause, text)
    return True


def _pointer(clause: Clause, text: str) -> bool:
    """Take a word that points or says nothing."""
    clause.to |= text == "to"
    clause.rated |= text == "as"
    clause.whole |= text in WHOLE
    return text in WHOLE or text in SILENT or text in DETERMINERS


def _by_sense(clause: Clause, item: Lexeme, parts: Sequence[str], subject: str) -> None:
    """Take a word by what the vocabulary knows of it: a part, a look, the thing itself."""
    named = parts_named(item.text, parts)
    look = next((sense for sense in LOOKS if sense in item), None)
    if named and not (look and "part" not in item):
        clause.parts += [parts[k] for k in named if parts[k] not in clause.parts]
    elif look:
        (clause.materials if look == "material" else clause.colors).append(item.senses[look])
    elif item.senses.get("shape") == "glowing":
        clause.actions.append("glow")
    elif "shade" in item or item.text in SHADES or "filler" in item:
        if item.text in ("dark", "bright", "pale", "deep"):
            clause.actions.append("darker" if item.text == "dark" else "lighter")
        elif "shade" in item:
            raise unknown(item.text)
    elif "noun" in item and item.text not in ("", *(p.lower() for p in parts)):
        _thing(clause, item, parts, subject)
    elif "part" in item:
        raise no_part(item.text, parts)
    else:
        raise unknown(item.text)


def _thing(clause: Clause, item: Lexeme, parts: Sequence[str], subject: str) -> None:
    """'the chair' is the asset when nothing is known to the contrary."""
    own = category_of(subject)
    if own and category_of(item.text) != own:
        raise no_part(item.text, parts)
    if not own and "part" in item:
        raise no_part(item.text, parts)
    clause.whole = True


def unknown(word: str) -> InputError:
    """What is raised for words that mean nothing here."""
    return InputError("instruction.unknown", f"{word[:60]!r} is not understood; {UNDERSTOOD}")


def no_part(word: str, parts: Sequence[str]) -> InputError:
    """What is raised for a part that the asset does not have."""
    return InputError("instruction.no-part", f"there is no part {word[:60]!r}; there are: {listed(parts)}")
