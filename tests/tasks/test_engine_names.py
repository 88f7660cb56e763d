"""Names follow each engine's convention."""

from tasks.engine_names import collision_name, level_name


def test_levels_of_detail() -> None:
    assert level_name("Chair", 0, "unity") == "Chair_LOD0"
    assert level_name("Chair", 2, "unreal") == "Chair_LOD2"
    assert level_name("Chair", 0, "none") == "Chair"


def test_collision_bodies() -> None:
    assert collision_name("Chair_LOD0", 3, "unreal") == "UCX_Chair_LOD0_03"
    assert collision_name("Chair", 0, "godot").endswith("-convcolonly")
    assert collision_name("Chair", 0, "unity") == "Chair_collision_00"
