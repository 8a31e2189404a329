"""The public contract of `pipeline("voice-cloning")`."""

from __future__ import annotations

import copy
import gc
import shutil
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import soundfile
import torch
from datasets import Dataset
from speaking import LONG, TEXT, same
from transformers import pipeline
from transformers.pipelines.pt_utils import KeyDataset

import rtvc
from rtvc import CheckpointError, RTVCError, TextError, Voice, VoiceCloningPipeline, VoiceError, audio, levels
from rtvc.lexicon import Lexicon
from rtvc.lines import PAUSE_BETWEEN_SENTENCES, pieces
from rtvc.loading import load, register
from rtvc.markup import Warnings
from rtvc.pipeline import RANGES
from rtvc.rtvc7 import ProsodyPlan


def split(texts) -> list[str]:
    """The pieces that are spoken of a text that comes in pieces."""
    return [piece.text for piece in pieces(texts, Lexicon({}), Warnings())]


@pytest.fixture(scope="module")
def voice(tiny, woman) -> Voice:
    return tiny.enroll(woman)


def test_the_public_names():
    assert sorted(rtvc.__all__) == [
        "CheckpointError",
        "EnrolmentReport",
        "RTVCError",
        "TextError",
        "Voice",
        "VoiceCloningConfig",
        "VoiceCloningModel",
        "VoiceCloningPipeline",
        "VoiceCloningProcessor",
        "VoiceError",
        "embed",
        "enhance",
        "load",
        "mix",
        "similarity",
    ]
    for error in (CheckpointError, TextError, VoiceError):
        assert issubclass(error, RTVCError)
    assert issubclass(RTVCError, ValueError)


def test_transformers_knows_the_task(tiny_folder, woman):
    register()  # a second time must not hurt
    clone = pipeline("voice-cloning", model=str(tiny_folder))
    assert isinstance(clone, rtvc.VoiceCloningPipeline)
    out = clone(TEXT, voice=woman)
    assert set(out) == {"audio", "sampling_rate", "words", "phonemes", "warnings"}
    assert out["audio"].ndim == 1
    assert out["audio"].dtype == np.float32
    assert out["sampling_rate"] == clone.model.config.sampling_rate
    preset = pipeline("voice-cloning", model=str(tiny_folder), voice=clone.enroll(woman), speed=2.0)
    assert len(preset(TEXT)["audio"]) == pytest.approx(len(out["audio"]) / 2, rel=0.1)


def test_a_voice_may_be_a_path_samples_a_saved_voice_or_a_voice(tiny, voice, woman, speech, tmp_path):
    voice.save(tmp_path / "me.voice")
    said = tiny(TEXT, voice=voice)["audio"]
    for other in (woman, str(woman), (speech, 16000), tmp_path / "me.voice", str(tmp_path / "me.voice"), [woman]):
        np.testing.assert_allclose(tiny(TEXT, voice=other)["audio"], said, atol=1e-4)


def test_however_loud_a_model_speaks_it_comes_at_one_loudness(tiny, tiny_model, voice):
    """A voice's own level counts, not one for all; what was measured of it does not outlive a change of the model."""
    clone = VoiceCloningPipeline(model=copy.deepcopy(tiny_model), processor=tiny.processor)
    for decibels in (-9.0, 6.0):
        with torch.no_grad():
            clone.model.rtvc7.mel_mean += decibels * np.log(10) / 20
        for text in ("Hi.", LONG):
            wave = clone(text, voice=voice)["audio"]
            same(wave, tiny(text, voice=voice)["audio"])
            assert audio.loudness(wave, tiny.model.config.sampling_rate) == pytest.approx(-23, abs=1.5)
            assert np.abs(wave).max() <= audio.PEAK + 1e-6


def test_a_line_that_grows_louder_is_held():
    """Each piece by what came before it and itself, softly from one gain to the next."""
    noise = np.random.default_rng(0).normal(0, 0.05, 1000 * 200).astype(np.float32)
    for change, expected in ((1.0, -30.0), (np.linspace(0.2, 2.0, noise.size, dtype=np.float32), -35.0)):
        wave = noise * change
        pieces = [wave[start * 200 : stop * 200] for start, stop in levels.borders(1000, 59)]
        said = np.concatenate(list(levels.levelled(iter(pieces), 16000, expected)))
        assert len(pieces) > 3
        assert said.size == wave.size
        assert audio.loudness(said, 16000) == pytest.approx(-23, abs=2)
        loud = np.abs(wave) > 0.01
        gains = 20 * np.log10(said[loud] / wave[loud])
        assert np.abs(np.diff(gains)).max() < 0.2
        np.testing.assert_array_equal(said[: pieces[0].size], next(levels.levelled(iter(pieces[:1]), 16000, expected)))


