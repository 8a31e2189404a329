"""Rooms: simulated ones, and measured ones from an archive or a folder of impulse responses."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import signal

from rtvc.training.data import store

RATE = store.SAMPLING_RATE
EARLY = RATE // 10  # samples; reflections of the first 100 ms help speech
BEFORE = RATE // 1_000  # samples kept before the strongest one of a measured response: the sound that came straight
DIRECT = RATE // 400  # 2.5 ms: the direct sound, whose power is that of the speech
Generator = np.random.Generator


def simulated(
    random: Generator, longest: float = 0.8, strength: tuple[float, float] = (0.3, 1.0), sparse: bool = True
) -> np.ndarray:
    """An impulse response: a direct path and a tail of noise that decays exponentially.

    By 60 dB within 0.15 to ``longest`` seconds, with ``strength`` times the direct path's norm. ``sparse``: the first
    reflections come singly, as off walls.
    """
    seconds = random.uniform(0.15, longest)
    times = np.arange(int(seconds * RATE)) / RATE
    response = random.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    if sparse:
        response *= random.random(len(times)) < np.minimum(1, 0.02 + times / 0.03)
    response *= random.uniform(*strength) / (np.linalg.norm(response) + 1e-6)
    response[0] = 1.0
    return response


@functools.cache
def measured(names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    """Impulse responses of folders and archives, each (samples,), beginning with the direct sound, which has power 1.

    Raises:
        TrainingError: one of them is not there, or cannot be read.
    """
    responses = []
    for corpus in map(store.load_noises, names):
        for utterance in corpus.utterances:
            response = corpus.wave(utterance)
            start = max(0, int(np.abs(response).argmax()) - BEFORE)
            response = response[start:]
            responses.append(response / (np.linalg.norm(response[:DIRECT]) + 1e-6))
    return tuple(responses)


def varied(response: np.ndarray, random: Generator, longest: float = 1.0) -> np.ndarray:
    """A measured room made another one: it decays faster, by up to 60 dB within 0.15 to ``longest`` seconds, and is
    more or less far away."""
    seconds = random.uniform(0.15, longest)
    response = response[: int(seconds * RATE)].astype(np.float64)
    response *= 10 ** (-3 * np.arange(len(response)) / RATE / seconds)
    response[DIRECT:] *= random.uniform(0.3, 1.2)
    return response


def response(rooms: tuple[np.ndarray, ...], random: Generator, **simulation: Any) -> np.ndarray:
    """Of a measured room in a third of the cases, where there are ``rooms``, or else of a simulated one."""
    if rooms and random.random() < 1 / 3:
        return varied(rooms[random.integers(len(rooms))], random)
    return simulated(random, **simulation)


def reverberant(wave: np.ndarray, response: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``wave`` (samples,) in a room: with all reflections, and with those of the first 100 ms only."""
    early = signal.fftconvolve(wave, response[:EARLY])[: len(wave)]
    if len(response) <= EARLY:
        return early, early
    late = np.zeros_like(early)
    late[EARLY:] = signal.fftconvolve(wave, response[EARLY:])[: max(0, len(wave) - EARLY)]
    return early + late, early
