"""Everything the rooms list can be named in a recipe, and every shipped recipe can be read with it."""

import pytest

from flows.catalogue import catalogue
from manifests.errors import UsageError
from manifests.recipe import load_recipe, shipped_recipes
from ml.generators.registry import GENERATORS, build_generator
from tasks.exporters import EXPORTERS
from tasks.steps import STEPS


def test_the_catalogue_is_complete() -> None:
    known = catalogue()
    assert set(known.generators) == set(GENERATORS) >= {"procedural", "inflate", "visual-hull", "mesh"}
    assert set(known.steps) == set(STEPS)
    assert set(known.exports) == set(EXPORTERS)
    assert set(EXPORTERS) >= {"glb", "fbx", "obj", "stl", "ply", "usdz"}
    assert {"game", "web-ar", "print-fdm", "none"} <= set(known.profiles)


def test_every_generator_can_be_built_from_its_default_options() -> None:
    for name, options in catalogue().generators.items():
        generator = build_generator(name, options())
        assert generator.name == name
        assert generator.version


def test_every_shipped_recipe_is_read() -> None:
    assert set(shipped_recipes()) >= {"game-ready", "web-ar", "print", "import-optimise"}
    digests = {load_recipe(name, catalogue()).digest for name in shipped_recipes()}
    assert len(digests) == len(shipped_recipes())


def test_plugins_are_listed_by_the_environment_alone(plugins: None) -> None:
    assert "poison" in catalogue().generators


def test_a_plugin_that_cannot_be_imported_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHMILL_PLUGINS", " , no_such_studio.generators")
    with pytest.raises(UsageError, match=r"MESHMILL_PLUGINS.*no_such_studio"):
        catalogue()
