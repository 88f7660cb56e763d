"""A data set's repository of the Hugging Face hub: some shards with their indexes and markers make one commit."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from typing import Any

from flows.hub import blob_id, connect, make_repository, told
from flows.publish_http import FIRST_WAIT, LONGEST_WAIT, TRIES, Bucket, Clock, Unavailable, Unsure
from flows.push_places.protocol import PushFile
from manifests.errors import UsageError

SCHEME = "hf://"
HUB = "https://huggingface.co"
COMMITS_AN_HOUR = 100.0  # the hub allows 128


class HubPlace:
    """One dataset repository, made private where it is missing; opening it to others is its owner's to do."""

    at_once = 96  # files: the hub advises commits of 50 to 100

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        """Raises UsageError for what is not hf://datasets/OWNER/NAME."""
        kind, _, repo = url.removeprefix(SCHEME).partition("/")
        if kind != "datasets" or repo.count("/") != 1 or not all(repo.split("/")):
            raise UsageError(f"{url!r} is no data set of the hub; write hf://datasets/OWNER/NAME")
        self.name, self.repo = url, repo
        self.clock = clock or Clock()
        self.bucket = Bucket(COMMITS_AN_HOUR / 3600.0, COMMITS_AN_HOUR, self.clock)

    def open(self) -> None:
        """Make the repository where it is missing, and list it; HF_ENDPOINT names another hub."""
        self.api = connect(os.environ.get("HF_ENDPOINT", HUB), "--push to the hub")
        self._try(lambda: make_repository(self.api, self.repo, "dataset", True))
        listed = self._try(
            lambda: told(lambda: list(self.api.list_repo_tree(self.repo, recursive=True, repo_type="dataset")))
        )
        self._files: dict[str, Any] = {each.path: each for each in listed if hasattr(each, "blob_id")}

    def paths(self) -> set[str]:
        """The files that are there."""
        return set(self._files)

    def size(self, path: str) -> int | None:
        """Bytes of a file, None where there is none."""
        return self._files[path].size if path in self._files else None

    def holds(self, path: str, data: bytes) -> bool:
        """Whether a small file has this content: by git's digest, or by that of large-file storage."""
        known = self.digest(path)
        return known == hashlib.sha256(data).hexdigest() if known else self._files[path].blob_id == blob_id(data)

    def digest(self, path: str) -> str:
        """What large-file storage knows a file by."""
        large = self._files[path].lfs
        return str(large.sha256) if large else ""

    def send(self, files: Sequence[PushFile], said: str) -> None:
        """One commit. Content that large-file storage has is not uploaded again, and the same commit changes nothing,
        so that lost answers are asked for again."""
        from huggingface_hub import CommitOperationAdd

        def commit() -> None:
            operations = [CommitOperationAdd(file.path, file.local) for file in files]
            told(lambda: self.api.create_commit(self.repo, operations, commit_message=said, repo_type="dataset"))

        self.bucket.take()
        self._try(commit)

    def close(self) -> None:
        """Nothing is left open."""

    def _try(self, call: Any) -> Any:
        """The call, repeated where the hub was away for a moment; raises Unavailable after TRIES."""
        for attempt in range(TRIES):
            try:
                return call()
            except (Unsure, Unavailable) as error:
                last = error
                if attempt + 1 < TRIES:
                    self.clock.sleep(random.uniform(0.0, min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt)))
        raise Unavailable(f"{self.name}: {last}") from last
