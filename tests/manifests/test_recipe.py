from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pytest

from manifests.errors import RecipeError
from manifests.recipe import SHIPPED, Catalogue, Recipe, load_recipe, parse_recipe, shipped_recipes


@dataclass(frozen=True)
class NoOptions:
    pass


@dataclass(frozen=True)
class SimplifyOptions:
    target_faces: int = field(default=20000, metadata={"min": 4, "max": 1_000_000})
    mode: Literal["fast", "exact"] = "fast"


@dataclass(frozen=True)
class ThumbnailOptions:
    size: int = field(default=512, metadata={"min": 16, "max": 4096})


CATALOGUE = Catalogue(
    generators={"procedural": SimplifyOptions, "noop": NoOptions},
    steps={"clean": NoOptions, "simplify": SimplifyOptions},
    exports={"glb": NoOptions, "obj": NoOptions},
    profiles={"game": {"faces": 20000}, "web-ar": {"faces": 30000}},
    thumbnail=ThumbnailOptions,
)
WHOLE = """
name = "mine"
description = "what it is for"
[generator]
use = "procedural"
[generator.procedural]
mode = "exact"
[[steps]]
use = "clean"
[[steps]]
use = "simplify"
target_faces = 5000
[gate]
profile = "game"
[[exports]]
use = "glb"
[thumbnail]
size = 256
"""


def load(folder: Path, text: str, catalogue: Catalogue = CATALOGUE) -> Recipe:
    (folder / "mine.toml").write_text(text)
    return load_recipe(str(folder / "mine.toml"), catalogue)


def test_concurrency_is_of_known_generators_and_steps_and_changes_no_key() -> None:
    plain, some = parse_recipe("", "a", CATALOGUE), parse_recipe("[concurrency]\nprocedural = 2\n", "a", CATALOGUE)
    assert some.concurrency == {"procedural": 2}
    assert plain.digest == some.digest
    assert parse_recipe("[concurrency]\nsimplify = 1\n", "a", CATALOGUE).concurrency == {"simplify": 1}
    with pytest.raises(RecipeError, match=r"\[concurrency\]: unknown key 'simplfy'; did you mean 'simplify'\?"):
        parse_recipe("[concurrency]\nsimplfy = 1\n", "a", CATALOGUE)
    for wrong in ("proceduralx = 2", "procedural = 0", "procedural = true", "procedural = 1.5"):
        with pytest.raises(RecipeError, match=r"\[concurrency\]"):
            parse_recipe(f"[concurrency]\n{wrong}\n", "a", CATALOGUE)


def test_a_whole_recipe(tmp_path: Path) -> None:
    recipe = load(tmp_path, WHOLE)
    assert (recipe.name, recipe.description, recipe.generator) == ("mine", "what it is for", "procedural")
    assert recipe.generator_options == {"procedural": SimplifyOptions(mode="exact"), "noop": NoOptions()}
    assert [stage.name for stage in recipe.steps] == ["clean", "simplify"]
    assert recipe.steps[1].options == SimplifyOptions(5000)
    assert (recipe.profile, recipe.thumbnail) == ("game", ThumbnailOptions(256))
    assert [stage.name for stage in recipe.exports] == ["glb"]


def test_what_files_may_say_is_the_recipes(tmp_path: Path) -> None:
    plain, told = load(tmp_path, ""), load(tmp_path, '[provenance]\nprompt = true\ncreator = "Anna"')
    assert (plain.provenance.prompt, plain.provenance.seed) == (False, True)
    assert (told.provenance.prompt, told.provenance.creator) == (True, "Anna")
    assert plain.digest != told.digest
    assert plain.digest == load(tmp_path, "[provenance]\nprompt = false").digest
    with pytest.raises(RecipeError, match="creator"):
        load(tmp_path, '[provenance]\ncreater = "Anna"')


def test_an_empty_recipe_is_auto_with_nothing_done(tmp_path: Path) -> None:
    recipe = load(tmp_path, "")
    assert (recipe.name, recipe.generator, recipe.steps, recipe.exports) == ("mine", "auto", (), ())
    assert (recipe.profile, recipe.thumbnail) == ("", None)


