"""Shopify, GraphQL Admin API: a product under a handle of its own, with the model and a picture as its media."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from html import escape
from typing import Any

from flows.publish_http import Bucket, Refused, Session, Unavailable, Unsure
from flows.publish_package import Package, Wants, mime_of, name_of
from flows.publish_secrets import masked, secret
from flows.publish_targets.credentials import CREDENTIALS
from flows.publish_targets.protocol import Common, Processing, Receipt
from manifests.errors import UsageError
from manifests.ledger_row import Output
from tasks.listing import TextLimits

VERSION = "2026-10"
LIMITS = TextLimits(title=255, description=10_000, tags=250, tag=255)
MAX_BYTES = 499_999_999  # Shopify help, 3D models: under 500 MB
TRIES = 6
MEDIA_TRIES = 3  # of making a medium whose answer was lost and which is not there

FIND = "query($handle: String!) { productByIdentifier(identifier: {handle: $handle}) { id } }"
MAKE = """mutation($handle: String!, $input: ProductSetInput!) {
  productSet(identifier: {handle: $handle}, input: $input, synchronous: true) {
    product { id } userErrors { field message } } }"""
MEDIA = """query($id: ID!) { product(id: $id) { handle onlineStorePreviewUrl
  media(first: 50) { nodes { alt status mediaContentType } } } }"""
STAGE = """mutation($input: [StagedUploadInput!]!) { stagedUploadsCreate(input: $input) {
  stagedTargets { url resourceUrl parameters { name value } } userErrors { field message } } }"""
ATTACH = """mutation($product: ProductUpdateInput!, $media: [CreateMediaInput!]) {
  productUpdate(product: $product, media: $media) { product { id } userErrors { field message } } }"""


@dataclass(frozen=True)
class ShopifyOptions(Common):
    """Which shop."""

    shop: str = field(default="", metadata={"help": "name.myshopify.com"})
    base_url: str = field(default="", metadata={"help": "of the API; https://SHOP by default"})
    vendor: str = field(default="", metadata={"help": "of the products"})
    rate: float = field(default=2.0, metadata={"min": 0.01, "max": 1000.0, "help": "requests a second"})
    wait: float = field(default=300.0, metadata={"min": 0.0, "max": 86400.0, "help": "seconds for processing"})
    poll: float = field(default=3.0, metadata={"min": 0.001, "max": 600.0, "help": "seconds between two looks"})


class Shopify:
    """A shop. `productSet` under a handle makes or updates that product, so that no try makes a second one."""

    marks, finds_all, replaces = False, True, False
    wants = Wants((("glb_web", "glb"),), LIMITS, MAX_BYTES, "sold")

    def __init__(self, options: ShopifyOptions) -> None:
        """Raises UsageError without a shop."""
        if not options.shop:
            raise UsageError("target shopify: shop has to be given, as name.myshopify.com")
        self.options, self.name = options, f"shopify:{options.shop}"

    def open(self) -> None:
        """Read the token; raises UsageError."""
        token = secret(CREDENTIALS["shopify"], "an Admin API access token with write_products and write_files")
        base = self.options.base_url or f"https://{self.options.shop}"
        bucket = Bucket(self.options.rate, max(1.0, self.options.rate))
        self.session = Session(base, {"X-Shopify-Access-Token": token}, bucket)

    def find(self, package: Package) -> str:
        """The product of this version's handle."""
        found = self._ask(FIND, {"handle": package.token})["productByIdentifier"]
        return str(found["id"]) if found else ""

    def create(self, package: Package) -> str:
        """The product, always as a draft: it goes on sale when its media are ready."""
        text = "".join(f"<p>{escape(line)}</p>" for line in package.words.description.splitlines())
        product = {
            "handle": package.token,
            "title": package.words.title,
            "descriptionHtml": text,
            "tags": list(package.words.tags),
            "status": "DRAFT",
            **({"vendor": self.options.vendor} if self.options.vendor else {}),
        }
        made = self._change(MAKE, {"handle": package.token, "input": product}, "productSet")
        return str(made["product"]["id"])

    def finish(self, remote: str, package: Package) -> Receipt:
        """Upload the media it lacks, wait until all are ready, put it on sale where drafts were not asked for."""
        self._attach(remote, package.main, "MODEL_3D", package)
        if package.poster:
            self._attach(remote, package.poster, "IMAGE", package)
        url = self._wait_until_ready(remote, package)
        if not self.options.draft:
            sold = {"product": {"id": remote, "status": "ACTIVE"}, "media": []}
            self._change(ATTACH, sold, "productUpdate", self.session.repeat)
        return Receipt(url, "draft" if self.options.draft else "published")

    def close(self) -> str:
        """Nothing is left."""
        self.session.close()
        return ""

    def _attach(self, remote: str, file: Output, kind: str, package: Package) -> None:
        """One file as a medium, unless the product has it: media are told apart by their alt text."""
        alt = f"{package.words.title} ({name_of(file)})"[:512]
        for _ in range(MEDIA_TRIES):
            if any(alt == each["alt"] for each in self._media(remote)["media"]["nodes"]):
                return
            medium = {"originalSource": self._stage(file, kind, package), "mediaContentType": kind, "alt": alt}
            try:
                self._change(ATTACH, {"product": {"id": remote}, "media": [medium]}, "productUpdate")
            except Unsure as error:
                lost = str(error)
            else:
                return
        raise Unavailable(lost)

    def _stage(self, file: Output, kind: str, package: Package) -> str:
        """Upload a file to a place of its own, from where media are made; that place's name."""
        asked = {
            "filename": f"{package.token}-{name_of(file)}",
            "mimeType": mime_of(file),
            "resource": kind,
            "fileSize": str(file.bytes),
            "httpMethod": "POST",
        }
        answer = self._change(STAGE, {"input": [asked]}, "stagedUploadsCreate", self.session.repeat)
        staged = answer["stagedTargets"][0]
        self._upload(staged, file, package)
        return str(staged["resourceUrl"])

    def _upload(self, staged: dict[str, Any], file: Output, package: Package) -> None:
        """To the place Shopify names, which is not the shop's: without the shop's token and rate."""
        fields = {each["name"]: each["value"] for each in staged["parameters"]}
        content = {"file": (name_of(file), package.read(file), mime_of(file))}
        place = Session(staged["url"], {}, Bucket(self.options.rate))
        try:
            place.repeat("POST", staged["url"], data=fields, files=content)
        except Refused as error:  # without its status: a 403 there is no word about the shop's token
            raise Refused(f"the upload of {file.uri} was refused: {error}") from error
        finally:
            place.close()

    def _wait_until_ready(self, remote: str, package: Package) -> str:
        deadline = time.monotonic() + self.options.wait
        while True:
            product = self._media(remote)
            states = [each["status"] for each in product["media"]["nodes"]]
            if "FAILED" in states:
                raise Refused(f"Shopify could not process a medium of {package.id} ({remote})")
            if states and all(state == "READY" for state in states):
                return str(product.get("onlineStorePreviewUrl") or "")
            if time.monotonic() >= deadline:
                raise Processing(f"Shopify is still processing {package.id} ({remote})")
            time.sleep(self.options.poll)

    def _media(self, remote: str) -> dict[str, Any]:
        found: dict[str, Any] | None = self._ask(MEDIA, {"id": remote})["product"]
        if found is None:
            raise Refused(f"Shopify has no product {remote} any more")
        return found

    def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """A query's data; a throttled one is asked again after the seconds its cost takes to be restored."""
        return self._data(query, variables, self.session.repeat)

    def _change(self, query: str, variables: dict[str, Any], name: str, send: Any = None) -> dict[str, Any]:
        """A mutation's answer; raises Refused for its userErrors, Unsure where the answer of one sent once was lost."""
        answer: dict[str, Any] = self._data(query, variables, send or self.session.once)[name]
        if answer["userErrors"]:
            said = "; ".join(each["message"] for each in answer["userErrors"])
            raise Refused(masked(f"Shopify, {name}: {said}"))
        return answer

    def _data(self, query: str, variables: dict[str, Any], send: Any) -> dict[str, Any]:
        path = f"/admin/api/{VERSION}/graphql.json"
        for _ in range(TRIES):
            answer = send("POST", path, json={"query": query, "variables": variables}).json()
            errors = answer.get("errors")
            if not errors:
                data: dict[str, Any] = answer["data"]
                return data
            codes = [each.get("extensions", {}).get("code") for each in errors if isinstance(each, dict)]
            if "THROTTLED" not in codes:
                raise Refused(masked(f"Shopify: {str(errors)[:300]}"))
            self.session.bucket.pause(restored_in(answer))
        raise Unavailable("Shopify throttles every try")


def restored_in(answer: dict[str, Any]) -> float:
    """Seconds until a throttled query can be afforded: (its cost − what is there) over the restore rate."""
    cost = answer.get("extensions", {}).get("cost", {})
    status = cost.get("throttleStatus", {})
    lacking = float(cost.get("requestedQueryCost", 0)) - float(status.get("currentlyAvailable", 0))
    return max(0.0, lacking) / max(1.0, float(status.get("restoreRate", 50)))
