"""Pages and feed of a static catalogue: an index, one page an asset with schema.org markup, and catalog.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from manifests.licences import plain_licence

Item = Mapping[str, Any]  # as the publisher keeps it in items/NAME.json; its hrefs are relative to the site's root

PER_PAGE = 200
FEED_VERSION = 1
VIEWER = "model-viewer.min.js"  # beside index.html: the pages turn their models once it is there
VIEWER_HERE = Path(__file__).parent / "web/node_modules/@google/model-viewer/dist" / VIEWER  # infra/setup/npm.sh's
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}"
    "ul.assets{display:grid;grid-template-columns:repeat(auto-fill,minmax(12rem,1fr));gap:1rem;padding:0;list-style:none}"
    "img,model-viewer{width:100%;aspect-ratio:1;object-fit:contain;background:#eee}model-viewer{display:block;max-width:40rem}"
)
# CreativeWork.license wants an address: those of Creative Commons by their SPDX names.
LICENCES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC-BY-ND-4.0": "https://creativecommons.org/licenses/by-nd/4.0/",
    "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "CC-BY-NC-ND-4.0": "https://creativecommons.org/licenses/by-nc-nd/4.0/",
}
# schema.org IPTCDigitalSourceEnumeration
SOURCES = {True: "TrainedAlgorithmicMediaDigitalSource", False: "AlgorithmicMediaDigitalSource"}


def catalog(title: str, base_url: str, items: Sequence[Item]) -> bytes:
    """The feed: every listed asset with the address, type, size and digest of each of its files."""
    content = {"version": FEED_VERSION, "title": title, "assets": [_entry(item, base_url) for item in items]}
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _entry(item: Item, base_url: str) -> dict[str, Any]:
    files = [{**file, "href": address(base_url, file["href"])} for file in item["files"]]
    poster, credentials = (address(base_url, item[name]) if item[name] else "" for name in ("poster", "credentials"))
    page = address(base_url, item["page"])
    own = {name: value for name, value in item.items() if name != "draft"}
    return {**own, "page": page, "poster": poster, "credentials": credentials, "files": files}


def address(base_url: str, href: str) -> str:
    """A file's address: below `base_url`, or relative to the site's root where that is not known."""
    return f"{base_url.rstrip('/')}/{quote(href)}" if base_url else quote(href)


def markup(item: Item, base_url: str) -> dict[str, Any]:
    """The asset as schema.org's 3DModel (JSON-LD)."""
    licence, unknown = item["licence"], item["imported"] and not item["ai_generated"]
    model: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "3DModel",
        "@id": address(base_url, item["page"]) if base_url else None,
        "identifier": item["id"],
        "name": item["title"],
        "description": item["description"],
        "keywords": ", ".join(item["tags"]),
        "license": LICENCES.get(plain_licence(licence).upper()) or licence or None,
        "creator": {"@type": "Organization", "name": item["creator"]} if item["creator"] else None,
        "copyrightNotice": item["copyright"] or None,
        "image": address(base_url, item["poster"]) if item["poster"] else None,
        "isResizable": False,
        "digitalSourceType": None if unknown else f"https://schema.org/{SOURCES[item['ai_generated']]}",
        "encoding": [
            {
                "@type": "MediaObject",
                "encodingFormat": file["type"],
                "contentUrl": address(base_url, file["href"]),
                "contentSize": str(file["bytes"]),
                "sha256": file["sha256"],
            }
            for file in item["files"]
        ],
    }
    return {key: value for key, value in model.items() if value is not None}


def item_page(item: Item, base_url: str) -> bytes:
    """One asset's page; it lies two folders below the root, and its model turns once the viewer's script is there."""
    up = "../../"
    first = item["files"][0]
    usdz = next((file for file in item["files"] if file["format"] == "usdz"), None)
    attributes = [f'src="{up}{_href(first["href"])}"', f'alt="{escape(item["title"])}"', "camera-controls", "ar"]
    attributes += [f'ios-src="{up}{_href(usdz["href"])}"'] if usdz else []
    files = "".join(
        f'<li><a href="{up}{_href(file["href"])}" download>{escape(file["href"].rsplit("/", 1)[-1])}</a>'
        f" {file['bytes'] / 1e6:.2f} MB</li>"
        for file in item["files"]
    )
    # Inside the element, so that it is seen where the viewer's script is not there or not loaded yet.
    poster = f'<img slot="poster" src="{up}{_href(item["poster"])}" alt="">' if item["poster"] else ""
    text = "".join(f"<p>{escape(line)}</p>" for line in item["description"].splitlines())
    json_ld = json.dumps(markup(item, base_url), ensure_ascii=False).replace("<", "\\u003c")
    body = (
        f'<p><a href="{up}index.html">All assets</a></p><h1>{escape(item["title"])}</h1>'
        f"<model-viewer {' '.join(attributes)}>{poster}</model-viewer>{text}<ul>{files}</ul>"
        f'<script type="application/ld+json">{json_ld}</script><script type="module" src="{up}{VIEWER}"></script>'
    )
    return _page(item["title"], body)


def index_pages(title: str, items: Sequence[Item]) -> dict[str, bytes]:
    """index.html, page-2.html, …: posters that lead to the assets' pages, each link naming the model's address."""
    pages = {}
    count = max(1, -(-len(items) // PER_PAGE))
    for number in range(1, count + 1):
        shown = items[(number - 1) * PER_PAGE : number * PER_PAGE]
        links = "".join(map(_link, shown))
        ways = "".join(f' <a href="{_index(other)}">{other}</a>' for other in range(1, count + 1) if count > 1)
        body = f'<h1>{escape(title)}</h1><p>{len(items)} assets{ways}</p><ul class="assets">{links}</ul>'
        pages[_index(number)] = _page(title, body + '<p><a href="catalog.json">catalog.json</a></p>')
    return pages


def _link(item: Item) -> str:
    picture = f'<img src="{_href(item["poster"])}" alt="" loading="lazy">' if item["poster"] else ""
    model = _href(item["files"][0]["href"])
    return f'<li><a href="{_href(item["page"])}" data-model="{model}">{picture}{escape(item["title"])}</a></li>'


def _href(href: str) -> str:
    return escape(quote(href))


def _index(number: int) -> str:
    return "index.html" if number == 1 else f"page-{number}.html"


def _page(title: str, body: str) -> bytes:
    """A page whose policy lets in its own files only, and what model-viewer makes in memory: its styles are inline."""
    policy = (
        "default-src 'none'; img-src 'self' blob: data:; style-src 'unsafe-inline'; script-src 'self' "
        "'wasm-unsafe-eval'; connect-src 'self' blob: data:; worker-src 'self' blob:; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head><body>{body}</body></html>\n"
    ).encode()
