"""A voice is a value, and its file is what was saved or is refused."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import pickle
import tempfile
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from rtvc import EnrolmentReport, Voice, VoiceError

REPORT = EnrolmentReport(
    seconds=6.0,
    voiced_seconds=5.5,
    used_seconds=5.5,
    several_voices=False,
    snr_db=31.2,
    enhanced=True,
    files=("one.wav", "zwei ü.wav"),
)


NAMES = ("speaker_embedding", "timbre", "pitch_mean", "pitch_std", "tempo")


def make(seed: int = 0, report: EnrolmentReport | None = REPORT) -> Voice:
    return Voice(np.random.default_rng(seed).normal(size=256), np.linspace(-1, 1, 80), 5.1, 0.21, 4.2, report)


def test_it_is_immutable_and_compares_by_value():
    voice = make()
    assert np.linalg.norm(voice.speaker_embedding) == pytest.approx(1)
    assert voice.speaker_embedding.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        voice.speaker_embedding[0] = 1
    with pytest.raises(FrozenInstanceError):
        voice.tempo = 3
    assert voice == make()
    assert hash(voice) == hash(make())
    assert voice != make(1)
    assert voice != "voice"


def test_the_callers_array_is_copied():
    numbers = np.ones(256, np.float32)
    voice = Voice(numbers, np.zeros(80), 5.0, 0.2, 4.0)
    numbers[:] = 0
    assert voice.speaker_embedding[0] == pytest.approx(1 / 16)


@pytest.mark.parametrize("embedding", [np.zeros(256), np.full(256, np.nan), np.ones((2, 128))])
def test_unusable_numbers(embedding):
    with pytest.raises(VoiceError, match="no usable numbers"):
        Voice(embedding, np.zeros(80), 5.0, 0.2, 4.0)
    with pytest.raises(VoiceError, match="no usable numbers"):
        Voice(np.ones(256), np.zeros(80), float("nan"), 0.2, 4.0)


@pytest.mark.parametrize("report", [REPORT, None])
def test_saved_and_loaded(report, tmp_path):
    voice, path = make(report=report), tmp_path / "me.voice"
    voice.save(path)
    assert Voice.load(path) == voice
    assert Voice.load(str(path)).report == report
    assert path.stat().st_size < 4000
    assert [path] == list(tmp_path.iterdir())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 32, 256]), st.floats(-3, 6))
def test_what_is_loaded_is_what_was_saved_bit_for_bit(seed, size, scale):
    """Normalising again what had been normalised changed the last bits of every third voice."""
    random = np.random.default_rng(seed)
    numbers = {"pitch_mean": random.uniform(3, 8), "pitch_std": random.uniform(0, 3), "tempo": random.uniform(0, 50)}
    voice = Voice(random.normal(size=size) * 10**scale, random.normal(size=80), **numbers)
    with tempfile.TemporaryDirectory() as folder:
        voice.save(Path(folder, "me.voice"))
        loaded = Voice.load(Path(folder, "me.voice"))
    for other in (loaded, pickle.loads(pickle.dumps(voice)), copy.deepcopy(voice), copy.copy(voice), replace(voice)):
        assert other == voice
        assert all(getattr(other, name) == number for name, number in numbers.items())
        for name in ("speaker_embedding", "timbre"):
            assert getattr(other, name).tobytes() == getattr(voice, name).tobytes()


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda voice: pickle.loads(pickle.dumps(voice))])
def test_copies_cannot_be_written_to(again):
    voice = again(make())
    assert voice == make()
    assert voice.report == REPORT
    for array in (voice.speaker_embedding, voice.timbre):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_similarity():
    assert make().similarity(make()) == pytest.approx(1)
    assert abs(make().similarity(make(1))) < 0.3
    with pytest.raises(VoiceError, match="different models"):
        make().similarity(Voice(np.ones(8), np.zeros(80), 5, 0.2, 4))


def content(path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors and the metadata of a voice file."""
    with safe_open(path, "np") as file:
        return load_file(path), file.metadata()


