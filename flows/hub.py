"""The Hugging Face hub through its own client: repositories made on demand, and its errors as publishing knows them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from flows.publish_http import Refused, Unavailable, Unsure, check_address
from flows.publish_secrets import masked, secret
from flows.publish_targets.credentials import CREDENTIALS
from manifests.errors import UsageError

T = TypeVar("T")


def connect(base_url: str, who: str) -> Any:
    """The hub's client with the token; raises UsageError without huggingface_hub, a token or TLS."""
    check_address(base_url)
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.utils import disable_progress_bars
    except ModuleNotFoundError as error:
        raise UsageError(f"{who} needs huggingface_hub: install the extra 'publish'") from error
    disable_progress_bars()  # stderr has a line of ours for each commit
    return HfApi(base_url, token=secret(CREDENTIALS["huggingface"], "an access token that may write"))


def make_repository(api: Any, repo: str, kind: str, private: bool) -> None:
    """Make the repository where it is missing; what is there stays as it is. Raises Refused, Unavailable."""
    try:
        told(lambda: api.create_repo(repo, repo_type=kind, private=private, exist_ok=True))
    except Unsure as error:
        raise Unavailable(str(error)) from error


def blob_id(data: bytes) -> str:
    """Git's SHA-1 of a file's content, as the hub tells it."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def told(call: Callable[[], T]) -> T:
    """The call with the library's errors as publishing knows them: Unavailable, Unsure or Refused."""
    try:
        return call()
    except Exception as error:
        told_as = _known(error)
        if told_as is None:
            raise
        raise told_as from error


def _known(error: BaseException) -> Exception | None:
    """What an error of the library, or the one that it wraps, is to publishing; None for a fault of ours."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        answer: Any = getattr(error, "response", None)
        status = answer.status_code if answer is not None else 0
        said = masked(" ".join(str(error).split())[:300])
        if status == 429:
            return Unavailable(said)
        return Unsure(said) if status >= 500 or not status else Refused(said, status)
    # TransportError of httpx or of httpx2, by the version of huggingface_hub.
    if any(kind.__name__ == "TransportError" for kind in type(error).__mro__):
        return Unsure(masked(f"{type(error).__name__}: {error}"))
    return _known(error.__cause__) if error.__cause__ else None  # uploads of large files wrap theirs
