"""Submission bundles for shops without an upload API: files, pictures, texts, and what is missing."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from flows.content_credentials import SUFFIX, sidecar
from flows.publish_package import Package, Wants, name_of
from flows.publish_pictures import master
from flows.publish_targets.protocol import Common, Receipt
from manifests.row import asset_folder
from manifests.store import Store
from ml.asset import Finding
from tasks.gate import explain, judge
from tasks.listing import TextLimits
from tasks.profile import load_profile

EPOCH = (1980, 1, 1, 0, 0, 0)  # of every entry, so that the same asset gives the same archive
Size = tuple[int, int]


@dataclass(frozen=True)
class Shop:
    """What one shop asks for; each with its source."""

    name: str
    wants: Wants
    pictures: dict[str, Size]  # one picture of each
    shots: int  # further views
    shot: Size
    wireframe: bool = False
    turntable: bool = False
    profile: str = ""  # whose rules the measures are held against
    by_hand: tuple[str, ...] = ()  # what no batch tool can bring


GAME = TextLimits(title=80, description=5000, tags=25, tag=40)
SHOPS = {
    # Epic's Fab documentation, partly secondary (2026-11): 1920 × 1080 gallery, CreatedWithAI where AI made it.
    "fab": Shop(
        "fab",
        Wants((("fbx", "glb"),), GAME, 10_000_000_000, "sold", all_formats=True),
        {"thumbnail": (1920, 1080)},
        4,
        (1920, 1080),
        profile="fab",
        by_hand=("category, price and licence tier: choose them in the Fab publisher portal",),
    ),
    # Unity support article 210122403 and the Asset Store manual: icon, card; cover and social image of the portal.
    "unity": Shop(
        "unity",
        Wants((("fbx",),), GAME, 6_000_000_000, "sold", all_formats=True),
        {"icon": (160, 160), "card": (420, 280), "cover": (1950, 1300), "social": (1200, 630)},
        4,
        (1920, 1080),
        by_hand=(
            "the .unitypackage: import files/ into a project and upload it with the Asset Store Tools",
            "category and price: choose them in the publisher portal",
        ),
    ),
    # TurboSquid's image standards (one search image, five beauty shots, a wireframe, a turntable; 1480 × 800 and
    # more) and its suspension rules: nothing AI-generated, printable formats not beside others.
    "turbosquid": Shop(
        "turbosquid",
        Wants(
            (("fbx", "obj"),),
            GAME,
            10_000_000_000,
            "sold",
            "refused",
            True,
            frozenset({"stl", "ply", "3mf", "glb_web"}),
        ),
        {"search": (1920, 1080)},
        5,
        (1920, 1080),
        wireframe=True,
        turntable=True,
        profile="turbosquid",
        by_hand=("category and price: choose them in the publisher",),
    ),
}


@dataclass(frozen=True)
class BundleOptions(Common):
    """Where bundles are written."""

    to: str = field(default="out/bundles", metadata={"help": "a folder or s3:// prefix"})


class Bundle:
    """One ZIP an asset with its report, and beside it the signature of the user's certificate."""

    marks, finds_all, replaces = False, True, True

    def __init__(self, shop: Shop, options: BundleOptions) -> None:
        self.shop, self.options, self.wants = shop, options, shop.wants
        self.store = Store(options.to)
        self.name = f"{shop.name}:{self.store.uri}"

    def open(self) -> None:
        """Nothing to connect to."""

    def find(self, package: Package) -> str:
        """The bundle, where its report is of this very version."""
        try:
            report = json.loads(self.store.read(f"{self._path(package)}.json"))
        except FileNotFoundError:
            return ""
        return self._path(package) if report["reference"] == package.token else ""

    def create(self, package: Package) -> str:
        """The archive, its signature, and the report last."""
        path = self._path(package)
        missing: list[str] = []
        content = dict(self._content(package, missing))
        report = report_of(package, self.shop, missing, list(content))
        content["report.json"] = report
        archive = packed(content)
        self.store.put(f"{path}.zip", archive)
        if package.signer is not None:
            self.store.put(f"{path}.zip.p7s", package.signer.detached(archive))
        self.store.put(f"{path}.json", report, durable=True)
        return path

    def finish(self, remote: str, package: Package) -> Receipt:
        """It is there already."""
        return Receipt(self.store.uri_of(f"{remote}.zip"), "draft" if self.options.draft else "published")

    def close(self) -> str:
        """Nothing is left."""
        return ""

    def _path(self, package: Package) -> str:
        return f"{self.shop.name}/{asset_folder(package.id)}"

    def _content(self, package: Package, missing: list[str]) -> Iterator[tuple[str, bytes]]:
        for file in package.files:
            data = package.read(file)
            yield f"files/{name_of(file)}", data
            if file == package.master and (credentials := sidecar(package, file, data)):
                yield f"files/{name_of(file)}{SUFFIX}", credentials
        yield from self._pictures(package, missing)
        yield "listing.json", listing(package)
        yield "LICENCE.txt", f"{package.licence}\n{package.copyright}\n".encode()

    def _pictures(self, package: Package, missing: list[str]) -> Iterator[tuple[str, bytes]]:
        """All that the shop asks for, drawn from the master; where there is none, what is missing is said."""
        from tasks.gallery import VIEWS, animation, turntable, views, wireframe

        asset = master(package)
        if asset is None:
            missing.append("pictures: there is no GLB they could be drawn from; export one in the recipe")
            return
        for name, size in self.shop.pictures.items():
            yield f"pictures/{name}.jpg", views(asset, size, VIEWS[:1])[0]
        for number, data in enumerate(views(asset, self.shop.shot, VIEWS[: self.shop.shots]), start=1):
            yield f"pictures/view-{number}.jpg", data
        if self.shop.wireframe:
            yield "pictures/wireframe.jpg", wireframe(asset, self.shop.shot)
        if self.shop.turntable:
            frames = turntable(asset)
            yield from ((f"turntable/{k:02d}.jpg", frame) for k, frame in enumerate(frames))
            yield "turntable/turntable.webp", animation(frames)


