"""Estimate how long the jobs of a run will still take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

# Nothing is said of the time left before one such job has ended, if there is any: tables take seconds.
_LONG = ("fetch_weights", "export_model", "verify_eager", "verify_golden", "embed_files")


class TimeLeft:
    """The jobs of a run, by rule, and how long those that have ended took.

    Args:
        counts: number of jobs of each rule.
        now: the time in seconds, as in the methods.

    Attributes:
        total: number of all jobs.
        done: number of jobs that have ended.
        running: number of jobs that have begun and not ended.
    """

    def __init__(self, counts: Mapping[str, int], now: float) -> None:
        self._pending = Counter(counts)
        self._began = now
        self._running: dict[int, tuple[str, float]] = {}
        self._took: dict[str, list[float]] = defaultdict(list)
        self.total = sum(counts.values())
        self.done = 0

    @property
    def running(self) -> int:
        """See above."""
        return len(self._running)

    @property
    def seconds_by_rule(self) -> dict[str, float]:
        """Seconds that the jobs of each rule that have ended took together, the longest first."""
        return dict(
            sorted(((rule, sum(times)) for rule, times in self._took.items()), key=lambda item: -item[1])
        )

    def begin(self, job: int, rule: str, now: float) -> None:
        """Note that a job has begun; one that has failed may begin again."""
        self._running[job] = (rule, now)

    def end(self, job: int, now: float, *, done: bool = True) -> None:
        """Note that a job has ended; jobs that have not begun are ignored.

        Args:
            job: its number.
            now: the time.
            done: False if it has failed, and may begin again.
        """
        rule, began = self._running.pop(job, ("", 0.0))
        if rule and done:
            self.done += 1
            self._pending[rule] -= 1
            self._took[rule].append(now - began)

    def seconds(self, now: float) -> float | None:
        """Return the estimated seconds until all jobs have ended; None if too few have ended.

        A job is expected to take as long as those of its rule that have ended, or, if there are none, as the
        short ones. As many jobs as until now are expected to run at once, on average.
        """
        left = {rule: count for rule, count in self._pending.items() if count > 0}
        if not self._took or any(rule in left and rule not in self._took for rule in _LONG):
            return None
        mean = {rule: sum(times) / len(times) for rule, times in self._took.items()}
        short = [mean[rule] for rule in mean if rule not in _LONG] or list(mean.values())
        expected = {rule: mean.get(rule, sum(short) / len(short)) for rule in left}
        spent = [(min(now - began, expected[rule]), now - began) for rule, began in self._running.values()]
        work = sum(expected[rule] * count for rule, count in left.items()) - sum(part for part, _ in spent)
        busy = sum(map(sum, self._took.values())) + sum(elapsed for _, elapsed in spent)
        return max(0.0, work) * (now - self._began) / max(busy, 1e-9)


def about(seconds: float) -> str:
    """Return a time left as a person says it: "about 40 s left", "about 3 min left".

    >>> about(0.2), about(38), about(170), about(7500)
    ('about 5 s left', 'about 40 s left', 'about 3 min left', 'about 2 h 5 min left')
    """
    if seconds < 57.5:
        return f"about {max(5, 5 * round(seconds / 5))} s left"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min left"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"about {hours} h {rest} min left"
