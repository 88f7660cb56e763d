"""The recipe: which generator, which chain of steps, which gate, which exports, read from TOML against a catalogue."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import fsspec

from manifests.errors import RecipeError, nearest
from manifests.options import build_options
from manifests.prices import Prices, read_prices
from manifests.provenance import ProvenanceOptions

SHIPPED = Path(__file__).parent / "recipes"
CURATION = Path(__file__).parents[1] / "datasets" / "curation"  # data only, so not in a package
MAX_ROUNDS = 5  # of auto-fix; each makes the asset anew, and what two do not mend more seldom do
SECTIONS = (
    "name",
    "description",
    "generator",
    "steps",
    "gate",
    "intake",
    "exports",
    "thumbnail",
    "alignment",
    "provenance",
    "licences",
    "prices",
    "concurrency",
)


@dataclass(frozen=True)
class Catalogue:
    """What a recipe may name: the options class of each generator, step, export and thumbnail, and the profiles."""

    generators: Mapping[str, type]
    steps: Mapping[str, type]
    exports: Mapping[str, type]
    profiles: Mapping[str, object] | frozenset[str]
    thumbnail: type
    alignment: type | None = None
    own_profile: Callable[[str], object] | None = None  # reads a profile from a file of the user's


@dataclass(frozen=True)
class Stage:
    """One step or export with its options."""

    name: str
    options: object


@dataclass(frozen=True)
class LicenceOptions:
    """What stands under [licences]: those that rows may have; others are rejected before any work."""

    allow: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """A checked recipe. `digest` is the same for the same meaning, whatever the comments, key order or name."""

    name: str
    description: str
    generator: str  # "auto", or the one to use where the row names none
    generator_options: Mapping[str, object]  # of every generator, as rows may name any
    attempts: int  # candidates a row may have, of which the best is kept
    enough: float  # the score at which no further candidate is made
    steps: tuple[Stage, ...]
    profile: str  # a shipped one's name or the path of a file; "" for no gate
    auto_fix: int  # rounds in which what the gate suggests is done before a row is rejected
    intake: str  # the profile that an asset is held to before any step; "" to take everything
    unique: bool  # whether a mesh whose file an earlier row has is rejected
    exports: tuple[Stage, ...]
    thumbnail: object | None
    alignment: object | None = None  # None where prompts are not compared with what came out
    provenance: ProvenanceOptions = field(default_factory=ProvenanceOptions)
    licences: object | None = None  # LicenceOptions; None where every licence will do
    otherwise: str = ""  # the generator of rows that theirs cannot make; "" for none
    prices: Prices = field(default_factory=Prices, compare=False)  # decide nothing about an asset
    concurrency: Mapping[str, int] = field(
        default_factory=dict, compare=False
    )  # most calls at once, by generator or step
    digest: str = field(default="", compare=False)
    where: str = field(default="", compare=False)  # the file's path or URL, a shipped recipe's file name
    text: str = field(default="", compare=False)  # as it was read


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the house."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def curation_recipes() -> list[str]:
    """Names of the recipes that make training data; they are found by name as the shipped ones are."""
    return sorted(path.stem for path in CURATION.glob("*.toml"))


def load_recipe(name_or_path: str, catalogue: Catalogue, auto_fix: int | None = None) -> Recipe:
    """A shipped recipe by name, or one from a file or URL, with other rounds of `auto_fix` where they are given.

    Raises RecipeError naming file, section and key.
    """
    where, text = _source(name_or_path)
    return parse_recipe(text, where, catalogue, auto_fix)


def parse_recipe(text: str, where: str, catalogue: Catalogue, auto_fix: int | None = None) -> Recipe:
    """The recipe in a TOML text that was read from `where`; raises RecipeError."""
    try:
        table = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number of more digits than Python converts
        raise RecipeError(f"{where}: is not TOML: {error}") from error
    _check_keys(table, SECTIONS, where)
    recipe = Recipe(
        name=_text(table, "name", Path(where).stem, where),
        description=_text(table, "description", "", where),
        generator=(use := _generator(table, catalogue, where)),
        otherwise=_otherwise(table, use, catalogue, where),
        **_best_of(table, where),
        generator_options=_generator_options(table, catalogue, where),
        steps=_stages(table, "steps", catalogue.steps, where),
        profile=(gate := _gate(table, catalogue, where)).profile,
        auto_fix=gate.auto_fix if auto_fix is None else auto_fix,
        intake=(intake := _intake(table, catalogue, where)).profile,
        unique=intake.unique,
        exports=_stages(table, "exports", catalogue.exports, where),
        thumbnail=_optional(table, "thumbnail", catalogue.thumbnail, where),
        alignment=_optional(table, "alignment", catalogue.alignment, where),
        provenance=build_options(ProvenanceOptions, _table(table, "provenance", where), f"{where}, [provenance]"),
        licences=_optional(table, "licences", LicenceOptions, where),
        prices=read_prices(_table(table, "prices", where), where),
        concurrency=_concurrency(table, catalogue, where),
        where=where,
        text=text,
    )
    if recipe.attempts > 1 and not recipe.profile:
        raise RecipeError(f"{where}, [generator]: attempts are compared by a profile's score; name one under [gate]")
    return dataclasses.replace(recipe, digest=_digest(recipe, catalogue))


def _source(name_or_path: str) -> tuple[str, str]:
    """(name for messages, TOML text)."""
    folder = CURATION if name_or_path in curation_recipes() else SHIPPED
    shipped = folder / f"{name_or_path}.toml"
    is_name = "/" not in name_or_path and not name_or_path.endswith(".toml")
    if is_name and not shipped.is_file():
        raise RecipeError(f"no recipe {name_or_path!r}{nearest(name_or_path, shipped_recipes())}")
    try:
        with fsspec.open(str(shipped) if is_name else name_or_path, "rb") as stream:
            return (shipped.name if is_name else name_or_path), stream.read(1 << 20).decode()
    except (OSError, ValueError, ImportError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise RecipeError(f"{name_or_path}: cannot be read: {reason}") from error


def _check_keys(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in table:
        if key not in names:
            raise RecipeError(f"{where}: unknown key {key!r}{nearest(key, names)}")


def _concurrency(table: Mapping[str, Any], catalogue: Catalogue, where: str) -> dict[str, int]:
    found = _table(table, "concurrency", where)
    place = f"{where}, [concurrency]"
    _check_keys(found, {*catalogue.generators, *catalogue.steps}, place)
    for name, most in found.items():
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise RecipeError(f"{place}: {name} is {most!r}; it has to be how many may be in work at once, 1 or more")
    return dict(found)


def _text(table: Mapping[str, Any], key: str, default: str, where: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise RecipeError(f"{where}: {key} is {value!r}; it has to be text")
    return value


def _table(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise RecipeError(f"{where}: {key} has to be a table, [{key}]")
    return value


def _generator(table: Mapping[str, Any], catalogue: Catalogue, where: str) -> str:
    section = _table(table, "generator", where)
    use = _text(section, "use", "auto", f"{where}, [generator]")
    names = ["auto", *catalogue.generators]
    if use not in names:
        raise RecipeError(f"{where}, [generator]: unknown generator {use!r}{nearest(use, names)}")
    return use


def _otherwise(table: Mapping[str, Any], use: str, catalogue: Catalogue, where: str) -> str:
    """The generator that stands in for another one; raises RecipeError for one that is not there or is the same."""
    section = _table(table, "generator", where)
    name = _text(section, "otherwise", "", f"{where}, [generator]")
    others = [each for each in catalogue.generators if each != use]
    if name and name not in others:
        wrong = "is the generator itself" if name == use else "is no generator"
        raise RecipeError(f"{where}, [generator]: otherwise = {name!r} {wrong}{nearest(name, others)}")
    return name


@dataclass(frozen=True)
class BestOf:
    """How many candidates a row may have, and the score that ends the search."""

    attempts: int = field(default=1, metadata={"min": 1, "max": 64})
    enough: float = field(default=0.95, metadata={"min": 0.0, "max": 1.0})


BEST_OF = tuple(each.name for each in dataclasses.fields(BestOf))


def _best_of(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    section = _table(table, "generator", where)
    given = {name: section[name] for name in BEST_OF if name in section}
    return dataclasses.asdict(build_options(BestOf, given, f"{where}, [generator]"))


def _generator_options(table: Mapping[str, Any], catalogue: Catalogue, where: str) -> dict[str, object]:
    section = _table(table, "generator", where)
    _check_keys(section, ["use", "otherwise", *BEST_OF, *catalogue.generators], f"{where}, [generator]")
    place = f"{where}, [generator.{{}}]"
    return {
        name: build_options(cls, _table(section, name, where), place.format(name))
        for name, cls in catalogue.generators.items()
    }


def _stages(table: Mapping[str, Any], section: str, known: Mapping[str, type], where: str) -> tuple[Stage, ...]:
    entries = table.get(section, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RecipeError(f"{where}: {section} has to be a list of tables, [[{section}]]")
    return tuple(_stage(entry, known, f"{where}, {section}[{i}]") for i, entry in enumerate(entries, 1))


def _stage(entry: Mapping[str, Any], known: Mapping[str, type], where: str) -> Stage:
    if "use" not in entry:
        raise RecipeError(f"{where}: has no `use`{nearest('', known)}")
    name = _text(entry, "use", "", where)
    if name not in known:
        raise RecipeError(f"{where}: unknown name {name!r}{nearest(name, known)}")
    options = {key: value for key, value in entry.items() if key != "use"}
    return Stage(name, build_options(known[name], options, f"{where} ({name})"))


@dataclass(frozen=True)
class Gate:
    """What stands under [gate]."""

    profile: str
    auto_fix: int = field(default=0, metadata={"min": 0, "max": MAX_ROUNDS})


def _gate(table: Mapping[str, Any], catalogue: Catalogue, where: str) -> Gate:
    if "gate" not in table:
        return Gate("")
    gate = build_options(Gate, _table(table, "gate", where), f"{where}, [gate]")
    return dataclasses.replace(gate, profile=_known_profile(gate.profile, catalogue, where, "gate"))


@dataclass(frozen=True)
class Intake:
    """What stands under [intake]."""

    profile: str = ""
    unique: bool = False  # a mesh whose file an earlier row has is rejected unread


def _intake(table: Mapping[str, Any], catalogue: Catalogue, where: str) -> Intake:
    intake = build_options(Intake, _table(table, "intake", where), f"{where}, [intake]")
    return dataclasses.replace(
        intake, profile=intake.profile and _known_profile(intake.profile, catalogue, where, "intake")
    )


def _known_profile(profile: str, catalogue: Catalogue, where: str, section: str) -> str:
    """A shipped profile's name, or the path of the user's own; raises RecipeError."""
    if profile.endswith(".toml") and catalogue.own_profile:  # beside the recipe, as inputs are beside a manifest
        return str((Path(where).parent / profile).resolve())
    if profile not in catalogue.profiles:
        hint = nearest(profile, catalogue.profiles)
        raise RecipeError(f"{where}, [{section}]: unknown profile {profile!r}{hint}")
    return profile


def _optional(table: Mapping[str, Any], section: str, options: type | None, where: str) -> object | None:
    """The options of a stage that only runs where its section is written."""
    if section not in table or options is None:
        return None
    return build_options(options, _table(table, section, where), f"{where}, [{section}]")


def _digest(recipe: Recipe, catalogue: Catalogue) -> str:
    """Over every option with its default and the gate's thresholds: what is not written down decides as well."""
    content = {
        "generator": recipe.generator,
        "generator_options": _deciding(recipe.generator_options),
        "steps": recipe.steps,
        "profile": _profile_content(recipe.profile, catalogue),
        # What is off stays out, so that recipes from before it was there keep their keys.
        **({"otherwise": recipe.otherwise} if recipe.otherwise else {}),
        **({"auto_fix": recipe.auto_fix} if recipe.auto_fix else {}),
        **({"intake": _profile_content(recipe.intake, catalogue)} if recipe.intake else {}),
        **({"best_of": [recipe.attempts, recipe.enough]} if recipe.attempts > 1 else {}),
        **({"alignment": recipe.alignment} if recipe.alignment else {}),
        **({"provenance": recipe.provenance} if recipe.provenance != ProvenanceOptions() else {}),
        **({"licences": recipe.licences} if recipe.licences else {}),
        "exports": recipe.exports,
        "thumbnail": recipe.thumbnail,
    }
    text = json.dumps(content, default=_plain, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _deciding(options: Mapping[str, object]) -> dict[str, object]:
    """The options of every generator, but of those that say `digest_when_set` only where a recipe sets one."""
    return {
        name: given
        for name, given in options.items()
        if not getattr(given, "digest_when_set", False) or given != type(given)()
    }


def _profile_content(profile: str, catalogue: Catalogue) -> list[object]:
    """Name and thresholds; of a file only the thresholds, which stay when it moves. Raises RecipeError."""
    if profile.endswith(".toml") and catalogue.own_profile:
        return ["", catalogue.own_profile(profile)]
    return [profile, catalogue.profiles.get(profile) if isinstance(catalogue.profiles, Mapping) else None]


def _with_content(name: str, file: str | bool) -> object:
    """An option that may name a file, or a folder with `file` in it, with a digest of what the file holds; the bare
    name where none can be read."""
    try:
        with fsspec.open(f"{name}/{file}" if isinstance(file, str) else name, "rb") as stream:
            content = blake2b(digest_size=16)
            while block := stream.read(1 << 20):
                content.update(block)
    except (OSError, ValueError, ImportError):
        return name
    return [name, content.hexdigest()]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _with_content(text, field.metadata["file"]) if text and "file" in field.metadata else text
            for field in dataclasses.fields(value)
            for text in [getattr(value, field.name)]
            if not ("digest_when_set" in field.metadata and text == field.default)
        }
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