def test_what_sets_a_voice_apart_is_emphasized_but_not_what_a_telephone_does(tiny, voice, monkeypatch):
    centre = np.full(voice.timbre.size, 0.25, np.float32)
    person, telephone = (replace(voice, timbre=centre + np.float32(far)) for far in (0.5, 1.3))
    plain = [tiny(TEXT, voice=one)["audio"] for one in (replace(voice, timbre=centre + np.float32(0.9)), telephone)]
    monkeypatch.setattr(tiny.model.config, "timbre_centre", (0.25, 0.25))
    monkeypatch.setattr(tiny.model.config, "timbre_emphasis", 0.8)
    same(tiny(TEXT, voice=person)["audio"], plain[0])
    same(tiny(TEXT, voice=telephone)["audio"], plain[1])


def test_lists(tiny, voice, man):
    other = tiny.enroll(man)
    one, two = tiny(["One.", "Two."], voice=[voice, other])
    same(one["audio"], tiny("One.", voice=voice)["audio"])
    same(two["audio"], tiny("Two.", voice=other)["audio"])
    assert len(tiny(["One.", "Two.", "Three."], voice=voice)) == 3
    assert tiny([], voice=voice) == []
    assert len(list(tiny((text for text in ("One.", "Two.")), voice=voice))) == 2
    with pytest.raises(VoiceError, match="2 texts but 1 voices"):
        tiny(["One.", "Two."], voice=[voice])
    for text in ("One.", (text for text in ("One.", "Two."))):
        with pytest.raises(VoiceError, match="A list of voices needs a list of as many texts"):
            tiny(text, voice=[voice, other])


def test_rows_of_data_sets(tiny, voice, man):
    """As transformers' users give them: mappings, data sets, their columns, generators, with options of loaders."""
    other, rows = tiny.enroll(man), [{"text": "One.", "voice": man, "id": 1}, {"text": "Two."}, {"text": "Three."}]
    wanted = [tiny(words, voice=one)["audio"] for words, one in (("One.", other), ("Two.", voice), ("Three.", voice))]
    same(tiny(rows[0])["audio"], wanted[0])
    same(tiny(rows[0], voice=voice)["audio"], wanted[0])
    same(np.concatenate([chunk["audio"] for chunk in tiny.stream(rows[1], voice=voice)]), wanted[1])
    words = Dataset.from_list([{"text": row["text"]} for row in rows])
    for texts in (rows, tuple(rows), iter(rows), (row for row in rows)):
        for told, wave in zip(tiny(texts, voice=voice, batch_size=2), wanted, strict=True):
            same(told["audio"], wave)
    wanted[0] = tiny("One.", voice=voice)["audio"]
    for texts in (words, KeyDataset(words, "text"), words["text"], np.array(["One.", "Two.", "Three."])):
        for told, wave in zip(tiny(texts, voice=voice, num_workers=1), wanted, strict=True):
            same(told["audio"], wave)
    with pytest.raises(TextError, match="text"):
        tiny({"words": "One."}, voice=voice)
    with pytest.raises(TextError, match="pass speed to the call"):
        tiny([{"text": "One.", "speed": 2.0}], voice=voice)


@pytest.mark.parametrize("size", [1, 2, 3, 100, np.int64(2)])
def test_lines_at_once(tiny, voice, size):
    three = ["Hi.", "Two three. Four?", "Five."]
    for texts in (three, three[:1], "Hi.", []):
        told, plain = tiny(texts, voice=voice, batch_size=size), tiny(texts, voice=voice)
        for one, other in zip(*(some if isinstance(some, list) else [some] for some in (told, plain)), strict=True):
            same(one["audio"], other["audio"])


@pytest.mark.parametrize("size", [0, -1, 1.5, "two", True])
def test_a_batch_of_no_size(tiny, voice, size):
    with pytest.raises(RTVCError, match="batch_size"):
        tiny(["Hi."], voice=voice, batch_size=size)


