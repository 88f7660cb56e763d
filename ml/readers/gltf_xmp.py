"""Reads an asset's provenance from a glTF: `asset.copyright` and the packet of KHR_xmp_json_ld."""

from __future__ import annotations

from typing import Any

from ml.asset import Provenance
from ml.readers.gltf_buffers import Json

LONGEST = 4096  # characters of a text: anybody may have written it
TRAINED = "trainedAlgorithmicMedia"


def read_provenance(document: Json) -> Provenance:
    """What the file says of itself; whatever is not in a form we know is left out, never refused."""
    packet = _packet(document)
    source = packet.get("Iptc4xmpExt:DigitalSourceType")
    source = source.get("@id") if isinstance(source, dict) else source
    seed = packet.get("meshmill:seed")
    return Provenance(
        title=_text(packet.get("dc:title")),
        creator=_text(packet.get("dc:creator")),
        copyright=_text(packet.get("dc:rights")) or _text(document["asset"].get("copyright")),
        license=_first(packet, "model3d:spdxLicense", "xmpRights:WebStatement", "xmpRights:UsageTerms"),
        generator=_first(packet, "meshmill:generator", "Iptc4xmpExt:AISystemUsed"),
        ai_generated=isinstance(source, str) and TRAINED in source,
        prompt=_first(packet, "Iptc4xmpExt:AIPromptInformation", "meshmill:prompt"),
        seed=seed if type(seed) is int else None,
    )


def _packet(document: Json) -> Json:
    """The packet that describes the whole asset; {} where there is none."""
    name = "KHR_xmp_json_ld"
    try:
        index = document["asset"]["extensions"][name]["packet"]
        packet = document["extensions"][name]["packets"][index]
    except (KeyError, IndexError, TypeError):
        return {}
    return packet if isinstance(packet, dict) else {}


def _first(packet: Json, *keys: str) -> str:
    return next((text for key in keys if (text := _text(packet.get(key)))), "")


def _text(value: Any) -> str:
    """The text of a plain value, an rdf:Alt or a list: its first entry."""
    for key in ("rdf:_1", "@list", "@set", "@value"):
        if isinstance(value, dict) and key in value:
            return _text(value[key])
    if isinstance(value, list):
        return _text(value[0]) if value and not isinstance(value[0], list) else ""
    return value[:LONGEST].encode("utf-8", "replace").decode() if isinstance(value, str) else ""