def checksum(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> str:
    """As the format has it: SHA-256 over names, types, shapes, contents and the report."""
    digest = hashlib.sha256(f"{metadata['format']} {metadata['version']}\n{metadata['report']}\n".encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tensor.shape}\n".encode() + tensor.tobytes())
    return digest.hexdigest()


def refused(path, words: str) -> None:
    with pytest.raises(VoiceError, match=words) as caught:
        Voice.load(path)
    assert path.name in str(caught.value)


def test_damaged_files(tmp_path):
    path = tmp_path / "me.voice"
    make().save(path)
    whole = path.read_bytes()
    for length in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, "damaged")
    for place in range(9, len(whole), 97):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        refused(path, "voice")
    refused(tmp_path / "missing.voice", "does not exist")
    path.write_bytes(b"RIFF" + bytes(2 << 20))
    refused(path, "is not a saved voice")


def test_a_swapped_embedding_is_noticed(tmp_path):
    one, two, path = tmp_path / "one.voice", tmp_path / "two.voice", tmp_path / "mixed.voice"
    make(0).save(one)
    make(1).save(two)
    _, metadata = content(one)
    save_file(load_file(two), path, metadata)
    refused(path, "changed")
    save_file({**load_file(one), "statistics": np.array([1.0, 2.0, 3.0])}, path, metadata)
    refused(path, "changed")
    save_file(load_file(one), path, {**metadata, "report": ""})
    refused(path, "changed")


def test_other_files_and_versions(tmp_path):
    path = tmp_path / "me.voice"
    make().save(path)
    tensors, metadata = content(path)
    save_file(tensors, path, {**metadata, "version": "99"})
    refused(path, "another version")
    save_file(tensors, path)
    refused(path, "is not a saved voice")
    partial = {"statistics": tensors["statistics"]}
    save_file(partial, path, {**metadata, "checksum": checksum(partial, metadata)})
    refused(path, "not a complete voice")


def test_nothing_is_left_where_a_voice_cannot_be_saved(tmp_path):
    (tmp_path / "folder.voice").mkdir()
    with pytest.raises(VoiceError, match="cannot be written"):
        make().save(tmp_path / "folder.voice")
    assert [one.name for one in tmp_path.iterdir()] == ["folder.voice"]


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(VoiceError, match="cannot be written"):
        make().save(tmp_path / "missing" / "me.voice")


@pytest.mark.parametrize(
    "numbers",
    [
        {"timbre": np.full(80, 1e6)},
        {"pitch_mean": 900.0},
        {"pitch_mean": -1.0},
        {"pitch_std": -0.1},
        {"pitch_std": 1e9},
        {"tempo": 1e9},
        {"tempo": -1.0},
    ],
)
def test_numbers_that_nobody_has_are_refused(numbers):
    """A stranger's file may carry a right checksum over numbers that would make the synthesizer run for hours."""
    with pytest.raises(VoiceError, match="no usable numbers"):
        Voice(**{**{name: getattr(make(), name) for name in NAMES}, **numbers})


def written(path, report: str, **more) -> None:
    """A voice file with a right checksum over whatever it holds."""
    make().save(path)
    tensors, metadata = content(path)
    assert metadata["checksum"] == checksum(tensors, metadata)
    tensors |= more
    metadata["report"] = report
    save_file(tensors, path, metadata | {"checksum": checksum(tensors, metadata)})


@pytest.mark.parametrize(
    "report",
    [
        "[" * 100_000,
        "[]",
        '{"files": []}',
        '{"seconds": "1", "voiced_seconds": 1, "used_seconds": 1, "snr_db": 1, '
        '"several_voices": false, "enhanced": false, "files": []}',
    ],
)
def test_a_report_of_another_kind_is_refused(report, tmp_path):
    path = tmp_path / "me.voice"
    written(path, report)
    refused(path, "not a complete voice")


def test_nothing_unknown_travels_in_a_voice(tmp_path):
    path = tmp_path / "me.voice"
    written(path, "")
    assert Voice.load(path) == make(report=None)
    written(path, "", extra=np.zeros(3))
    refused(path, "not a complete voice")
    written(path, "")
    tensors, metadata = content(path)
    save_file(tensors, path, {**metadata, "more": "x"})
    refused(path, "another version")


def test_a_name_cannot_command_the_terminal(tmp_path):
    with pytest.raises(VoiceError) as caught:
        Voice.load(tmp_path / "\x1b[31mred\n\u202e.voice")
    assert str(caught.value).isprintable()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 1700), st.integers(0, 300))
def test_any_damage_is_refused_or_harmless(patch, place, removed):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "me.voice")
        make().save(path)
        whole = path.read_bytes()
        path.write_bytes(whole[:place] + patch + whole[place + removed :])
        with contextlib.suppress(VoiceError):
            assert Voice.load(path) == make()