def test_every_corner_of_the_settings(tiny, voice):
    """Alone, streamed, and beside a longer line; a single sound at the highest speed is a moment, not a crash."""
    for corner in product(*(RANGES[name] for name in ("speed", "pitch", "variation"))):
        options = dict(zip(("speed", "pitch", "variation"), corner, strict=True)) | {"voice": voice, "seed": 1}
        for text in ("I", "a", TEXT):
            wave = tiny(text, **options)["audio"]
            assert wave.size
            assert np.isfinite(wave).all()
            same(np.concatenate([chunk["audio"] for chunk in tiny.stream(text, **options)]), wave)
        assert all(one["audio"].size for one in tiny(["I", LONG], **options))


def test_no_frames_at_all(tiny, tiny_model, voice):
    """Where every sound is predicted to last less than a frame."""
    clone = VoiceCloningPipeline(model=copy.deepcopy(tiny_model), processor=tiny.processor)
    torch.nn.init.constant_(clone.model.rtvc7.duration_predictor.head.bias, -9.0)
    assert clone("I", voice=voice, speed=4)["audio"].size
    assert len(clone(["I", TEXT], voice=voice)) == 2
    assert list(clone.stream("I", voice=voice))


def test_lines_of_several_people_in_one_batch_are_what_they_are_alone(tiny, voice, man):
    """Also where lines have several sentences, pauses, and chance in them."""
    other = tiny.enroll(man)
    texts = ["One two three four. Five! [pause 0.3s]", "Six.", "[pause 0.1s] Seven eight, nine? Ten."] * 4
    voices = [voice, other, voice] * 4
    for options in ({}, {"variation": 0.5, "seed": 3}):
        for text, one, said in zip(texts, voices, tiny(texts, voice=voices, **options), strict=True):
            same(said["audio"], tiny(text, voice=one, **options)["audio"])


def test_the_newest_voices_are_kept_by_their_sound(tiny_folder, woman, man, monkeypatch, tmp_path):
    """A file of another's name gets nobody another's voice, and memory stays bounded."""
    clone, same_name = load(tiny_folder), tmp_path / "voice.flac"
    monkeypatch.setattr(sys.modules["rtvc.pipeline"], "KEPT_VOICES", 2)
    voices = []
    for recording in (woman, man):
        shutil.copy(recording, same_name)
        voices.append(clone.enroll(same_name).speaker_embedding)
    assert not np.array_equal(*voices)
    for heard, recording in zip(voices, (woman, man), strict=True):
        np.testing.assert_array_equal(heard, clone.enroll(recording).speaker_embedding)
    clone.enroll([woman, man])
    enrolled, enroll = [], clone.model.enroll
    monkeypatch.setattr(clone.model, "enroll", lambda *given: enrolled.append(given[-1]) or enroll(*given))
    for recording in (man, woman):
        clone.enroll(recording)
    assert enrolled == [("woman.flac",)], "the oldest of three was forgotten, the newest two were not"


def test_a_voice_is_known_by_its_content_and_not_by_its_name(tiny, voice, woman, tmp_path):
    said, whole = tiny(TEXT, voice=voice)["audio"], tmp_path / "me.voice"
    for name in ("me.dat", "me", "me.wav", "ME.VOICE"):
        voice.save(tmp_path / name)
        same(tiny(TEXT, voice=tmp_path / name)["audio"], said)
        assert tiny.similarity(str(tmp_path / name), voice) == pytest.approx(tiny.similarity(voice, voice))
    shutil.copy(woman, tmp_path / "recording.voice")
    same(tiny(TEXT, voice=tmp_path / "recording.voice")["audio"], said)
    voice.save(whole)
    for name, content in (("text.voice", b"no voice"), ("empty.voice", b""), ("cut.voice", whole.read_bytes()[:200])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VoiceError, match=f"“{name}” is not a saved voice, or is damaged"):
            tiny(TEXT, voice=tmp_path / name)
    soundfile.write(tmp_path / "silent.wav", np.zeros(80000), 16000)
    (tmp_path / "silent.wav").rename(tmp_path / "silent.voice")
    with pytest.raises(VoiceError, match=r"“silent\.voice” is silent"):
        tiny(TEXT, voice=tmp_path / "silent.voice")
    with pytest.raises(VoiceError, match="is a saved voice; pass it alone"):
        tiny.enroll([woman, tmp_path / "me.dat"])


