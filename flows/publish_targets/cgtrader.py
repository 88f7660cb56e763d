"""CGTrader, REST API 1.0: a draft is made, files and pictures are added to it, then it is published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from flows.publish_http import Bucket, Refused, Session, Unavailable, Unsure
from flows.publish_package import Package, Wants, mime_of, name_of
from flows.publish_pictures import master
from flows.publish_secrets import secret
from flows.publish_targets.credentials import CREDENTIALS
from flows.publish_targets.protocol import Common, Receipt
from manifests.errors import UsageError
from ml.asset import Asset
from tasks.listing import TextLimits

LIMITS = TextLimits(title=100, description=5000, tags=20, least_tags=5, tag=50)  # at least 5 tags: the API's reference
MAX_BYTES = 2_000_000_000
PAGES = 40
TRIES = 3
PICTURE = (1920, 1080)  # of the views beside the poster


@dataclass(frozen=True)
class CGTraderOptions(Common):
    """Which shelf, which price."""

    base_url: str = field(default="https://api.cgtrader.com", metadata={"help": "of the API"})
    category: str = field(default="", metadata={"help": "slug, from GET /v1/categories"})
    subcategory: str = field(default="", metadata={"help": "slug, from GET /v1/categories"})
    price: float = field(default=0.0, metadata={"min": 0.0, "max": 100_000.0, "help": "US dollars"})
    license: Literal["royalty_free", "editorial"] = field(default="royalty_free", metadata={"help": "the shop's own"})
    rate: float = field(default=1.6, metadata={"min": 0.01, "max": 1000.0, "help": "requests a second"})


class CGTrader:
    """An account on CGTrader.

    GET /v1/models is documented as a search of models and does not say that it shows drafts. So a draft whose answer
    was lost may be there and not be found: it is left to a person, never made a second time.
    """

    marks, finds_all, replaces = True, False, False
    wants = Wants((("glb", "glb_web"),), LIMITS, MAX_BYTES, "sold", all_formats=True)

    def __init__(self, options: CGTraderOptions) -> None:
        """Raises UsageError without a shelf."""
        if not (options.category and options.subcategory):
            raise UsageError(
                "target cgtrader: category and subcategory have to be given, as GET /v1/categories has them"
            )
        self.options, self.name = options, "cgtrader"

    def open(self) -> None:
        """Read the token; raises UsageError."""
        token = secret(CREDENTIALS["cgtrader"], "an OAuth access token of the account")
        bucket = Bucket(self.options.rate, max(1.0, 10 * self.options.rate))
        self.session = Session(self.options.base_url, {"Authorization": f"Bearer {token}"}, bucket)

    def find(self, package: Package) -> str:
        """By the token in the description."""
        for page in range(1, PAGES + 1):
            query = {"keywords": package.token, "page": page, "sort_by": "newest"}
            models = self.session.repeat("GET", "/v1/models", params=query).json().get("models", ())
            for model in models:
                if package.token in str(model.get("raw_description") or model.get("description", "")):
                    return str(model["id"])
            if not models:
                break
        return ""

    def create(self, package: Package) -> str:
        """A draft; raises Unsure also for an answer that does not tell whether it was made."""
        answer = self.session.once("POST", "/v1/models", json=self._fields(package))
        try:
            said = answer.json()
            if said.get("success", True):
                return str(said["id"])
        except (ValueError, AttributeError, KeyError) as error:
            raise Unsure(f"CGTrader's answer about {package.id} names no draft: {answer.text[:200]}") from error
        raise Refused(f"CGTrader made no draft of {package.id}: {str(said)[:200]}")

    def finish(self, remote: str, package: Package) -> Receipt:
        """Add the files and pictures that it lacks, say that it is AI-generated, publish it."""
        for file in package.files:
            self._add(f"/v1/models/{remote}/files", name_of(file), mime_of(file), partial(package.read, file))
        for name, draw in pictures(package):
            self._add(f"/v1/models/{remote}/images", name, "image/jpeg", draw)
        # On creation the account's own setting counts, whatever is sent: only PUT can say so of one model.
        self.session.repeat("PUT", f"/v1/models/{remote}", json={"ai_generated": package.ai})
        if not self.options.draft:
            self.session.repeat("PUT", f"/v1/models/{remote}", json={"status": "published"})
        url = str(self.session.repeat("GET", f"/v1/models/{remote}").json().get("url") or "")
        return Receipt(url, "draft" if self.options.draft else "published")

    def close(self) -> str:
        """Nothing is left."""
        self.session.close()
        return ""

    def _add(self, path: str, name: str, mime: str, read: Callable[[], bytes]) -> None:
        """Upload a file unless the model has it by name; a lost answer is looked up before the next try."""
        for _ in range(TRIES):
            kind = path.rpartition("/")[2]
            there = self.session.repeat("GET", path).json()
            listed = there.get(kind, there) if isinstance(there, dict) else there
            if any(name == each.get("name") for each in listed):
                return
            content = {"file": (name, read(), mime)}
            try:
                self.session.once("POST", path, files=content)
            except Unsure as error:
                lost = str(error)
            else:
                return
        raise Unavailable(lost)

    def _fields(self, package: Package) -> dict[str, Any]:
        return {
            "title": package.words.title,
            "description": package.words.description,
            "tags": list(package.words.tags),
            "category": self.options.category,
            "subcategory": self.options.subcategory,
            "price": self.options.price,
            "license": self.options.license,
            "product_type": "cg",
            "pbr": True,
            "info": {
                "polygons": int(package.metrics.get("triangles", 0)),
                "vertices": int(package.metrics.get("vertices", 0)),
                "geometry_type": "polygonal_mesh",
                "textures": package.metrics.get("texture.max_px", 0.0) > 0.0,
                "materials": True,
            },
        }


def pictures(package: Package) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Names of the poster and of views from all sides, each with what gives its bytes, which are drawn when asked."""
    from tasks.gallery import VIEWS

    if package.poster:
        yield name_of(package.poster), partial(package.read, package.poster)
    asset = master(package)
    if asset is not None:
        for number, direction in enumerate(VIEWS, start=1):
            name = f"{name_of(package.master).removesuffix('.glb')}_view-{number}.jpg"
            yield name, partial(drawn, asset, direction)


def drawn(asset: Asset, direction: tuple[float, float]) -> bytes:
    """The asset from one side, a JPEG."""
    from tasks.gallery import views

    return views(asset, PICTURE, [direction])[0]
