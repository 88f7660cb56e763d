"""A static site or any S3 bucket: files, one page an asset, an index and a catalog.json that shops can read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from flows.content_credentials import SUFFIX, sidecar
from flows.provenance import IMPORT
from flows.publish_package import Package, Wants, mime_of, name_of
from flows.publish_targets.protocol import Common, Receipt
from manifests.errors import UsageError
from manifests.row import asset_folder
from manifests.store import Store
from tasks.listing import TextLimits
from tasks.site_pages import VIEWER, VIEWER_HERE, address, catalog, index_pages, item_page

ITEMS = "items"
MEASURES = ("size.width_m", "size.height_m", "size.depth_m", "triangles", "vertices", "texture.max_px")
MAX_BYTES = 5_000_000_000


@dataclass(frozen=True)
class SiteOptions(Common):
    """Where the site is written, and where it will be read."""

    to: str = field(default="", metadata={"help": "a folder, or s3://bucket/prefix; credentials as s3fs finds them"})
    base_url: str = field(default="", metadata={"help": "its public address; without it links are relative"})
    title: str = field(default="3D assets", metadata={"help": "of the index page and the feed"})


class Site:
    """A catalogue below one root. A draft is uploaded and stands in no index; a new version replaces the old one."""

    marks, finds_all, replaces = False, True, True
    wants = Wants((("glb", "glb_web"),), TextLimits(), MAX_BYTES, "licence", all_formats=True)

    def __init__(self, options: SiteOptions) -> None:
        """Raises UsageError without a place."""
        if not options.to:
            raise UsageError("target site: to has to be given, a folder or s3://bucket/prefix")
        self.options = options
        self.store = Store(options.to)
        self.name = f"site:{self.store.uri}"

    def open(self) -> None:
        """Connect to the store."""
        self.store.exists("catalog.json")

    def find(self, package: Package) -> str:
        """The asset's folder, where its item is of this very version."""
        item = self._item(package)
        return asset_folder(package.id) if item and item["token"] == package.token else ""

    def create(self, package: Package) -> str:
        """Files first, the item that names them last: what was killed between is written again."""
        folder = asset_folder(package.id)
        before = self._item(package)
        item = item_of(package, self.options.draft)
        for file in package.files:
            data = package.read(file)
            self.store.put(f"assets/{folder}/{name_of(file)}", data)
            if file == package.main and (credentials := sidecar(package, file, data)):
                item["credentials"] = f"assets/{folder}/{name_of(file)}{SUFFIX}"
                self.store.put(item["credentials"], credentials)
        if package.poster:
            self.store.put(item["poster"], package.read(package.poster))
        self._write(folder, item)
        kept = {file["href"] for file in item["files"]} | {item["poster"], item["page"]}
        kept.add(item["credentials"])
        for href in [*(file["href"] for file in before["files"]), before["credentials"]] if before else []:
            if href and href not in kept:
                self.store.delete(href)
        return folder

    def finish(self, remote: str, package: Package) -> Receipt:
        """A draft that is to be listed gets its listed item."""
        item = self._item(package)
        if item is None or item["token"] != package.token:
            self.create(package)
        elif item["draft"] and not self.options.draft:
            self._write(remote, {**item, "draft": False})
        url = address(self.options.base_url, f"assets/{remote}/index.html") if self.options.base_url else ""
        return Receipt(url, "draft" if self.options.draft else "published")

    def close(self) -> str:
        """The feed and the index, from the items that are there: the site needs no memory but its own."""
        items = []
        paths = sorted(self.store.list(ITEMS))
        for start in range(0, len(paths), 512):
            for data in self.store.read_many(paths[start : start + 512]).values():
                item = json.loads(data)
                items += [] if item["draft"] else [item]
        items.sort(key=lambda item: str(item["id"]))
        self.store.put("catalog.json", catalog(self.options.title, self.options.base_url, items))
        for name, page in index_pages(self.options.title, items).items():
            self.store.put(name, page)
        return f"{len(items)} assets in {self.store.uri_of('catalog.json')}{self._viewer()}"

    def _viewer(self) -> str:
        """Put model-viewer beside the pages, or say that it is missing."""
        if VIEWER_HERE.exists() and self.store.size(VIEWER) != VIEWER_HERE.stat().st_size:
            self.store.copy_file(VIEWER, str(VIEWER_HERE))
        return "" if self.store.exists(VIEWER) else f"; models stand still until {VIEWER} lies beside index.html"

    def _write(self, folder: str, item: dict[str, Any]) -> None:
        self.store.put(item["page"], item_page(item, self.options.base_url))
        self.store.put(f"{ITEMS}/{folder}.json", json.dumps(item, ensure_ascii=False).encode(), durable=True)

    def _item(self, package: Package) -> dict[str, Any] | None:
        try:
            item: dict[str, Any] = json.loads(self.store.read(f"{ITEMS}/{asset_folder(package.id)}.json"))
        except FileNotFoundError:
            return None
        return item


def item_of(package: Package, draft: bool) -> dict[str, Any]:
    """What the site knows of an asset; hrefs are relative to its root."""
    folder = asset_folder(package.id)
    return {
        "id": package.id,
        "token": package.token,
        "title": package.words.title,
        "description": package.words.description,
        "tags": list(package.words.tags),
        "category": package.category,
        "licence": package.licence,
        "creator": package.creator,
        "copyright": package.copyright,
        "ai_generated": package.ai,
        "imported": package.generator == IMPORT,
        "generator": package.generator,
        "measures": {name: package.metrics[name] for name in MEASURES if name in package.metrics},
        "page": f"assets/{folder}/index.html",
        "credentials": "",  # a C2PA manifest beside the first file
        "poster": f"assets/{folder}/{name_of(package.poster)}" if package.poster else "",
        "files": [
            {
                "format": file.format,
                "lod": file.lod,
                "href": f"assets/{folder}/{name_of(file)}",
                "type": mime_of(file),
                "bytes": file.bytes,
                "sha256": file.sha256,
            }
            for file in package.files
        ],
        "draft": draft,
    }