def test_the_digest_follows_meaning_not_writing(tmp_path: Path) -> None:
    digest = load(tmp_path, WHOLE).digest
    assert load(tmp_path, WHOLE.replace("5000", "5_000 # faces").replace('name = "mine"', "")).digest == digest
    assert load(tmp_path, WHOLE.replace("5000", '5000\nmode = "fast"')).digest == digest
    for old, new in [("5000", "6000"), ("256", "512"), ("game", "web-ar"), ("glb", "obj"), ('"exact"', '"fast"')]:
        assert load(tmp_path, WHOLE.replace(old, new)).digest != digest
    swapped = WHOLE.replace('use = "clean"', "use = X").replace(
        'use = "simplify"\ntarget_faces = 5000', 'use = "clean"'
    )
    assert load(tmp_path, swapped.replace("use = X", 'use = "simplify"\ntarget_faces = 5000')).digest != digest


def test_a_profile_of_ones_own_lies_beside_the_recipe(tmp_path: Path) -> None:
    own = replace(CATALOGUE, own_profile=lambda path: Path(path).read_text())
    text = WHOLE.replace('"game"', '"house.toml"')
    (tmp_path / "house.toml").write_text("faces = 1")
    recipe = load(tmp_path, text, own)
    assert recipe.profile == str(tmp_path / "house.toml")
    (tmp_path / "house.toml").write_text("faces = 2")
    assert load(tmp_path, text, own).digest != recipe.digest
    with pytest.raises(RecipeError, match=r"unknown profile 'house\.toml'"):
        load(tmp_path, text)


def test_rounds_of_auto_fix_are_the_gates_or_the_callers(tmp_path: Path) -> None:
    fixing = WHOLE.replace('profile = "game"', 'profile = "game"\nauto_fix = 2')
    assert load(tmp_path, WHOLE).auto_fix == 0
    assert load(tmp_path, fixing).auto_fix == 2
    off = load_recipe(str(tmp_path / "mine.toml"), CATALOGUE, auto_fix=0)
    digests = {recipe.digest for recipe in (load(tmp_path, fixing), off, load(tmp_path, WHOLE))}
    assert off.auto_fix == 0
    assert len(digests) == 2  # off is as if it had never been there


