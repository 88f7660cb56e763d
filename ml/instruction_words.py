"""The words of instructions: what grows and shrinks, what is done, how much, which way, and what says nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ml.edits import Axis


@dataclass(frozen=True)
class Size:
    """A word for a larger (`sign` 1) or smaller (−1) extent; `compared` where it says 'than it is'."""

    axis: Axis
    sign: int
    compared: bool


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _sizes() -> dict[str, Size]:
    """Base words, then comparatives and verbs; 'short' is a part's length and the whole's height."""
    rows: tuple[tuple[Axis, int, str, str], ...] = (
        ("height", 1, "tall high", "taller higher heighten"),
        ("height", -1, "low", "lower"),
        ("length", 1, "long", "longer lengthen elongate extend stretch stretched elongated lengthened"),
        ("length", -1, "short", "shorter shorten shortened"),
        ("width", 1, "wide broad", "wider broader widen broaden"),
        ("width", -1, "narrow", "narrower"),
        ("depth", 1, "deep", "deeper deepen"),
        ("depth", -1, "shallow", "shallower"),
        ("thickness", 1, "thick fat chunky stout sturdy", "thicker fatter chunkier stouter sturdier thicken fatten"),
        ("thickness", -1, "thin slim slender skinny fine", "thinner slimmer slenderer skinnier finer slenderize"),
        ("", 1, "big large huge", "bigger larger enlarge grow expand enlarged increase magnify"),
        ("", -1, "small tiny", "smaller tinier shrink reduce decrease shrunk"),
    )
    found = {}
    for axis, sign, base, compared in rows:
        found.update({word: Size(axis, sign, False) for word in base.split()})
        found.update({word: Size(axis, sign, True) for word in compared.split()})
    return found


SIZES = _sizes()
EXTENTS: dict[str, Axis] = {
    "height": "height", "width": "width", "breadth": "width", "depth": "depth", "length": "length",
    "thickness": "thickness", "diameter": "thickness", "size": "", "scale": "", "dimensions": "", "resize": "",
    "rescale": "",
}  # fmt: skip
TIMES = {
    "twice": 2.0, "double": 2.0, "doubled": 2.0, "thrice": 3.0, "triple": 3.0, "tripled": 3.0, "quadruple": 4.0,
    "half": 0.5, "halve": 0.5, "halved": 0.5, "third": 1 / 3, "quarter": 0.25,
}  # fmt: skip
ADVERBS = {
    **dict.fromkeys(_words("much lot far considerably significantly way very really"), 2.4),
    **dict.fromkeys(_words("slightly little bit somewhat touch tad"), 0.4),
}


def _actions(text: str) -> dict[str, str]:
    found = {}
    for line in text.strip().splitlines():
        action, _, words = line.strip().partition(": ")
        found.update(dict.fromkeys(words.split(), action))
    return found


ACTIONS = _actions(
    """
    remove: remove delete erase removed discard eliminate strip drop
    glow: glow glowing glows emissive luminous illuminated illuminate lit emission
    worn: worn weathered distressed aged old older scratched battered ancient wear used scratches scuffed dented weather
    rust: rusty rusted corroded oxidised oxidized rustier
    fresh: new newer pristine clean cleaner fresh mint-condition repaired
    gloss: glossy shiny polished polish shinier glossier gleaming shine gloss lacquered varnished
    dull: matte matt dull duller unpolished rougher roughen
    smooth: smooth smoother smoothen smoothed soften softer
    bend: bend bent curve curved bow
    taper: taper tapered tapering
    twist: twist twisted
    rotate: rotate rotated spin tilt upside
    turn: turn turned
    mirror: mirror mirrored flip flipped reflect
    palette: palette colours colors
    darker: darker darken darkened dark
    lighter: lighter lighten lightened brighter brighten paler
    add: add
    off: off stop unlit extinguish
    """
)
FEWER = frozenset(("less", "fewer"))
NONE = frozenset(("no", "without", "minus"))
TOO = frozenset(("too", "overly"))
AXIS_WORDS: dict[str, Axis] = {
    "x": "width", "y": "height", "z": "depth", "horizontally": "width", "sideways": "width", "horizontal": "width",
    "vertically": "height", "vertical": "height", "upright": "height", "forward": "width", "forwards": "width",
    "backward": "width", "backwards": "width", "front": "depth",
}  # fmt: skip
TURNS = {"left": 1, "anticlockwise": 1, "counterclockwise": 1, "right": -1, "clockwise": -1}
WHOLE = _words("it whole entire everything overall asset object model mesh thing all")
SILENT = _words(
    "turn change set give get let paint coat color colour colored coloured painted recolor recolour dye tint replace"
    " use apply put keep should must can could now here there region area selection selected part parts piece every"
    " each both them they those its by to of as than in on into with at for so that from around about axis degrees"
    " look looks more even same made make bring take have has being become becomes go one ones do does along"
    " signs some any out up down surface finish material texture shape form current original is are be was were"
    " only per percent amount times away rid counter off their completely fully quite"
)
JOINS = frozenset(("and", "then", "but", "&", "+", "plus", "while", "also"))
