"""The one place where targets of publishing are listed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flows.publish_targets.bundle import SHOPS, BundleOptions, bundle
from flows.publish_targets.cgtrader import CGTrader, CGTraderOptions
from flows.publish_targets.huggingface import HuggingFace, HuggingFaceOptions
from flows.publish_targets.protocol import Common, Target
from flows.publish_targets.shopify import Shopify, ShopifyOptions
from flows.publish_targets.site import Site, SiteOptions
from flows.publish_targets.sketchfab import Sketchfab, SketchfabOptions
from manifests.errors import UsageError, nearest
from manifests.options import build_options

TARGETS: dict[str, tuple[Callable[[Any], Target], type[Common]]] = {
    "site": (Site, SiteOptions),
    **{name: (bundle(name), BundleOptions) for name in SHOPS},
    "huggingface": (HuggingFace, HuggingFaceOptions),
    "cgtrader": (CGTrader, CGTraderOptions),
    "shopify": (Shopify, ShopifyOptions),
    "sketchfab": (Sketchfab, SketchfabOptions),
}


def make_target(name: str, table: Mapping[str, Any]) -> tuple[Target, Common]:
    """A target by name with the options of its table; raises UsageError for a wrong name, key or value."""
    if name not in TARGETS:
        raise UsageError(f"unknown target {name!r}{nearest(name, TARGETS)}")
    make, options = TARGETS[name]
    built = build_options(options, table, f"target {name}")
    return make(built), built


def options_of(path: str | None, name: str) -> dict[str, Any]:
    """A target's table of a TOML file, {} where there is none; raises UsageError, also for another's misspelt name."""
    if path is None:
        return {}
    try:
        tables = tomllib.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    for key, table in tables.items():
        if key not in TARGETS or not isinstance(table, dict):
            raise UsageError(f"{path}: {key!r} is no table of a target{nearest(key, TARGETS)}")
    return dict(tables.get(name, {}))