def test_the_same_sound_is_enrolled_once(tiny_folder, woman, speech, man, monkeypatch, tmp_path):
    clone, count = load(tiny_folder), []
    enroll = type(clone.model).enroll
    monkeypatch.setattr(type(clone.model), "enroll", lambda *some, **more: count.append(1) or enroll(*some, **more))
    first = clone.enroll(woman)
    clone(["One.", "Two."], voice=[str(woman), str(woman)])
    clone("One.", voice=(speech, 16_000))
    shutil.copy(woman, tmp_path / "renamed.flac")
    renamed = clone.enroll(tmp_path / "renamed.flac")
    assert len(count) == 1
    assert renamed.report.files == ("renamed.flac",)
    assert (first.report.files, clone.enroll((speech, 16_000)).report.files) == (("woman.flac",), ())
    np.testing.assert_array_equal(renamed.speaker_embedding, first.speaker_embedding)
    clone.enroll(woman, enhance=True)
    assert len(count) == 2, "other settings make another voice"
    shutil.copy(man, tmp_path / "renamed.flac")
    assert clone.enroll(tmp_path / "renamed.flac") != renamed, "another sound under a known name is another voice"


def test_long_texts_are_split_and_joined(tiny, voice):
    rate = tiny.model.config.sampling_rate
    chunks = list(tiny.stream("One two. Three four! Five?", voice=voice))
    sentences = [[chunk["audio"] for chunk in chunks if chunk["sentence"] == place] for place in range(3)]
    assert sum(map(len, sentences)) == len(chunks)
    whole = tiny("One two. Three four! Five?", voice=voice)["audio"]
    same(whole, np.concatenate([chunk["audio"] for chunk in chunks]))
    assert not np.concatenate(sentences[1])[: int(PAUSE_BETWEEN_SENTENCES * rate)].any()


def test_the_pause_between_sentences_is_as_long_as_asked_for(tiny, voice):
    rate = tiny.model.config.sampling_rate
    text = "One two. Three four! [pause 0.5s] Five?"  # of the two pauses the text itself asks for one
    usual, none, long = (tiny(text, voice=voice, **told)["audio"].size for told in ({}, {"pause": 0}, {"pause": 1.0}))
    assert (usual - none, long - none) == (round(PAUSE_BETWEEN_SENTENCES * rate), rate)
    streamed = sum(chunk["audio"].size for chunk in tiny.stream(text, voice=voice, pause=0))
    assert streamed == none
    with pytest.raises(RTVCError, match="pause must be a number from 0 to 10"):
        tiny(text, voice=voice, pause=-1)


@pytest.mark.parametrize("options", [{}, {"variation": 0.5, "seed": 3, "speed": 0.5, "pitch": 3.0}])
def test_streamed_is_what_is_said_whole(tiny, voice, options):
    """In pieces from within the sentence on, to less than −60 dB anywhere."""
    text = "One two three four five six seven eight nine ten. Eleven, twelve, thirteen, fourteen, fifteen."
    chunks = [chunk["audio"] for chunk in tiny.stream(text, voice=voice, **options)]
    whole = tiny(text, voice=voice, **options)["audio"]
    assert len(chunks) > 4
    assert len(chunks[0]) <= 0.4 * tiny.model.config.sampling_rate
    same(np.concatenate(chunks), whole)
    assert np.abs(np.concatenate(chunks) - whole).max() < 1e-3
    assert tiny.duration(text, voice=voice, **options) == whole.size / tiny.model.config.sampling_rate


def test_the_first_piece_costs_a_part_of_the_sentence(tiny, voice, monkeypatch):
    """Counted in frames, not in time: what is rendered before the first chunk comes."""
    rendered, forward = [], type(tiny.model.rtvc7.decoder).forward

    def counted(self, latents, *others):
        rendered.append(latents.shape[1])
        return forward(self, latents, *others)

    monkeypatch.setattr(type(tiny.model.rtvc7.decoder), "forward", counted)
    text = "One two three four five six seven eight nine ten eleven twelve."
    tiny(text, voice=voice)
    next(tiny.stream(text, voice=voice))
    assert rendered[1] < 0.5 * rendered[0]


def test_the_first_piece_of_a_long_text_waits_for_its_first_sentence_only(tiny, voice, monkeypatch):
    read, tokenizer = [], tiny.processor.tokenizer
    convert = tokenizer.convert_tokens_to_ids
    monkeypatch.setattr(tokenizer, "convert_tokens_to_ids", lambda symbols: read.append(symbols) or convert(symbols))
    next(tiny.stream("One two three. " * 100, voice=voice))
    assert len(read) == 1


