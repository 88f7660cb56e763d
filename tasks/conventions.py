"""What is known of an asset's axis and unit before they are set: from its reader's notes, else from its format."""

from __future__ import annotations

from ml.asset import Asset

# Formats whose specification names neither an up axis nor a unit; glTF 2.0 (§3.4) is Y up in metres.
UNSTATED = frozenset({"obj", "off", "ply", "stl"})


def up_axis(asset: Asset) -> str:
    """ "y", "z" or "unknown"; what was made here is Y up."""
    return asset.notes.get("up_axis") or ("unknown" if input_format(asset) in UNSTATED else "y")


def unit(asset: Asset) -> str:
    """ "m", "cm", "mm", "inch" or "unknown"; what was made here is in metres."""
    return asset.notes.get("unit") or ("unknown" if input_format(asset) in UNSTATED else "m")


def input_format(asset: Asset) -> str:
    """The file format the asset was imported from, "" when it was not."""
    return asset.notes.get("import_format", "")