def bundle(name: str) -> type[Bundle]:
    """The target of one shop."""
    return type(name, (Bundle,), {"__init__": lambda self, options: Bundle.__init__(self, SHOPS[name], options)})


def listing(package: Package) -> bytes:
    """The words of the listing, to be copied into the shop's form."""
    content = {
        "title": package.words.title,
        "description": package.words.description,
        "tags": list(package.words.tags),
        "licence": package.licence,
        "creator": package.creator,
        "copyright": package.copyright,
        "ai_generated": package.ai,
        "generator": package.generator,
        "category": package.category,
        "triangles": package.metrics.get("triangles"),
    }
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def report_of(package: Package, shop: Shop, missing: list[str], names: list[str]) -> bytes:
    """What the bundle holds, and what a person still has to bring."""
    lacking = [*missing]
    lacking += [] if package.creator else ["creator: name yourself in the recipe's [provenance]"]
    lacking += [] if package.words.tags else ["tags: give the row some"]
    if package.ai and shop.name == "fab":
        lacking.append("tick CreatedWithAI: a generative model made this asset")
    if package.ai and shop.name == "unity":
        lacking.append("fill in the AI description: a generative model made this asset")
    against, unchecked = checked(package, shop)
    lacking += [explain(finding) for finding in against if finding.severity == "reject"]
    content = {
        "shop": shop.name,
        "asset": package.id,
        "reference": package.token,
        "complete": not lacking,
        "missing": lacking,
        "warnings": [explain(finding) for finding in against if finding.severity != "reject"],
        "unchecked": unchecked,
        "by_hand": list(shop.by_hand),
        "files": sorted(names),
    }
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def checked(package: Package, shop: Shop) -> tuple[tuple[Finding, ...], list[str]]:
    """The shop's rules that the asset's measures break, and the rules for which nothing was measured."""
    if not shop.profile:
        return (), []
    profile = load_profile(shop.profile)
    measured = [rule for rule in profile.rules if rule.metric in package.metrics]
    against = judge(package.metrics, replace(profile, rules=tuple(measured)))
    return against, sorted({rule.code for rule in profile.rules if rule not in measured})


def packed(content: dict[str, bytes]) -> bytes:
    """A ZIP whose bytes depend on nothing but its content; what is packed already is stored."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            small = name.endswith((".json", ".txt", ".obj", ".mtl", ".fbx", ".glb", ".gltf", ".bin"))
            archive.writestr(entry, content[name], zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED)
    return buffer.getvalue()