def test_who_stops_early_stops_the_work(tiny, voice):
    taken, closed = [], []

    def words():
        try:
            for count in range(1000):
                taken.append(count)
                yield f"This is sentence {count}. "
        finally:
            closed.append(True)

    stream = tiny.stream(words(), voice=voice)
    score = weakref.ref(next(stream)["audio"])
    gc.collect()  # what other tests left
    gc.disable()  # freed because nothing holds it, not because somebody cleaned up
    try:
        stream.close()
        assert closed == [True]
        assert score() is None
        held = [one for one in gc.get_objects() if type(one) is ProsodyPlan]  # isinstance would ask dead weak proxies
        assert not held
    finally:
        gc.enable()
    assert len(taken) == 2
    assert next(stream, None) is None


def test_pauses_that_the_text_asks_for(tiny, voice):
    rate = tiny.model.config.sampling_rate
    plain = {"voice": voice, "watermark": False}  # the watermark depends on where in the whole a word stands
    one, two = (tiny(text, **plain)["audio"] for text in ("One.", "two"))
    for mark, seconds in (("[pause 0.5s]", 0.5), ("[Pause 1.25]", 1.25), ("[pause 300 ms] [pause]", 0.8)):
        silence = np.zeros(round(seconds * rate), np.float32)
        np.testing.assert_array_equal(
            tiny(f"One. {mark} two {mark}", **plain)["audio"], np.concatenate([one, silence, two, silence])
        )
    assert split(["One [pau", "se 0.", "5s]two"]) == ["One", "[pause 0.5s]", "two"]
    with pytest.raises(TextError, match="at most 10 seconds"):
        tiny("One. [pause 60s] Two.", voice=voice)
    with pytest.raises(TextError, match="empty"):
        tiny("[pause 1s]", voice=voice)


def test_streaming_a_text_that_comes_in_pieces(tiny, voice):
    pieces = ["Hel", "lo the", "re. How a", "re you? Fi", "ne"]
    assert split(pieces) == ["Hello there.", "How are you?", "Fine"]
    assert split("It costs $3.50. Really."[place] for place in range(23)) == ["It costs $3.50.", "Really."]
    for text in ("One. Title\n\nNext thing here.", "He was in the U.S. Army then.", "Chapter 1. The start\n\nIt was."):
        for size in range(1, 12):
            parts = [text[place : place + size] for place in range(0, len(text), size)]
            assert split(parts) == split([text]), parts
    taken = []

    def words():
        for piece in pieces:
            taken.append(piece)
            yield piece

    stream = tiny.stream(words(), voice=voice)
    next(stream)
    assert len(taken) == 3, "the first sentence must be said before the text is complete"
    assert {chunk["sentence"] for chunk in stream} >= {1, 2}
    with pytest.raises(TextError):
        tiny.stream("...", voice=voice)
    with pytest.raises(VoiceError):
        tiny.stream("Hello.")


def test_speed_pitch_variation_and_seed(tiny, voice):
    plain = tiny(TEXT, voice=voice)["audio"]
    np.testing.assert_array_equal(plain, tiny(TEXT, voice=voice)["audio"])
    assert len(tiny(TEXT, voice=voice, speed=2)["audio"]) == pytest.approx(len(plain) / 2, rel=0.1)
    assert not np.array_equal(plain, tiny(TEXT, voice=voice, pitch=4.0)["audio"])
    varied = [tiny(TEXT, voice=voice, variation=0.5, seed=seed)["audio"] for seed in (7, 7, 8)]
    np.testing.assert_array_equal(varied[0], varied[1])
    assert not np.array_equal(varied[0], varied[2])
    for options in ({"seed": 7}, {"variation": 0, "seed": 8}, {"variation": 0.0}):
        np.testing.assert_array_equal(
            plain, tiny(TEXT, voice=voice, **options)["audio"]
        )  # a seed alone changes nothing
    free = [tiny(TEXT, voice=voice, variation=0.5)["audio"] for _ in range(2)]
    assert not np.array_equal(free[0], free[1])
    streamed = [chunk["audio"] for chunk in tiny.stream(TEXT, voice=voice, variation=0.5, seed=7)]
    same(np.concatenate(streamed), varied[0])


