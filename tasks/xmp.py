"""The XMP packet of an asset's provenance, as KHR_xmp_json_ld carries it inside a glTF."""

from __future__ import annotations

from ml.asset import Provenance
from tasks.gltf_document import Json
from tasks.provenance_fields import source_type

CONTEXT = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "model3d": "https://schema.khronos.org/model3d/xsd/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "meshmill": "urn:meshmill:provenance:",
}
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def xmp_packet(provenance: Provenance) -> Json | None:
    """The packet, or None for an asset of which nothing is known.

    Terms: Dublin Core for title, creator and rights; XMP Rights and the Khronos `model3d` schema for the licence (its
    KHR_xmp_json_ld recommendations); IPTC Photo Metadata 2025.1 for the source type and the AI system and prompt.
    What an algorithm made without a trained model is `algorithmicMedia`, not `trainedAlgorithmicMedia`.
    """
    own = provenance
    if own == Provenance():
        return None
    packet: Json = {
        "dc:title": _language(own.title),
        "dc:creator": {"@list": [own.creator]} if own.creator else None,
        "dc:rights": _language(own.copyright),
        "xmp:CreatorTool": "Meshmill",
        "meshmill:generator": own.generator or None,
        "meshmill:seed": own.seed,
        **_license(own.license),
    }
    if kind := source_type(own):
        packet["Iptc4xmpExt:DigitalSourceType"] = {"@id": SOURCE_TYPE + kind}
    if own.ai_generated:
        packet["Iptc4xmpExt:AISystemUsed"] = own.generator or None
    packet["Iptc4xmpExt:AIPromptInformation" if own.ai_generated else "meshmill:prompt"] = own.prompt or None
    told = {key: value for key, value in packet.items() if value is not None}
    used = {key.partition(":")[0] for key in told} | {"rdf"}
    return {"@context": {name: CONTEXT[name] for name in CONTEXT if name in used}, "@id": "", **told}


def _language(text: str) -> Json | None:
    """An rdf:Alt of one entry, the form XMP gives texts that could be translated."""
    return {"@type": "rdf:Alt", "rdf:_1": {"@language": "x-default", "@value": text}} if text else None


def _license(license: str) -> Json:
    if not license:
        return {}
    if "://" in license:
        return {"xmpRights:Marked": True, "xmpRights:WebStatement": license}
    return {"xmpRights:Marked": True, "xmpRights:UsageTerms": _language(license), "model3d:spdxLicense": license}
