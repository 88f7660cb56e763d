"""What a recipe says about whose its assets are, and how much of their making their files may tell."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ProvenanceOptions:
    """The table [provenance]; a row's own licence and title win."""

    creator: str = field(default="", metadata={"help": "written as dc:creator"})
    copyright: str = field(default="", metadata={"help": "the copyright line"})
    license: str = field(default="", metadata={"help": "an SPDX identifier or an address, where a row names none"})
    prompt: bool = field(default=False, metadata={"help": "write the prompt into the files"})
    seed: bool = field(default=True, metadata={"help": "write the seed into the files"})
