"""The one place where targets of publishing are listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
