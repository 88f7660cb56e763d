"""A publisher's own certificate: signs the log of publications, bundles, and provenance manifests beside assets."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from manifests.errors import UsageError

KEY, CHAIN = "MESHMILL_SIGN_KEY", "MESHMILL_SIGN_CERT"


@dataclass(frozen=True)
class Signer:
    """A private key and the certificates that vouch for it, both PEM; the key is never written anywhere."""

    key_pem: bytes
    chain_pem: bytes

    @cached_property
    def key(self) -> Any:
        """The private key."""
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        return load_pem_private_key(self.key_pem, None)

    @cached_property
    def chain(self) -> list[Any]:
        """The certificates, the signer's own first."""
        from cryptography.x509 import load_pem_x509_certificates

        return load_pem_x509_certificates(self.chain_pem)

    def sign_text(self, data: bytes) -> str:
        """A raw signature of the key over bytes, base64."""
        return base64.b64encode(_sign(self.key, data)).decode()

    def verify(self, data: bytes, signature: str) -> bool:
        """Whether the signer's certificate fits a signature of `sign_text`."""
        return verify(self.chain[0].public_key(), data, signature)

    @property
    def c2pa_algorithm(self) -> str:
        """The key's algorithm as C2PA names it."""
        from cryptography.hazmat.primitives.asymmetric import ec

        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return {256: "es256", 384: "es384"}.get(self.key.key_size, "es512")
        return "ps256"

    def detached(self, data: bytes) -> bytes:
        """A detached CMS signature in DER (RFC 5652), as `openssl cms -verify -binary -inform DER -content` reads."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

        builder = pkcs7.PKCS7SignatureBuilder().set_data(data).add_signer(self.chain[0], self.key, hashes.SHA256())
        for certificate in self.chain[1:]:
            builder = builder.add_certificate(certificate)
        options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
        return builder.sign(Encoding.DER, options)


def signer() -> Signer | None:
    """The user's, from the files that the environment names; None where it names none. Raises UsageError."""
    key, chain = os.environ.get(KEY, ""), os.environ.get(CHAIN, "")
    if not key and not chain:
        return None
    if not (key and chain):
        raise UsageError(f"{KEY} and {CHAIN} name files that belong together; only one of them is set")
    try:
        found = Signer(Path(key).read_bytes(), Path(chain).read_bytes())
        _check(found)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{KEY} and {CHAIN} cannot be used: {error}") from error
    return found


def verify(public: Any, data: bytes, signature: str) -> bool:
    """Whether a signature of `Signer.sign_text` over `data` was made with the key that belongs to `public`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    try:
        raw = base64.b64decode(signature)
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(raw, data, ec.ECDSA(hashes.SHA256()))
        else:
            public.verify(raw, data, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):  # ValueError: no base64
        return False
    return True


def _sign(key: Any, data: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    signature: bytes = key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return signature


def _check(found: Signer) -> None:
    """Raises ValueError where key and certificate are not one pair."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if not isinstance(found.key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the key has to be RSA or of an elliptic curve, which CMS and C2PA both take")
    if not found.chain:
        raise ValueError("no certificate in the chain")
    if not found.verify(b"pair", found.sign_text(b"pair")):
        raise ValueError("the key is not the certificate's")
