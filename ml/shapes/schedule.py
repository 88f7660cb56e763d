"""How far a training stage is, by steps or by time, and the rate of learning that follows from it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ml.shapes.settings import TrainSettings


class Clock:
    """The share of a stage that is done, and the seconds it has spent over all its runs.

    By time, the first step's compiling is not counted as progress: the share runs from where it was at `first_step` to
    1 at the end of the budget. The share by time changes in `read` alone, so that all ranks learn at one rate.
    """

    def __init__(
        self,
        settings: TrainSettings,
        share: float = 0.0,
        spent: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self._now = settings, now
        self._begun, self._before = now(), spent
        self._from_share, self._from_time = share, self._begun
        self._share = share

    @property
    def spent(self) -> float:
        """Seconds in all runs of the stage."""
        return self._before + self._now() - self._begun

    def first_step(self) -> None:
        """The run's first step is over: progress by time begins here."""
        self._from_time = self._now()

    def read(self) -> float:
        """The share by time as it is now; 0 for a stage that goes by steps."""
        if not self.settings.seconds:
            return 0.0
        end = self._begun + self.settings.seconds - self._before
        left = max(end - self._from_time, 1e-9)
        return min(1.0, self._from_share + (1.0 - self._from_share) * (self._now() - self._from_time) / left)

    def set(self, share: float) -> None:
        """The share that rank 0 read."""
        self._share = share

    def share(self, step: int) -> float:
        """The share that is done when `step` begins."""
        return self._share if self.settings.seconds else step / self.settings.steps

    def over(self, step: int) -> bool:
        """Whether no step is left."""
        return self.share(step) >= 1.0


def learning_rate(settings: TrainSettings, step: int, share: float) -> float:
    """Up in a straight line for `warm` steps, and half a cosine over the share, down to `floor` of the peak.

    Source: Loshchilov and Hutter 2017, SGDR, equation 5, without restarts.
    """
    wave = 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))
    return settings.rate * min(1.0, (step + 1) / max(settings.warm, 1)) * (settings.floor + (1 - settings.floor) * wave)
