"""What can be asked of a finished asset: one frozen dataclass for each kind of edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# "" is all three; length is the longest of a thing's own axes, thickness the two across it.
Axis = Literal["", "width", "height", "depth", "length", "thickness"]
Unit = Literal["times", "metres", "metres more"]
WORLD_AXES = {"width": 0, "height": 1, "depth": 2}  # X, Y and Z of the asset's frame; front is +Z


@dataclass(frozen=True)
class Resize:
    """Another extent: `amount` times what it is, or that many metres, or metres more (less where negative)."""

    part: str = ""  # the name of a part as the asset has it, "" for the whole asset or the region
    axis: Axis = ""
    amount: float = 1.0
    unit: Unit = "times"


@dataclass(frozen=True)
class Recolor:
    """Another colour: a canonical colour word ('dark green') or '#rrggbb'; what it is made of stays."""

    part: str = ""
    color: str = "red"


@dataclass(frozen=True)
class Tone:
    """Lighter (positive) or darker: a change of lightness in OKLab, where 1 is from black to white."""

    part: str = ""
    lightness: float = 0.12


@dataclass(frozen=True)
class SetMaterial:
    """Another substance of the material library, in its own colour where none is given."""

    part: str = ""
    material: str = "oak"
    color: str = ""


@dataclass(frozen=True)
class Glow:
    """Light of its own, on or off; without a colour it glows in the colour that it has."""

    part: str = ""
    on: bool = True
    color: str = ""


@dataclass(frozen=True)
class Wear:
    """More (positive) or fewer signs of use at edges and in hollows, from −1 to 1; `rust` colours them as rust."""

    part: str = ""
    amount: float = 0.5
    rust: bool = False


@dataclass(frozen=True)
class Polish:
    """Glossier (positive) or duller: the share of the way to a mirror or to full roughness."""

    part: str = ""
    amount: float = 0.6


@dataclass(frozen=True)
class Palette:
    """All colours moved onto these ('#rrggbb' or canonical colour words)."""

    colors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rotate:
    """A turn about an axis of the asset, counter-clockwise seen from its positive end."""

    part: str = ""
    axis: Axis = "height"
    degrees: float = 90.0


@dataclass(frozen=True)
class Mirror:
    """What was on one side is on the other: along the width, left and right change places."""

    part: str = ""
    axis: Axis = "width"


@dataclass(frozen=True)
class Smooth:
    """A calmer surface: `amount` 1 is ten rounds of Taubin's filter."""

    part: str = ""
    amount: float = 1.0


@dataclass(frozen=True)
class Bend:
    """Bent along its longest axis by so many degrees from end to end."""

    part: str = ""
    degrees: float = 30.0


@dataclass(frozen=True)
class Taper:
    """`factor` times as thick at the far (upper) end, growing evenly along its longest axis."""

    part: str = ""
    factor: float = 0.6


@dataclass(frozen=True)
class Twist:
    """Turned about its longest axis by so many degrees from end to end."""

    part: str = ""
    degrees: float = 90.0


@dataclass(frozen=True)
class Remove:
    """A part taken away."""

    part: str


Edit = (
    Resize
    | Recolor
    | Tone
    | SetMaterial
    | Glow
    | Wear
    | Polish
    | Palette
    | Rotate
    | Mirror
    | Smooth
    | Bend
    | Taper
    | Twist
    | Remove
)
