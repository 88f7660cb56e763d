"""Hugging Face: a dataset repository with one folder an asset, each written by one commit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from flows.content_credentials import SUFFIX, sidecar
from flows.hub import blob_id, connect, make_repository, told
from flows.publish_http import Bucket, Refused, Unavailable, Unsure
from flows.publish_package import Package, Wants, name_of
from flows.publish_targets.protocol import Common, Receipt
from flows.publish_targets.site import item_of
from manifests.errors import UsageError
from manifests.row import asset_folder
from tasks.listing import TextLimits

MAX_BYTES = 5_000_000_000
HOUR = 3600.0
CARD = "README.md"
CARD_TEXT = """---
license: other
license_name: stated-for-each-asset
tags: [3d, mesh, gltf]
---

# {name}

One folder an asset below `assets/`. Its `asset.json` has title, description, tags, licence, creator, sizes, the digest
of each file, and whether a generative model made it (`ai_generated`, `generator`).
"""


@dataclass(frozen=True)
class HuggingFaceOptions(Common):
    """Which repository, and how fast."""

    repo: str = field(default="", metadata={"help": "owner/name; made where it is missing, private for drafts"})
    kind: Literal["dataset", "model"] = field(default="dataset", metadata={"help": "of the repository"})
    base_url: str = field(default="https://huggingface.co", metadata={"help": "of the hub"})
    commits: float = field(default=100.0, metadata={"min": 1.0, "max": 1e6, "help": "an hour; the hub allows 128"})


class HuggingFace:
    """One repository; a commit with the same content changes nothing, so that every call may be repeated."""

    marks, finds_all, replaces = False, True, True
    wants = Wants((("glb", "glb_web"),), TextLimits(), MAX_BYTES, "licence", all_formats=True)

    def __init__(self, options: HuggingFaceOptions) -> None:
        """Raises UsageError without a repository."""
        if options.repo.count("/") != 1:
            raise UsageError("target huggingface: repo has to be given as owner/name")
        self.options, self.name = options, f"huggingface:{options.repo}"
        self.bucket = Bucket(options.commits / HOUR, options.commits)

    def open(self) -> None:
        """Read the token and make the repository, where it is missing. Raises UsageError, Refused, Unavailable."""
        self.api = connect(self.options.base_url, "target huggingface")
        make_repository(self.api, self.options.repo, self.options.kind, self.options.draft)

    def find(self, package: Package) -> str:
        """The asset's folder, where its asset.json holds the very bytes that this version has."""
        path = f"assets/{asset_folder(package.id)}/asset.json"
        try:
            found = told(lambda: self.api.get_paths_info(self.options.repo, [path], repo_type=self.options.kind))
        except Unsure as error:
            raise Unavailable(str(error)) from error
        here = [getattr(each, "blob_id", "") for each in found]
        return asset_folder(package.id) if blob_id(self._card(package)) in here else ""

    def create(self, package: Package) -> str:
        """One commit with all files of the asset."""
        folder = asset_folder(package.id)
        files = [(f"assets/{folder}/{name_of(file)}", package.read(file)) for file in package.files]
        if credentials := sidecar(package, package.main, files[0][1]):
            files.append((f"{files[0][0]}{SUFFIX}", credentials))
        if package.poster:
            files.append((f"assets/{folder}/{name_of(package.poster)}", package.read(package.poster)))
        files.append((f"assets/{folder}/asset.json", self._card(package)))
        self._commit(files, f"{package.words.title} ({package.token})")
        return folder

    def finish(self, remote: str, package: Package) -> Receipt:
        """A repository is private or public as a whole: that is the user's to change."""
        kind = "datasets/" if self.options.kind == "dataset" else ""
        url = f"{self.options.base_url}/{kind}{self.options.repo}/tree/main/assets/{remote}"
        return Receipt(url, "draft" if self.options.draft else "published")

    def close(self) -> str:
        """A card for the repository where it has none: what is written there by hand stays."""
        try:
            if not told(lambda: self.api.get_paths_info(self.options.repo, [CARD], repo_type=self.options.kind)):
                self._commit([(CARD, CARD_TEXT.format(name=self.options.repo.partition("/")[2]).encode())], "Card")
        except (Refused, Unavailable, Unsure) as error:
            return f"{CARD} was not written: {error}"
        return ""

    def _commit(self, files: list[tuple[str, bytes]], said: str) -> None:
        """Files by path, all or none of them."""
        from huggingface_hub import CommitOperationAdd

        repo, kind = self.options.repo, self.options.kind
        operations = [CommitOperationAdd(path, data) for path, data in files]
        self.bucket.take()
        told(lambda: self.api.create_commit(repo, operations, commit_message=said, repo_type=kind))

    def _card(self, package: Package) -> bytes:
        return json.dumps(item_of(package, False), ensure_ascii=False, indent=1).encode()
