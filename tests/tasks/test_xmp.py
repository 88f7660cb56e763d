"""The XMP packet: the terms that readers of glTF metadata look for, and nothing where nothing is known."""

from __future__ import annotations

from ml.asset import Provenance
from tasks.xmp import xmp_packet

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def test_terms() -> None:
    told = xmp_packet(Provenance("Chair", "Anna", "© Anna", "CC-BY-4.0", "net", True, "a chair", 0))
    assert told is not None
    assert told["model3d:spdxLicense"] == "CC-BY-4.0"
    assert told["dc:rights"]["rdf:_1"]["@value"] == "© Anna"
    assert told["Iptc4xmpExt:DigitalSourceType"] == {"@id": SOURCE + "trainedAlgorithmicMedia"}
    assert (told["Iptc4xmpExt:AIPromptInformation"], told["meshmill:seed"]) == ("a chair", 0)
    assert {key.partition(":")[0] for key in told if ":" in key} <= set(told["@context"])


def test_what_is_unknown_is_not_said() -> None:
    assert xmp_packet(Provenance()) is None
    plain = xmp_packet(Provenance(generator="procedural", license="https://example.org/terms"))
    assert plain is not None
    assert plain["Iptc4xmpExt:DigitalSourceType"] == {"@id": SOURCE + "algorithmicMedia"}
    assert plain["xmpRights:WebStatement"] == "https://example.org/terms"
    assert not [key for key in plain if "Prompt" in key or key in ("dc:title", "meshmill:seed")]
