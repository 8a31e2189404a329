"""What is worked out from scores: ratios, equal error rates, and how far they may be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NotRequired, TypedDict

import numpy as np

DRAWS = 1000
CONFIDENCE = 0.95


class Figure(TypedDict):
    """``low``, ``high``: the 95 % interval, none where it cannot be told; ``count``: of what it was measured on.

    A rate of things that were counted also has ``times`` and ``of``: how many of how many. An equal error rate has two
    of each: right pairs refused, wrong ones accepted.
    """

    value: float
    low: float | None
    high: float | None
    count: NotRequired[int]
    times: NotRequired[list[int]]
    of: NotRequired[list[int]]


@dataclass(frozen=True)
class Draws:
    """How often each of the named groups was drawn, (draws, names), and each item, (draws, items)."""

    names: tuple[str, ...]
    times: np.ndarray
    counts: np.ndarray


@lru_cache(maxsize=32)
def bootstrap(groups: tuple[str, ...], others: tuple[str, ...] = (), draws: int = DRAWS, seed: int = 0) -> Draws:
    """How often each item counts in each draw.

    Args:
        groups: of each item, such as its speaker.
        others: groups that are drawn too and have no items.

    Groups are drawn with replacement, then as many of each one's items as it has, likewise (B. Efron and R. Tibshirani
    1993, "An Introduction to the Bootstrap"): items of one speaker are alike, so that few speakers make wide intervals.
    """
    random, names = np.random.default_rng(seed), np.unique([*groups, *others])
    numbers = np.searchsorted(names, groups)
    times = random.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    counts = np.zeros((draws, len(groups)))
    for group in np.unique(numbers):
        mine = np.flatnonzero(numbers == group)  # as often as the group came, so many of its items are drawn
        counts[:, mine] = random.multinomial(times[:, group] * mine.size, np.full(mine.size, 1 / mine.size))
    return Draws(tuple(map(str, names)), times, counts)


def trial_counts(draws: Draws, groups: Sequence[str], references: Sequence[str]) -> Iterator[np.ndarray]:
    """How often each trial of an item and a reference counts in each draw, (items, references).

    Args:
        groups: whose each item is.
        references: whose each reference is.

    A reference is drawn with its speaker, so a trial of two people counts as often as both together, and one of an item
    and its own speaker's reference as often as the item: the intervals are of other speakers in both places.
    """
    places = np.searchsorted(draws.names, references)
    same = np.array(groups)[:, None] == np.array(references)
    for times, counts in zip(draws.times, draws.counts, strict=True):
        yield counts[:, None] * np.where(same, 1, times[places])


def interval(values: Iterable[float]) -> tuple[float | None, float | None]:
    """The range in which the middle 95 % of the draws lie."""
    finite = [value for value in values if np.isfinite(value)]
    if len(finite) < 2:
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def ratio(
    above: Sequence[float | None] | np.ndarray,
    below: Sequence[float | None] | np.ndarray,
    groups: Sequence[str],
    counted: bool = False,
) -> Figure | None:
    """Sum over sum, of the items that have both: an error rate, or, over ones, a mean. None where there are none.

    ``counted``: what is above and below are numbers of things, which the figure then names.
    """
    known = [place for place, value in enumerate(above) if value is not None and np.isfinite(value)]
    numerators, denominators = (np.array([values[place] for place in known], float) for values in (above, below))
    if not known or denominators.sum() <= 0:
        return None
    counts = bootstrap(tuple(groups[place] for place in known)).counts
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = interval((counts @ numerators) / (counts @ denominators))
    times, of = numerators.sum(), denominators.sum()
    figure: Figure = {"value": float(times / of), "low": low, "high": high, "count": len(known)}
    return {**figure, "times": [round(times)], "of": [round(of)]} if counted else figure


def share(happened: Sequence[bool | None], groups: Sequence[str]) -> Figure | None:
    """Of the items of which it is known, how many it happened to."""
    return ratio([None if one is None else float(one) for one in happened], np.ones(len(happened)), groups, True)


def mean(values: Sequence[float | None] | np.ndarray, groups: Sequence[str]) -> Figure | None:
    """Of the items that have a value."""
    return ratio(values, np.ones(len(values)), groups)


class Trials:
    """Scores of pairs, the higher the more alike, and which pairs are of one speaker."""

    def __init__(self, scores: np.ndarray, same: np.ndarray):
        """Both (trials,); ``same`` bool."""
        self.order = np.argsort(-scores, kind="stable")
        self.scores, self.same = scores[self.order], same[self.order]
        self.ends = np.flatnonzero(np.append(np.diff(self.scores) != 0, True))  # equal scores are accepted together

    def equal_error_rate(self, counts: np.ndarray | None = None) -> tuple[float, float]:
        """The rate at which as many wrong pairs are accepted as right ones refused, and the score where that is.

        ``counts``: (trials,) how often each trial counts. Not a number where one of the two kinds is missing.
        """
        misses, alarms, right, wrong, score = self._at_equal_rates(counts)
        return (misses / right + alarms / wrong) / 2 if right and wrong else float("nan"), score

    def _at_equal_rates(self, counts: np.ndarray | None = None) -> tuple[float, float, float, float, float]:
        """Right pairs refused, wrong ones accepted, how many there are of both, and the score where the rates meet."""
        counts = np.ones(len(self.scores)) if counts is None else counts[self.order]
        right, wrong = np.cumsum(counts * self.same)[self.ends], np.cumsum(counts * ~self.same)[self.ends]
        if right[-1] == 0 or wrong[-1] == 0:
            return 0.0, 0.0, float(right[-1]), float(wrong[-1]), float("nan")
        misses = right[-1] - right
        best = int(np.argmin(np.abs(wrong / wrong[-1] - misses / right[-1])))
        score = float(self.scores[self.ends[best]])
        return float(misses[best]), float(wrong[best]), float(right[-1]), float(wrong[-1]), score

    def figure(self, draws: Iterable[np.ndarray]) -> Figure | None:
        """The equal error rate, and its interval over ``draws`` of how often each trial counts."""
        misses, alarms, right, wrong, score = self._at_equal_rates()
        if not np.isfinite(score):
            return None
        low, high = interval(self.equal_error_rate(counts)[0] for counts in draws)
        times, of = [round(misses), round(alarms)], [round(right), round(wrong)]
        rate = (misses / right + alarms / wrong) / 2
        return {"value": rate, "low": low, "high": high, "count": len(self.scores), "times": times, "of": of}


def pair_counts(speakers: np.ndarray, first: np.ndarray, second: np.ndarray, draws: int = 300) -> Iterable[np.ndarray]:
    """How often each pair of recordings counts where speakers are drawn with replacement.

    Args:
        speakers: (recordings,) names.
        first, second: (pairs,) numbers of the recordings.

    Pairs of one speaker count as often as the speaker was drawn, others as often as both together.
    """
    names, numbers = np.unique(speakers, return_inverse=True)
    left, right = numbers[first], numbers[second]
    for times in np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), draws):
        yield np.where(left == right, times[left], times[left] * times[right])


def noise_gain(speech: np.ndarray, noise: np.ndarray, snr_db: float) -> float:
    """The factor of ``noise`` that brings it ``snr_db`` below ``speech``, both (samples,), by their whole power."""
    return float(np.sqrt(np.mean(speech**2) / max(np.mean(noise**2), 1e-10) / 10 ** (snr_db / 10)))


def si_sdr(clean: np.ndarray, processed: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (J. Le Roux et al. 2019); both (samples,)."""
    clean, processed = clean - clean.mean(), processed - processed.mean()
    target = (processed @ clean) / (clean @ clean) * clean
    noise = processed - target
    return float(10 * np.log10((target @ target) / max(float(noise @ noise), 1e-12)))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
