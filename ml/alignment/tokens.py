"""What the shipped text encoder reads: the words that the prompt parser understood, in one fixed order, as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from ml.prompt import Prompt, parse_prompt
from ml.substances import COLORS, SHADES, SUBSTANCES, linear
from ml.vocabulary import CATEGORIES, COLOR_WORDS, KINDS, MATERIAL_WORDS, PARTS, SHAPES, STYLES, category_of

I64 = npt.NDArray[np.int64]

CONTEXT = 24  # tokens of a text, start and end among them; one in a thousand of the drawn captions needs more than 20
WITH, NOT, NUMBERS = "with", "not", tuple(f"×{n}" for n in range(1, 13))
PAD, START = 0, 1


@cache
def vocabulary() -> dict[str, int]:
    """Every token and its number: padding 0, start 1, words sorted, and the end last, where open_clip's pooling by
    argmax finds it."""
    tables = (COLOR_WORDS, MATERIAL_WORDS, STYLES, SHAPES, PARTS, CATEGORIES)
    words = {WITH, NOT, *NUMBERS, *KINDS, *SHADES, *SUBSTANCES, *COLORS, *(w for t in tables for w in t.values())}
    return {word: at for at, word in enumerate(["<pad>", "<start>", *sorted(words), "<end>"])}


def tokenize(texts: str | Iterable[str]) -> I64:
    """(n, CONTEXT) token numbers of texts, as open_clip's tokenizers give them; a long one loses its last words."""
    numbers = vocabulary()
    several = [texts] if isinstance(texts, str) else list(texts)
    found = np.zeros((len(several), CONTEXT), np.int64)
    for row, text in zip(found, several, strict=True):
        words = words_of(parse_prompt(text))[: CONTEXT - 2]
        row[: len(words) + 2] = [START, *(numbers[word] for word in words), len(numbers) - 1]
    return found


def words_of(prompt: Prompt) -> list[str]:
    """The prompt's words in the vocabulary: subject, styles, materials, colours and shapes of the whole, then each part
    after 'with' and each refusal after 'not'. What names no category, or is in no table, is left out."""
    words = [category_of(prompt.subject), *prompt.styles, *prompt.materials]
    words += [word for color in prompt.colors for word in _color(color)] + list(prompt.attributes)
    counts = dict(prompt.counts)
    for part in prompt.parts:
        words += [WITH, _number(counts.pop(part.part, 0)), part.part, part.material or ""]
        words += [*_color(part.color or ""), *part.shapes]
    for name, count in counts.items():
        words += [WITH, _number(count), name]
    for refused in prompt.negatives:
        words += [NOT, *refused.split(" ")]
    known = vocabulary()
    return [word for word in words if word in known]


def _number(count: int) -> str:
    return f"×{count}" if count else ""


def _color(name: str) -> list[str]:
    """'dark green' as its two words; '#rrggbb' as the nearest colour with a name."""
    if not name.startswith("#"):
        return name.split(" ")
    wanted = np.array(linear(name))
    return [min(COLORS, key=lambda each: float(((np.array(COLORS[each]) ** 0.45 - wanted**0.45) ** 2).sum()))]


def claims(prompt: Prompt) -> frozenset[str]:
    """Everything the prompt says of the asset, one string each: a prompt is also true of an asset made from a prompt
    that claims all of this and more."""
    said = {f"subject {category_of(prompt.subject)}"}
    said |= {f"whole {word}" for word in (*prompt.styles, *prompt.materials, *prompt.colors, *prompt.attributes)}
    for part in prompt.parts:
        said.add(f"with {part.part}")
        said |= {f"{part.part} {word}" for word in (part.material, part.color, *part.shapes) if word}
    said |= {f"{count} {part}" for part, count in prompt.counts}
    return frozenset(said | {f"not {word}" for word in prompt.negatives})
