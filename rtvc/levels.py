"""How loud a line is said: −23 LUFS, whoever says it and however, though it begins before its end has been made.

A line comes in pieces. The first, a third of a second, gets the gain that its voice is known to need; every further one
what the line so far needs, its end included. So pieces behind one another are what the whole line is, and a short line,
which comes whole, is measured itself: a word said in haste is far from the average.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import torch

from .audio import LOUDNESS, loudness, soft_clip
from .text import IDS, phonemize

# What each voice's level is measured with, and how much louder than others that is, dB, in eight development voices.
SENTENCE, LOUDER = "I will be there at nine.", 0.9

FIRST_FRAMES, MOST_FRAMES, GROWTH = 24, 384, 8  # pieces of a line: 0.3 s, 2.4 s, then 4.8 s each
MOST_GAIN = 36.0  # dB: no line is raised or lowered by more; what says nothing stays below the speech around it
RAMP = 0.05  # seconds from one gain to the next


def borders(frames: int, receptive_field: int) -> list[tuple[int, int]]:
    """The first frame of each piece of a line, and the one behind its last.

    Args:
        frames: of the line.
        receptive_field: how many frames on either side a frame's sound depends on; a line that is rendered whole by
            the time of its first piece comes in one.
    """
    size = frames if frames <= FIRST_FRAMES + receptive_field else FIRST_FRAMES
    places = [0]
    while places[-1] < frames:
        left = frames - places[-1]
        places.append(places[-1] + size if left > 1.5 * size else frames)  # no scrap at the end
        size = min(GROWTH * size, MOST_FRAMES)
    return list(pairwise(places))


def levelled(waves: Iterable[np.ndarray], rate: int, expected: float | None) -> Iterator[np.ndarray]:
    """The pieces of a line, float32 (samples,) at ``rate`` Hz, at the loudness that speech comes at, never clipping.

    Args:
        waves: as RTVC-7 says them.
        expected: LUFS of this voice by itself; None where the first piece is the whole line.
    """
    line, before = np.zeros(0, np.float32), None
    for wave in waves:
        line = np.concatenate([line, wave])
        missing = LOUDNESS - (loudness(line, rate) if expected is None or before is not None else expected)
        gain = 10 ** (float(np.clip(missing, -MOST_GAIN, MOST_GAIN)) / 20)
        gains = np.full(wave.size, gain, np.float32)
        if before is not None:
            size = min(round(RAMP * rate), wave.size)
            gains[:size] = np.linspace(before, gain, size, endpoint=False)
        yield soft_clip(wave * gains)
        before = gain


@cache
def sentence() -> torch.Tensor:
    """The ids of ``SENTENCE``, (tokens,)."""
    return torch.tensor([IDS[symbol] for symbol in phonemize(SENTENCE)])