def test_the_digest_holds_defaults_and_thresholds(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class OtherDefault:
        size: int = 300

    text = WHOLE.replace("size = 256", "")
    digest = load(tmp_path, text).digest
    assert load(tmp_path, text, replace(CATALOGUE, thumbnail=OtherDefault)).digest != digest
    assert load(tmp_path, text, replace(CATALOGUE, profiles={"game": {"faces": 1}})).digest != digest
    assert load(tmp_path, text, replace(CATALOGUE, profiles=frozenset({"game"}))).profile == "game"


def test_the_digest_holds_what_a_named_file_holds(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class LikeOptions:
        reference: str = field(metadata={"file": True})

    catalogue = replace(CATALOGUE, steps={"like": LikeOptions})
    path = tmp_path / "look.png"

    def digest(reference: str) -> str:
        (tmp_path / "r.toml").write_text(f'[[steps]]\nuse = "like"\nreference = "{reference}"\n')
        return load_recipe(str(tmp_path / "r.toml"), catalogue).digest

    path.write_bytes(b"red")
    first = digest(str(path))
    assert digest(str(path)) == first
    path.write_bytes(b"blue")
    assert digest(str(path)) != first
    assert digest("oak") == digest("oak") != digest("pine")


def test_the_digest_holds_what_a_named_folder_says_of_itself(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class DrawnOptions:
        model: str = field(default="", metadata={"file": "about.json"})

    (tmp_path / "model").mkdir()
    text = f'[[steps]]\nuse = "drawn"\nmodel = "{tmp_path / "model"}"\n'
    digests = []
    for about in ("one", "one", "two"):
        (tmp_path / "model" / "about.json").write_text(about)
        digests.append(load(tmp_path, text, replace(CATALOGUE, steps={"drawn": DrawnOptions})).digest)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[gate]", "[gat]", "unknown key 'gat'; did you mean 'gate'?"),
        ('profile = "game"', 'profil = "game"', "[gate]: unknown key 'profil'; did you mean 'profile'?"),
        ('profile = "game"', 'profile = "game"\nauto_fix = 9', "[gate]: auto_fix is 9; it has to be in 0 … 5"),
        ('profile = "game"', "auto_fix = 1", "[gate]: profile has to be given"),
        ('profile = "game"', 'profile = "gmae"', "[gate]: unknown profile 'gmae'; did you mean 'game'?"),
        ('"simplify"', '"simplfy"', "steps[2]: unknown name 'simplfy'; did you mean 'simplify'?"),
        ('use = "clean"', "", "steps[1]: has no `use`; known are clean, simplify"),
        ('use = "clean"', "use = 3", "steps[1]: use is 3; it has to be text"),
        ("target_faces = 5000", "target_face = 5000", "steps[2] (simplify): unknown key 'target_face'; did you mean"),
        ("target_faces = 5000", "target_faces = 3", "steps[2] (simplify): target_faces is 3; it has to be in 4 …"),
        ('"procedural"', '"proceduralx"', "[generator]: unknown generator 'proceduralx'; did you mean 'procedural'?"),
        ("[generator.procedural]", "[generator.procedurl]", "[generator]: unknown key 'procedurl'; did you mean"),
        ('mode = "exact"', 'mode = "exakt"', "[generator.procedural]: mode is 'exakt'"),
        ('"glb"', '"gltf"', "exports[1]: unknown name 'gltf'; did you mean 'glb'?"),
        ("size = 256", "size = 8", "[thumbnail]: size is 8"),
        ("[[exports]]", "[exports]", "exports has to be a list of tables, [[exports]]"),
        ('name = "mine"', "name = 3", "name is 3; it has to be text"),
        ('name = "mine"', "name = ", "is not TOML"),
    ],
)
def test_mistakes_are_named_with_the_nearest_right_word(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in WHOLE
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, WHOLE.replace(old, new, 1))
    assert words in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_unknown_recipes_and_files(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'game-ready'"):
        load_recipe("gameready", CATALOGUE)
    with pytest.raises(RecipeError, match="No such file"):
        load_recipe(str(tmp_path / "no.toml"), CATALOGUE)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(str(tmp_path / "binary.toml"), CATALOGUE)


def test_the_noop_recipe_does_nothing() -> None:
    recipe = load_recipe("noop", CATALOGUE)
    assert (recipe.name, recipe.generator, recipe.steps, recipe.exports) == ("noop", "noop", (), ())
    assert (recipe.profile, recipe.thumbnail) == ("", None)


def test_the_shipped_recipes_are_named_as_their_files_and_say_what_for() -> None:
    assert shipped_recipes() == ["catalog", "game-ready", "import-optimise", "noop", "print", "web-ar"]
    for name in shipped_recipes():
        table = tomllib.loads((SHIPPED / f"{name}.toml").read_text())
        assert table["name"] == name
        assert len(table["description"]) > 20


def test_the_intake_is_a_profile_and_enters_the_digest(tmp_path: Path) -> None:
    plain, held = load(tmp_path, WHOLE), load(tmp_path, WHOLE + '[intake]\nprofile = "web-ar"\n')
    assert (plain.intake, held.intake) == ("", "web-ar")
    assert plain.digest != held.digest
    with pytest.raises(RecipeError, match=r"\[intake\]: unknown profile 'web'"):
        load(tmp_path, '[intake]\nprofile = "web"')


def test_a_number_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is not TOML"):
        load(tmp_path, f"x = {'9' * 5000}")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("'nop'", "'nop' is no generator; did you mean 'noop'"),
        ("'procedural'", "is the generator itself; known are noop"),
        ("'auto'", "'auto' is no generator"),
        ("3", "otherwise is 3; it has to be text"),
    ],
)
def test_the_generator_that_stands_in_is_another_one(tmp_path: Path, given: str, words: str) -> None:
    text = "[generator]\nuse = 'procedural'\notherwise = "
    alone, two = load(tmp_path, "[generator]\nuse = 'procedural'"), load(tmp_path, text + "'noop'")
    assert (alone.otherwise, two.otherwise) == ("", "noop")
    assert alone.digest == load(tmp_path, text + "''").digest != two.digest
    with pytest.raises(RecipeError, match=words):
        load(tmp_path, text + given)


def test_an_option_that_counts_when_set_changes_no_other_key(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Newer:
        sure: float = field(default=0.0, metadata={"digest_when_set": True})

    known = replace(CATALOGUE, generators={"procedural": SimplifyOptions, "noop": Newer})
    assert load(tmp_path, WHOLE, known).digest == load(tmp_path, WHOLE).digest
    assert load(tmp_path, WHOLE + "[generator.noop]\nsure = 0.5", known).digest != load(tmp_path, WHOLE).digest
