"""A picture of speech: its spectrogram, and its pitch below, as one SVG that takes its text colour from the page."""

from __future__ import annotations

import base64
import io
from html import escape

import librosa
import numpy as np
from PIL import Image

from rtvc import audio

WIDTH, SPECTRUM, PITCH, MARGIN, GAP = 380, 130, 80, 48, 14  # pixels of the viewBox
BANDS, HOP, RANGE = 96, 160, 65.0  # mel bands, samples at 16 kHz, dB below the loudest
LOWEST, HIGHEST = 55.0, 440.0  # Hz: three octaves
GRID = (75, 150, 300)  # Hz
LONGEST = 30 * audio.SAMPLING_RATE  # samples that are drawn
# From quiet to loud; even in lightness, so that it reads without colour too.
COLOURS = np.array([[11, 9, 36], [62, 28, 102], [139, 41, 129], [217, 70, 108], [252, 145, 96], [252, 236, 174]])


def draw(wave: np.ndarray, title: str) -> str:
    """An SVG of a wave, float32 (samples,) at 16 kHz; `title` is its heading."""
    wave = wave[:LONGEST]
    seconds = wave.size / audio.SAMPLING_RATE
    times, f0 = audio.pitch_track(wave)
    voiced = f0[f0 > 0]
    median = f"median pitch {np.median(voiced):.0f} Hz" if voiced.size else "no pitch"
    height, base = SPECTRUM + PITCH + GAP + 42, 24 + SPECTRUM + GAP
    inner = WIDTH - MARGIN
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg" class="speech">',
        f"<title>{escape(title)}: spectrogram, and pitch below; {seconds:.1f} s, {median}</title>",
        f'<text x="{MARGIN}" y="15" class="heading">{escape(title)}</text>',
        f'<text x="{WIDTH}" y="15" text-anchor="end">{median}</text>',
        f'<image x="{MARGIN}" y="24" width="{inner}" height="{SPECTRUM}" preserveAspectRatio="none" '
        f'href="{_spectrogram(wave)}"/>',
        f'<text x="{MARGIN - 5}" y="34" text-anchor="end">8 kHz</text>',
        f'<text x="{MARGIN - 5}" y="{24 + SPECTRUM}" text-anchor="end">0</text>',
    ]
    for hertz in GRID:
        y = base + float(_height(np.array(hertz)))
        parts.append(f'<line x1="{MARGIN}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{MARGIN - 5}" y="{y + 4:.1f}" text-anchor="end">{hertz} Hz</text>')
    scale = inner / max(seconds, 1e-3)
    parts += [f'<polyline points="{points}" class="pitch"/>' for points in _tracks(times, f0, scale, base)]
    parts.append(f'<text x="{MARGIN}" y="{height - 3}">0 s</text>')
    parts.append(f'<text x="{WIDTH}" y="{height - 3}" text-anchor="end">{seconds:.1f} s</text></svg>')
    return "".join(parts)


def _height(hertz: np.ndarray) -> np.ndarray:
    """Pixels from the top of the pitch panel, by octaves."""
    return PITCH * (1 - np.log(np.clip(hertz, LOWEST, HIGHEST) / LOWEST) / np.log(HIGHEST / LOWEST))


def _tracks(times: np.ndarray, f0: np.ndarray, scale: float, base: float) -> list[str]:
    """A line for each voiced stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], f0 > 0, [0]])))
    spans = [slice(start, end) for start, end in edges.reshape(-1, 2) if end - start > 1]
    xs, ys = MARGIN + times * scale, base + _height(np.maximum(f0, LOWEST))
    return [" ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs[span], ys[span], strict=True)) for span in spans]


def _spectrogram(wave: np.ndarray) -> str:
    """A PNG as an address: mel bands bottom to top, time left to right."""
    power = librosa.feature.melspectrogram(
        y=wave, sr=audio.SAMPLING_RATE, n_fft=640, hop_length=max(HOP, wave.size // 900), n_mels=BANDS, fmax=8000
    )
    level = librosa.power_to_db(power, ref=max(float(power.max()), 1e-10), top_db=RANGE)
    shade = (1 + level / RANGE) * (len(COLOURS) - 1)
    channels = [np.interp(shade, np.arange(len(COLOURS)), channel) for channel in COLOURS.T]
    file = io.BytesIO()
    Image.fromarray(np.stack(channels, -1)[::-1].astype(np.uint8)).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
