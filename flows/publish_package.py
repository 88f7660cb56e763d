"""What of a ledger row goes to a target: its files, its words, its origin, and what stands against sending it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal

from flows.licences import Licences
from flows.provenance import IMPORT
from flows.publish_licences import Terms, Use, ai_generated, conflict, helpers, licence_of
from flows.signing import Signer
from manifests.errors import RecipeError, StoreError
from manifests.ledger_row import Output
from manifests.media_types import media_type
from manifests.recipe_shelf import kept_text
from manifests.store import Store
from tasks.listing import TextLimits, Words, fit

# A customer's asset holds none of these.
NOT_SOLD = frozenset({"reference", "views", "vecset", "voxels", "shape", "caption"})
SAID = ("attributes", "styles", "colors", "materials")  # of a prompt that was understood, in the order of speech


@dataclass(frozen=True)
class Wants:
    """What a target takes."""

    formats: tuple[tuple[str, ...], ...]  # of each group the first that is there goes, and one has to be
    text: TextLimits
    bytes: int  # of all files together
    terms: Terms
    ai: Literal["allowed", "disclosed", "refused"] = "disclosed"
    all_formats: bool = False  # whatever else there is goes too
    never: frozenset[str] = frozenset()  # formats the target does not want at all


@dataclass(frozen=True)
class Blocked:
    """Why an asset does not go to a target."""

    id: str
    code: str
    why: str


@dataclass(frozen=True)
class Package:
    """One version of one asset, ready for one target."""

    id: str
    key: str
    token: str  # found again by this at the target
    words: Words
    licence: str  # "" where none is known
    creator: str
    copyright: str
    ai: bool
    generator: str
    category: str
    metrics: Mapping[str, float]
    files: tuple[Output, ...]  # the one the target shows comes first
    poster: Output | None
    store: Store
    signer: Signer | None = None  # signs what stands beside the files

    @property
    def main(self) -> Output:
        """The file the target shows."""
        return self.files[0]

    @property
    def master(self) -> Output:
        """The file that provenance is signed for: the whole GLB, else the one that is shown."""
        return next((file for file in self.files if file.format == "glb" and file.lod == 0), self.main)

    @cached_property
    def size(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)

    def read(self, file: Output) -> bytes:
        """A file's bytes; raises StoreError when they are not what the ledger says, FileNotFoundError."""
        data = self.store.read(file.uri)
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise StoreError(f"{file.uri} is not what the ledger says it is")
        return data


def name_of(file: Output) -> str:
    """The file's own name."""
    return file.uri.rsplit("/", 1)[-1]


def mime_of(file: Output) -> str:
    """Its media type (IANA)."""
    return media_type(file.uri)


def token_of(target: str, id: str, key: str) -> str:
    """What one version of an asset is found by at one target: the same for every try, whoever makes it."""
    return "mm-" + blake2b(f"{target}\0{id}\0{key}".encode(), digest_size=8).hexdigest()


