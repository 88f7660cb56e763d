from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from manifests.errors import RecipeError
from manifests.options import build_options


@dataclass(frozen=True)
class BakeOptions:
    resolution: int = field(default=1024, metadata={"min": 16, "max": 8192})
    ratio: float = field(default=0.5, metadata={"min": 0.0, "max": 1.0})
    spread: float = field(default=1.0, metadata={"min": 0.0})
    when: Literal["needed", "always"] = "needed"
    bits: Literal[8, 16] = 8
    keep: bool = True
    name: str = ""
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    sizes: tuple[int, ...] = field(default=(), metadata={"min": 1})
    height_m: float | None = field(default=None, metadata={"min": 0.001})
    axis: Literal["y", "z"] | None = None

    def __post_init__(self) -> None:
        if self.resolution % 2:
            raise ValueError(f"resolution is {self.resolution}; it has to be even")


def build(**table: Any) -> BakeOptions:
    return build_options(BakeOptions, table, "my.toml, steps[2] (bake)")


def test_values_of_every_type() -> None:
    options = build(
        resolution=64,
        ratio=1,
        when="always",
        bits=16,
        keep=False,
        name="n",
        color=[1, 0.5, 0],
        sizes=[4, 5],
        height_m=2,
        axis="z",
    )
    assert options == BakeOptions(64, 1.0, 1.0, "always", 16, False, "n", (1.0, 0.5, 0.0), (4, 5), 2.0, "z")
    assert isinstance(options.ratio, float)
    assert isinstance(options.height_m, float)
    assert build() == BakeOptions()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"resolutoin": 64}, "unknown key 'resolutoin'; did you mean 'resolution'?"),
        ({"zzz": 1}, "unknown key 'zzz'; known are axis, bits,"),
        ({"resolution": 8}, "resolution is 8; it has to be in 16 … 8192"),
        ({"resolution": 17}, "resolution is 17; it has to be even"),
        ({"resolution": 64.0}, "resolution is 64.0; it has to be a whole number"),
        ({"resolution": True}, "resolution is True; it has to be a whole number"),
        ({"resolution": "64"}, "it has to be a whole number"),
        ({"ratio": 1.5}, "ratio is 1.5; it has to be in 0.0 … 1.0"),
        ({"ratio": float("nan")}, "ratio is nan"),
        ({"spread": float("inf")}, "spread is inf; it has to be at least 0.0"),
        ({"when": "alwys"}, "when is 'alwys'; it has to be 'needed' or 'always'; did you mean 'always'?"),
        ({"bits": True}, "bits is True; it has to be 8 or 16"),
        ({"bits": 9}, "bits is 9; it has to be 8 or 16"),
        ({"keep": 1}, "keep is 1; it has to be true or false"),
        ({"color": [1, 2]}, "color has 2 items; it has to have 3"),
        ({"color": 1}, "color is 1; it has to be a list"),
        ({"sizes": [1, 0]}, "sizes[1] is 0; it has to be at least 1"),
        ({"height_m": 0}, "height_m is 0.0"),
        ({"height_m": "tall"}, "height_m is 'tall'; it has to be a number"),
        ({"axis": "x"}, "axis is 'x'; it has to be 'y' or 'z'"),
        ({"height_m": 10**400}, "height_m has 1329 bits; it has to be a number of at most 63"),
        ({"sizes": [-(2**70), 1]}, "sizes[0] has 71 bits; it has to be a whole number of at most 63"),
    ],
)
def test_wrong_options_are_named(table: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        build(**table)
    assert str(caught.value).startswith("my.toml, steps[2] (bake): ")
    assert words in str(caught.value)


def test_options_without_a_default_have_to_be_given() -> None:
    @dataclass(frozen=True)
    class Needy:
        size: int

    with pytest.raises(RecipeError, match="size has to be given"):
        build_options(Needy, {}, "x")


def test_a_stage_without_options_says_so() -> None:
    @dataclass(frozen=True)
    class Nothing:
        pass

    with pytest.raises(RecipeError, match="it takes no options"):
        build_options(Nothing, {"size": 1}, "x")
