"""Sketchfab, Data API v3: one upload makes the model, which is then processed, and published when it is ready."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from flows.publish_http import Bucket, Refused, Session
from flows.publish_package import Package, Wants, mime_of, name_of
from flows.publish_secrets import secret
from flows.publish_targets.credentials import CREDENTIALS
from flows.publish_targets.protocol import Common, Processing, Receipt
from manifests.licences import plain_licence
from tasks.listing import TextLimits

# Title 48, description 1024, 42 tags of 48 (Sketchfab's upload form); 200 MB on the largest ordinary plan.
LIMITS = TextLimits(title=48, description=1024, tags=40, tag=48)  # one tag finds the model again, one may be AI's
# Sketchfab's terms: of models that were sold or downloadable since 2023-03-23, of every model since 2025-12-11
# (help.sketchfab.com 12099571126161; tags are written in small letters).
AI_TAG = "createdwithai"
MAX_BYTES = 200_000_000
PAGES = 40  # of 24 models, newest first, looked through for what a lost answer may have left
LICENCES = {
    "CC-BY-4.0": "by",
    "CC-BY-SA-4.0": "by-sa",
    "CC-BY-ND-4.0": "by-nd",
    "CC-BY-NC-4.0": "by-nc",
    "CC-BY-NC-SA-4.0": "by-nc-sa",
    "CC-BY-NC-ND-4.0": "by-nc-nd",
    "CC0-1.0": "cc0",
}
DONE = ("SUCCEEDED", "SUCCESSED")  # both spellings are seen


@dataclass(frozen=True)
class SketchfabOptions(Common):
    """Where and how to upload."""

    base_url: str = field(default="https://api.sketchfab.com", metadata={"help": "of the API"})
    private: bool = field(default=False, metadata={"help": "of a paid plan"})
    rate: float = field(default=1.0, metadata={"min": 0.01, "max": 1000.0, "help": "requests a second"})
    wait: float = field(default=300.0, metadata={"min": 0.0, "max": 86400.0, "help": "seconds for processing"})
    poll: float = field(default=5.0, metadata={"min": 0.001, "max": 600.0, "help": "seconds between two looks"})


class Sketchfab:
    """An account on Sketchfab."""

    marks, finds_all, replaces = True, True, False
    wants = Wants((("glb", "glb_web"),), LIMITS, MAX_BYTES, "licence")

    def __init__(self, options: SketchfabOptions) -> None:
        self.options, self.name = options, "sketchfab"

    def open(self) -> None:
        """Read the token; raises UsageError."""
        token = secret(CREDENTIALS["sketchfab"], "the account's API token")
        bucket = Bucket(self.options.rate, max(1.0, self.options.rate))
        self.session = Session(self.options.base_url, {"Authorization": f"Token {token}"}, bucket)

    def find(self, package: Package) -> str:
        """Among the account's own models, drafts included, newest first."""
        path: str | None = "/v3/me/models?sort_by=-createdAt"
        for _ in range(PAGES):
            if path is None:
                break
            page = self.session.repeat("GET", path).json()
            for model in page.get("results", ()):
                tags = {str(tag.get("slug", "")) for tag in model.get("tags", ()) if isinstance(tag, dict)}
                if package.token in tags or package.token in str(model.get("description", "")):
                    return str(model["uid"])
            following = page.get("next")
            path = following if following and following.startswith(f"{self.session.base}/") else None
        return ""

    def create(self, package: Package) -> str:
        """Upload, always as a draft: it is published when it is processed."""
        words = package.words
        fields: dict[str, Any] = {
            "name": words.title,
            "description": words.description,
            "tags": [*map(slug, words.tags), *([AI_TAG] if package.ai else []), package.token],
            "isPublished": "false",
            "private": "true" if self.options.private else "false",
            "source": "meshmill",
        }
        if licence := LICENCES.get(plain_licence(package.licence).upper()):
            fields["license"] = licence
        file = package.main
        content = {"modelFile": (name_of(file), package.read(file), mime_of(file))}
        answer = self.session.once("POST", "/v3/models", data=fields, files=content)
        uid = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2] or str(answer.json().get("uid", ""))
        if not uid:
            raise Refused(f"Sketchfab took {package.id} and named no uid")
        return uid

    def finish(self, remote: str, package: Package) -> Receipt:
        """Wait until it is processed, then publish it where drafts were not asked for."""
        deadline = time.monotonic() + self.options.wait
        while (status := self._status(remote)) not in DONE:
            if status == "FAILED":
                raise Refused(f"Sketchfab could not process {package.id} ({remote})")
            if time.monotonic() >= deadline:
                raise Processing(f"Sketchfab is still processing {package.id} ({remote})")
            time.sleep(self.options.poll)
        if not self.options.draft:
            self.session.repeat("PATCH", f"/v3/models/{remote}", json={"isPublished": True})
        return Receipt(f"https://sketchfab.com/3d-models/{remote}", "draft" if self.options.draft else "published")

    def _status(self, remote: str) -> str:
        return str(self.session.repeat("GET", f"/v3/models/{remote}").json().get("status", {}).get("processing", ""))

    def close(self) -> str:
        """Nothing is left."""
        self.session.close()
        return ""


def slug(tag: str) -> str:
    """A tag as Sketchfab writes it: small letters, digits and hyphens."""
    return re.sub(r"[^\w]+", "-", tag.lower()).strip("-")
