"""When a search has to end: the one place in planning with a clock, one that only counts seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from scheduling.planning.routing.problem import Stopped

NO_END = 2**40


@dataclass(slots=True)
class Budget:
    """`seconds` of wall time and `iterations`, whichever ends first; None has no end. `stopped` is asked each time.

    Where `iterations` are given, nothing but `over` may depend on the time: the search repeats to the second.
    """

    seconds: float | None
    iterations: int | None
    stopped: Stopped | None = None
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        return 1e9 if self.seconds is None else self.seconds - self.spent

    @property
    def repeats(self) -> bool:
        return self.iterations is not None

    @property
    def half_done(self) -> int:
        """What `done` is when half of the remaining iterations are."""
        return NO_END if self.iterations is None else (self.done + self.iterations) // 2

    def over(self) -> bool:
        if self.iterations is not None and self.done >= self.iterations:
            return True
        return self.left <= 0 or self.halted()

    def halted(self) -> bool:
        return self.stopped is not None and self.stopped()

    def late(self) -> bool:
        """Time to drop what is being done; a step that began in time may end a little after it."""
        return self.left < -0.2 or self.halted()

    def within(self, share: float) -> float | None:
        """Seconds for one step that may use this share of what is left; None where runs have to repeat."""
        return None if self.repeats else max(self.left * share, 0.05)
