"""The picture of speech: what it shows is where it should be."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from rtvc.page import picture


def hum(hertz: float, seconds: float = 1.0) -> np.ndarray:
    """A voiced sound: ten harmonics."""
    times = np.arange(int(16000 * seconds)) / 16000
    return sum(np.sin(2 * np.pi * hertz * k * times) / k for k in range(1, 11)).astype(np.float32) * 0.2


def pitch_heights(svg: str) -> np.ndarray:
    return np.array(
        [float(y) for points in re.findall(r'points="([^"]+)"', svg) for y in re.findall(r",([\d.]+)", points)]
    )


def test_pitch_stands_at_its_line():
    for hertz in picture.GRID:
        svg = picture.draw(hum(hertz), "A hum")
        label = float(re.search(rf'y="([\d.]+)" text-anchor="end">{hertz} Hz<', svg)[1]) - 4
        assert np.median(pitch_heights(svg)) == pytest.approx(label, abs=1.0)
        assert abs(int(re.search(r"median pitch (\d+) Hz", svg)[1]) - hertz) <= 3


def test_the_spectrogram_runs_from_low_at_the_bottom_to_high_at_the_top():
    tone = 0.3 * np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000).astype(np.float32)
    svg = picture.draw(np.concatenate([tone, 0 * tone]), "A tone, then silence")
    png = base64.b64decode(re.search(r"base64,([^\"]+)", svg)[1])
    light = np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(float)
    rows, columns = light.mean(1), light.mean(0)
    assert rows.argmax() < len(rows) * 0.25
    assert columns[: len(columns) // 3].mean() > 1.2 * columns[-len(columns) // 3 :].mean()


def test_it_is_well_formed_has_a_title_and_carries_no_markup():
    root = ElementTree.fromstring(picture.draw(hum(100), "<b>me & you</b>"))
    assert root.attrib["role"] == "img"
    assert root[0].text.startswith("<b>me & you</b>: spectrogram, and pitch below; 1.0 s")
    ElementTree.fromstring(picture.draw(np.zeros(1600, np.float32), "silence"))
