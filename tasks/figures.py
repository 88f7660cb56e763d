"""A measured figure beside its bar and its peer, as a line of JSON or as a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value; `holds` compares it with `bar`, `ratio` with the peer (how many times better we are)."""

    figure: str
    ours: float
    unit: str
    bar: float | None = None
    better: str = "lower"
    peer: str = ""
    peer_value: float | None = None

    def __post_init__(self) -> None:
        for name in ("ours", "bar", "peer_value"):  # numpy's numbers are none to JSON
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else float(value))

    @property
    def ratio(self) -> float | None:
        """Times better than the peer; None without one."""
        if not self.peer_value or not self.ours:
            return None
        return self.peer_value / self.ours if self.better == "lower" else self.ours / self.peer_value

    @property
    def holds(self) -> bool | None:
        """Whether the bar is met; None where there is none."""
        if self.bar is None:
            return None
        return self.ours <= self.bar if self.better == "lower" else self.ours >= self.bar


def line(figure: Figure) -> dict[str, object]:
    """The JSON object of a figure."""
    values = {**asdict(figure), "ratio": figure.ratio, "holds": figure.holds}
    return {key: values[key] for key in ("figure", "ours", "peer", "peer_value", "ratio", "unit", "bar", "holds")}


def sentence(figure: Figure) -> str:
    """A figure for people."""
    text = f"{figure.figure}: {figure.ours:.4g} {figure.unit}"
    if figure.ratio is not None:
        better = f"{figure.ratio:.1f}x better than " if figure.ratio > 1.0 else ""
        text += f", {better}{figure.peer} ({figure.peer_value:.4g})"
    if figure.bar is not None:
        text += f" (bar {figure.bar:g}: {'holds' if figure.holds else 'MISSED'})"
    return text