class Packing:
    """Makes packages of one run's rows for one target."""

    def __init__(
        self, store: Store, target: str, wants: Wants, use: Use, mark: bool = False, signer: Signer | None = None
    ) -> None:
        """`mark` writes the token into the description, for targets that are searched by their words."""
        self.store, self.target, self.wants, self.use, self.mark = store, target, wants, use, mark
        self.signer = signer
        self.licences = Licences(store)
        self._recipes: dict[str, dict[str, Any]] = {}

    def package(self, row: Mapping[str, Any]) -> Package | Blocked:
        """The package of a passed row, or what stands against it."""
        row = self._with_owner(row)
        code, why = conflict(row, self.use, self.licences)
        if code:
            return Blocked(row["id"], code, why)
        outputs = [Output(**output) for output in row["outputs"]]
        files, lacking = choose(outputs, self.wants)
        if lacking:
            return Blocked(row["id"], "output.format", f"the target needs {lacking}; export it in the recipe")
        poster = next((file for file in outputs if file.format == "poster"), None)
        for file in (*files, *([poster] if poster else [])):
            if self.store.size(file.uri) != file.bytes:
                return Blocked(row["id"], "output.missing", f"{file.uri} is not there as the ledger has it")
        total = sum(file.bytes for file in files)
        if total > self.wants.bytes:
            return Blocked(row["id"], "package.too-large", f"{total} bytes, the target takes {self.wants.bytes}")
        token = token_of(self.target, row["id"], row["key"])
        words = self._words(row, token, [file.format for file in files])
        if words.lacking:
            return Blocked(row["id"], "listing.incomplete", "; ".join(words.lacking))
        return Package(
            id=row["id"],
            key=row["key"],
            token=token,
            words=words,
            licence=licence_of(row),
            creator=row["owner"]["creator"],
            copyright=row["owner"]["copyright"],
            ai=ai_generated(row),
            generator=row["generator"],
            category=str(row["meta"].get("category", "")),
            metrics=row["metrics"],
            files=tuple(files),
            poster=poster,
            store=self.store,
            signer=self.signer,
        )

    def _with_owner(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with what its recipe says of owner, licence and models, where the row itself names no licence.

        An imported file's own licence counts where neither does.
        """
        meta = row["meta"]
        digest = (meta.get("made_from") or {}).get("recipe", "")
        if digest not in self._recipes:
            self._recipes[digest] = _recipe(self.store, digest) if digest else {}
        recipe = self._recipes[digest]
        section = recipe.get("provenance", {})
        said = {name: str(section.get(name, "")) for name in ("creator", "copyright", "license")}
        licence = licence_of(row) or said["license"] or str(meta.get("source_license", ""))
        return {**row, "owner": said, "helpers": helpers(row, recipe), "meta": {**meta, "license": licence}}

    def _words(self, row: Mapping[str, Any], token: str, formats: list[str]) -> Words:
        meta, understood = row["meta"], row["prompt_understood"]
        title = str(meta.get("title", "")) or _title(understood) or row["id"].replace("-", " ").replace("_", " ")
        tags = [tag for tag in str(meta.get("tags", "")).split(",") if tag.strip()]
        tags += [str(meta.get("category", "")), str(meta.get("style", ""))]
        tags += [str(understood.get("subject", "")), *(word for name in SAID for word in understood.get(name, ()))]
        limits = self.wants.text
        return fit(
            title,
            str(meta.get("description", "")) or title,
            facts(row, formats),
            tags,
            limits,
            f"Reference {token}" if self.mark else "",
        )


def choose(outputs: list[Output], wants: Wants) -> tuple[list[Output], str]:
    """The files of the formats wanted, the first group's full level first; what is lacking, in words."""
    shown = [file for file in outputs if file.format not in NOT_SOLD | wants.never | {"poster"}]
    chosen: list[Output] = []
    for group in wants.formats:
        format = next((each for each in group if any(file.format == each for file in shown)), None)
        if format is None:
            return [], " or ".join(group)
        chosen += sorted((file for file in shown if file.format == format), key=lambda file: file.lod)
    if wants.all_formats:
        chosen += [file for file in shown if file not in chosen]
    return chosen, ""


def facts(row: Mapping[str, Any], formats: list[str]) -> list[str]:
    """Lines that every listing says of an asset: size, triangles, formats, licence, and how it was made."""
    metrics, lines = row["metrics"], []
    sizes = [metrics.get(f"size.{name}_m") for name in ("width", "height", "depth")]
    if all(sizes):
        lines.append("Size: " + " × ".join(f"{size:.3g}" for size in sizes if size) + " m (width, height, depth)")
    lines += [f"Triangles: {metrics['triangles']:.0f}"] if metrics.get("triangles") else []
    lines += [f"Textures: up to {metrics['texture.max_px']:.0f} pixels"] if metrics.get("texture.max_px") else []
    lines.append("Formats: " + ", ".join(dict.fromkeys(format.upper().replace("_", " ") for format in formats)))
    if licence_of(row):
        lines.append(f"Licence: {licence_of(row)}")
    lines.append(disclosure(row))
    return lines


def disclosure(row: Mapping[str, Any]) -> str:
    """How the asset was made, in one line; "" for an imported mesh of which nothing is known."""
    if ai_generated(row):
        return "Made with generative AI" + ("." if row["generator"] == IMPORT else f" ({row['generator']}).")
    return "" if row["generator"] == IMPORT else "Made by a procedural algorithm, without generative AI."


def _title(understood: Mapping[str, Any]) -> str:
    """Tall glossy blue ceramic vase: what the prompt says of its subject, a word or two of each kind."""
    words = [str(word) for name in SAID for word in list(understood.get(name, ()))[:2]]
    subject = str(understood.get("subject", ""))
    return " ".join((*dict.fromkeys(words), subject)).capitalize() if subject else ""


def _recipe(store: Store, digest: str) -> dict[str, Any]:
    try:
        return tomllib.loads(kept_text(store, digest))
    except RecipeError:
        return {}