def test_unknown_and_impossible_options(tiny, voice, woman):
    with pytest.raises(TypeError, match="colour"):
        tiny(TEXT, voice=voice, colour=1)
    with pytest.raises(TypeError, match="colour"):
        tiny.stream(TEXT, voice=voice, colour=1)
    bad = [("speed", 0), ("speed", 100), ("speed", "fast"), ("pitch", float("nan")), ("variation", -1), ("speed", True)]
    for name, value in [*bad, ("seed", 1.5), ("seed", float("nan")), ("seed", -1), ("seed", "x"), ("enhance", "maybe")]:
        with pytest.raises(RTVCError, match=name):
            tiny(TEXT, voice=voice, **{name: value})
    with pytest.raises(RTVCError, match="enhance"):
        tiny.enroll(woman, enhance="maybe")
    for yes, no in ((1, 0), (np.True_, np.False_)):
        assert tiny.enroll(woman, enhance=yes).report.enhanced
        assert not tiny.enroll(woman, enhance=no).report.enhanced
    assert tiny.enroll(woman, enhance=True).report.enhanced


@pytest.mark.parametrize("text", ["", " \n", "...", "?!", "你好", None, 3, b"bytes"])
def test_texts_that_cannot_be_said(tiny, voice, text):
    with pytest.raises(TextError) as caught:
        tiny(text, voice=voice)
    assert str(caught.value).endswith(".")


def test_punctuation_alone_between_sentences_is_passed_over(tiny, voice):
    assert [chunk["sentence"] for chunk in tiny.stream("Hello.\n\n***\n\nGoodbye.", voice=voice)][-1] == 1
    with pytest.raises(TextError):
        tiny("Hello there. 你好。", voice=voice)


def test_recordings_that_cannot_be_enrolled(tiny, speech, tmp_path):
    silence, little = np.zeros(80000, np.float32), speech[:24000]
    corrupt, empty = tmp_path / "corrupt.wav", tmp_path / "empty.wav"
    corrupt.write_bytes(b"RIFF1234WAVEnonsense")
    empty.touch()
    missing = tmp_path / "missing.wav"
    wrong = [(silence, 16000), (little, 16000), (np.full(80000, np.nan), 16000), corrupt, empty, missing, None, 5, []]
    for recording in wrong:
        with pytest.raises(VoiceError) as caught:
            tiny(TEXT, voice=recording)
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)
    with pytest.raises(VoiceError, match="minutes"):
        tiny.enroll((np.zeros(16000 * 60 * 31, np.int16), 16000))


def test_embed_similarity_enhance(tiny, voice, woman, man):
    assert tiny.embed(woman).shape == (32,)
    assert 0 <= tiny.similarity(woman, man) <= 1
    assert tiny.similarity(woman, woman) == pytest.approx(tiny.similarity(voice, woman), abs=0.01)
    assert tiny.enhance(woman).shape == audio.read(woman).shape
    with pytest.raises(VoiceError, match="silent"):
        tiny.enhance((np.zeros(16000), 16000))


def test_voices_of_two_models_are_not_compared(tiny, voice):
    other = Voice(np.ones(7), voice.timbre, voice.pitch_mean, voice.pitch_std, voice.tempo)
    with pytest.raises(VoiceError, match="come from different models"):
        tiny.similarity(voice, other)


def test_many_threads_say_what_one_says(tiny, woman, man):
    """Eight threads at once, two people's voices, everything that a pipeline does."""
    noisy = audio.read(woman) + np.random.default_rng(0).normal(size=audio.read(woman).size).astype(np.float32) * 0.02

    def work(count: int) -> list[np.ndarray]:
        recording = (woman, man)[count % 2]
        voice = tiny.enroll(str(recording))
        options = {"voice": voice, "variation": 0.5, "seed": count}
        said = tiny(f"This is number {count}. It has two sentences.", **options)["audio"]
        streamed = [chunk["audio"] for chunk in tiny.stream(f"And number {count}, [pause] in pieces.", **options)]
        listed = [one["audio"] for one in tiny([f"Number {count} is a list.", "Of two."], **options)]
        heard = tiny.embed(recording), voice.speaker_embedding, tiny.enhance((noisy[: 16000 + count], 16000))
        return [said, *streamed, *listed, *heard]

    alone = [work(count) for count in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, [*range(8), *range(8)]))
    for one, other in zip([*alone, *alone], together, strict=True):
        for mine, theirs in zip(one, other, strict=True):  # of a stream piece by piece
            same(mine, theirs)
