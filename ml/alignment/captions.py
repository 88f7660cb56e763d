"""Seeded captions over the prompt grammar, and the same caption with one word changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ml.alignment.tokens import claims
from ml.prompt import parse_prompt
from ml.substances import SUBSTANCES, color_of
from ml.vocabulary import CATEGORIES, COLOR_WORDS, MATERIAL_WORDS, NUMBERS, PARTS, SHAPES, STYLES

# Shares of the captions that say something of a kind; ours, so that a caption says 2.5 things on average.
SAYS = {"style": 0.3, "material": 0.45, "color": 0.5, "shape": 0.4, "part": 0.45, "without": 0.12, "count": 0.12}
ALIAS = 0.25  # how often a word is replaced by one that means the same
SHADED = 0.12  # of the colours
RENAMED = 0.25  # of the changes are to the noun, which is the easiest to see
# Words that change no picture taken at one size: size, gloss, wear; those that are said of light; and 'deep', which
# before a colour is a shade.
UNSEEN = ("small", "large", "glossy", "matte", "worn", "painted", "glowing", "rusty", "upholstered", "carved", "deep")
APART = 0.12  # least Euclidean distance of gamma-encoded colours that two words need to be told apart by
COUNTED = ("legs", "drawers", "doors", "shelves", "wheels", "windows", "branches", "candles", "fins", "arms")


@dataclass(frozen=True)
class Caption:
    """What is said of one asset; each value is a word as it will be written, "" where nothing is said."""

    noun: str
    style: str = ""
    material: str = ""
    color: str = ""
    shape: str = ""
    part: str = ""
    part_word: str = ""  # colour or material of the part
    without: str = ""
    counted: str = ""
    count: str = ""

    def kinds(self) -> list[str]:
        """The fields that can be changed."""
        kinds = ("noun", "style", "material", "color", "shape", "part_word", "without", "count")
        return [kind for kind in kinds if getattr(self, kind)]


def draw(rng: np.random.Generator, parts: Mapping[str, Sequence[str]], category: str = "") -> Caption:
    """A random caption, of any category where none is given; `parts` are the parts that assets of each have."""
    category = category or _pick(rng, _values(CATEGORIES))
    says = {kind: rng.random() < share for kind, share in SAYS.items()}
    if says["material"] and says["color"] and rng.random() < 0.7:  # a colour hides the material under it
        says[_pick(rng, ("material", "color"))] = False
    has = [part for part in parts[category] if part in PARTS]
    caption = Caption(_synonym(rng, CATEGORIES, category))
    for kind in ("style", "material", "color", "shape"):
        if says[kind]:
            caption = replace(caption, **{kind: _word(rng, kind)})
    if says["part"] and has:
        caption = replace(caption, part=_pick(rng, has), part_word=_word(rng, _pick(rng, ("color", "material"))))
    elif says["without"] and len(has) > 1:
        caption = replace(caption, without=_pick(rng, has))
    countable = [part for part in has if part in COUNTED and part not in (caption.part, caption.without)]
    if says["count"] and countable:
        caption = replace(caption, counted=_pick(rng, countable), count=_word(rng, "count"))
    return caption


def changed(
    rng: np.random.Generator, caption: Caption, parts: Mapping[str, Sequence[str]], kind: str = ""
) -> tuple[str, Caption]:
    """(kind, the caption with one word of that kind changed for one that means something else)."""
    if not kind:
        others = [each for each in caption.kinds() if each != "noun"]
        kind = _pick(rng, others) if others and rng.random() > RENAMED else "noun"
    old = getattr(caption, kind)
    if kind == "without":  # the part is wanted after all
        return kind, replace(caption, without="", part=old)
    named = {caption.part, caption.without, caption.counted} - {""}
    said = claims(parse_prompt(text(caption)))
    while True:
        if kind == "noun":
            fitting = [name for name, has in parts.items() if named <= set(has)]
            new = _synonym(rng, CATEGORIES, _pick(rng, fitting))
            if len(fitting) == 1:
                return changed(rng, caption, parts, _pick(rng, [each for each in caption.kinds() if each != "noun"]))
        elif kind == "part_word":
            new = _word(rng, "material" if old in MATERIAL_WORDS else "color")
        else:
            new = _word(rng, kind)
        other = replace(caption, **{kind: new})
        if _differs(old, new) and not claims(parse_prompt(text(other))) <= said:  # 'twin' says no more than 'two'
            return kind, other


def _differs(old: str, new: str) -> bool:
    if old in CATEGORIES and new in CATEGORIES:
        return CATEGORIES[old] != CATEGORIES[new]
    if (first := _look(old)) is not None and (second := _look(new)) is not None:
        return float(np.linalg.norm(first - second)) > APART
    return _meaning(old) != _meaning(new)


def _meaning(word: str) -> str:
    return next((table[word] for table in (STYLES, SHAPES) if word in table), word)


def _look(word: str) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """Gamma-encoded colour of a colour or material word; None for others, and for the families 'wood' and 'metal'."""
    material = MATERIAL_WORDS.get(word)
    if material in SUBSTANCES:
        return np.array(SUBSTANCES[material].color) ** (1 / 2.2)
    shade, _, base = word.rpartition(" ") if word not in COLOR_WORDS else ("", "", word)
    return np.array(color_of(f"{shade} {COLOR_WORDS[base]}".strip())) ** (1 / 2.2) if base in COLOR_WORDS else None


def text(caption: Caption, rng: np.random.Generator | None = None) -> str:
    """The caption as a prompt: plain without `rng`, else in one of several wordings that mean the same."""
    pick = (lambda options: options[0]) if rng is None else (lambda options: _pick(rng, options))
    before = [caption.shape, caption.style, caption.color]
    material_after = caption.material and pick((False, True))
    before.append("" if material_after else caption.material)
    words = " ".join(word for word in (*before, caption.noun) if word)
    phrases = [pick((f" made of {caption.material}", f" in {caption.material}"))] if material_after else []
    joint = pick((" with ", " that has ", " featuring "))
    named = f"{caption.part_word} {caption.part}" if caption.part_word else caption.part
    if caption.part:
        phrases.append(joint + named)
    if caption.count:
        phrases.append((" and " if caption.part else joint) + f"{caption.count} {caption.counted}")
    if caption.without:
        phrases.append(pick((" without ", ", no ")) + caption.without)
    lead, tail = pick(("a ", "", "a 3d model of a ", "a picture of one ")), pick(("", ", high quality", ", isolated"))
    return lead + words + "".join(phrases) + tail


def shortened(caption: Caption, rng: np.random.Generator) -> Caption:
    """The noun and at most one of the other things that the caption says."""
    kept = _pick(rng, ("style", "material", "color", "shape", "part_word", ""))
    fields = ("part", "part_word") if kept == "part_word" else (kept,) if kept else ()
    return Caption(caption.noun, **{name: getattr(caption, name) for name in fields})


def _word(rng: np.random.Generator, kind: str) -> str:
    if kind == "count":
        return _pick(rng, [word for word, number in NUMBERS.items() if 2 <= number <= 6 and word.isalpha()][:9])
    table = {"style": STYLES, "material": MATERIAL_WORDS, "color": COLOR_WORDS, "shape": SHAPES}[kind]
    word = _pick(rng, [value for value in _values(table) if value not in UNSEEN])
    if kind == "color" and rng.random() < SHADED:
        return f"{_pick(rng, ('dark', 'pale', 'bright'))} {word}"
    return _synonym(rng, table, word)


def _synonym(rng: np.random.Generator, table: Mapping[str, str], word: str) -> str:
    same = _same(tuple(table.items())).get(word, ())
    return _pick(rng, same) if same and rng.random() < ALIAS else word


@cache
def _same(table: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    """Other words of each meaning; 'cottage' is a style and a house, and would be read as the house."""
    found: dict[str, list[str]] = {}
    is_nouns = dict(table) == CATEGORIES
    for alias, word in table:
        if alias != word and (is_nouns or alias not in CATEGORIES):
            found.setdefault(word, []).append(alias)
    return found


def _values(table: Mapping[str, str]) -> list[str]:
    return [word for alias, word in table.items() if alias == word]


def _pick(rng: np.random.Generator, options: Sequence[str] | Sequence[bool]) -> str:
    return options[int(rng.integers(len(options)))]  # type: ignore[return-value]
