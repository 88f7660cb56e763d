"""What `meshmill history` puts first: changes a person would see, not what rounding left."""

from flows.commands.history import describe
from flows.history import VersionLine


def test_levels_of_detail_are_left_to_json() -> None:
    changes = {"lod1.coverage": [0.1, 0.9], "size.height_m": [0.9, 0.99]}
    line = VersionLine("a.v2", 2, "a", 1, "passed", (), True, "taller", "", "mesh", "height", 0.9, changes, False)
    shown = describe(line).splitlines()[2:]
    assert [text.strip() for text in shown] == ["size.height_m 0.9 → 0.99 (+10.0%)", "… 1 more with --json"]


def test_rounding_never_comes_first() -> None:
    changes = {"texture.seam_mean": [4e-10, 8e-10], "triangles": [100.0, 100.5], "size.height_m": [0.9, 0.99]}
    line = VersionLine("a.v2", 2, "a", 1, "passed", (), True, "taller", "", "mesh", "height", 0.9, changes, False)
    names = [text.split()[0] for text in describe(line).splitlines()[2:]]
    assert names == ["size.height_m", "triangles", "texture.seam_mean"]
