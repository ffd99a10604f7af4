"""What somebody may cause again and again is logged once in a minute, and then how often: anyone reaches the port."""

import logging
import time
from collections.abc import Callable
from threading import Lock, Timer

EVERY_S = 60.0
MOST = 200  # pairs that are told apart; beyond that all others count as one
OTHERS = "others"


class Repeats:
    """One line for each (who, what) and minute. The rest of the minute is counted, and told at its end."""

    def __init__(
        self,
        logger: logging.Logger,
        *,
        every_s: float = EVERY_S,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger, self._every_s, self._most, self._clock = logger, every_s, most, clock
        self._lock = Lock()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}  # since when, and how many more
        self._timer: Timer | None = None

    def tell(self, level: int, who: str, what: str, text: str) -> None:
        """`text` has what is special about this one, `what` the kind that is counted."""
        now = self._clock()
        with self._lock:
            over = self._take_over(now)
            key = (who, what) if len(self._seen) < self._most or (who, what) in self._seen else (OTHERS, OTHERS)
            since, more = self._seen.get(key, (now, -1))
            self._seen[key] = (since, more + 1)
            if more >= 0:
                self._wake_up_later()
        self._tell_over(over)
        if more < 0:
            self._logger.log(level, "%s: %s", who, text)

    def flush(self) -> None:
        """At the end of a minute, where nobody comes any more."""
        with self._lock:
            self._timer = None
            over = self._take_over(self._clock())
            if any(more for _since, more in self._seen.values()):
                self._wake_up_later()
        self._tell_over(over)

    def _take_over(self, now: float) -> dict[tuple[str, str], int]:
        """Those whose minute is over, with how many more there were."""
        over = {key: more for key, (since, more) in self._seen.items() if now - since >= self._every_s}
        for key in over:
            del self._seen[key]
        return over

    def _tell_over(self, over: dict[tuple[str, str], int]) -> None:
        for (who, what), more in over.items():
            if more:
                self._logger.warning("%s: %d more within %d s: %s", who, more, self._every_s, what)

    def _wake_up_later(self) -> None:
        if self._timer is None:
            self._timer = Timer(self._every_s, self.flush)
            self._timer.daemon = True
            self._timer.start()
