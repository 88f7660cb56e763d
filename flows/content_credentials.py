"""C2PA manifests beside published files: who signed them, how they were made, and that no byte was changed since."""

from __future__ import annotations

import importlib.util
import io
import json
from importlib.metadata import version
from typing import Any

from flows.provenance import IMPORT
from flows.publish_package import Package, mime_of, name_of
from flows.signing import Signer
from manifests.ledger_row import Output
from tasks.xmp import SOURCE_TYPE

SUFFIX = ".c2pa"
# A GLB has no place for a manifest (C2PA 2.2, supported formats), so that it stands beside the file.


def available() -> bool:
    """Whether the library is installed (the extra `publish`)."""
    return importlib.util.find_spec("c2pa") is not None


def sidecar(package: Package, file: Output, data: bytes) -> bytes | None:
    """A signed manifest over a file's bytes; None without a certificate or the library."""
    if package.signer is None or not available():
        return None
    return sign(package.signer, name_of(file), mime_of(file), data, manifest(package, file))


def manifest(package: Package, file: Output) -> dict[str, Any]:
    """What is claimed: the title, and by which kind of source it was made (IPTC digital source types)."""
    source = "trainedAlgorithmicMedia" if package.ai else "algorithmicMedia"
    made = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE + source, "softwareAgent": "Meshmill"}
    imported = {"action": "c2pa.published", **({"digitalSourceType": made["digitalSourceType"]} if package.ai else {})}
    actions = [imported if package.generator == IMPORT else made]
    return {
        "claim_generator_info": [{"name": "Meshmill", "version": version("meshmill")}],
        "title": name_of(file),
        "format": mime_of(file),
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
    }


def sign(signer: Signer, name: str, mime: str, data: bytes, claims: dict[str, Any]) -> bytes:
    """The manifest store (JUMBF) over `data`; raises ValueError where the certificate is not one that C2PA takes."""
    import c2pa

    info = c2pa.C2paSignerInfo(signer.c2pa_algorithm.encode(), signer.chain_pem, signer.key_pem, None)
    try:
        with c2pa.Signer.from_info(info) as own, c2pa.Builder(json.dumps(claims)) as builder:
            builder.set_no_embed()
            made: bytes = builder.sign(own, mime, io.BytesIO(data), io.BytesIO())
    except c2pa.C2paError as error:
        raise ValueError(f"{name} cannot be signed: {error}") from error
    return made


def read(mime: str, data: bytes, sidecar: bytes) -> dict[str, Any]:
    """What a sidecar says of a file: `intact`: file and signature fit; `trusted`: the root is known."""
    import c2pa

    with c2pa.Reader(mime, io.BytesIO(data), sidecar) as reader:
        told = json.loads(reader.json())
    faults = [each["code"] for each in told.get("validation_status", ())]
    trusted = "signingCredential.untrusted" not in faults
    other = [code for code in faults if code != "signingCredential.untrusted"]
    return {"manifest": told["manifests"][told["active_manifest"]], "intact": not other, "trusted": trusted}
