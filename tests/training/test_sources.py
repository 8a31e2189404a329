"""Corpora: every layout gives the same clips; broken files are named; a changed source is read anew."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc import audio
from rtvc.errors import TrainingError
from rtvc.training import folders
from rtvc.training.data import sources, store
from rtvc.training.data.speech import SpeechCorpora


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(folders, "DATA", tmp_path)
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    return tmp_path


def tone(path: Path, hertz: int = 300, rate: int = 22_050, seconds: float = 0.6) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate), rate)


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def ljspeech(root: Path) -> None:
    tone(root / "wavs" / "LJ001-0001.wav")
    write(root / "metadata.csv", "LJ001-0001|Dr. A.|Doctor A.\nLJ001-0002|No sound.|No sound.\n")


def vctk(root: Path) -> None:
    for microphone in (1, 2):
        tone(root / "wav48_silence_trimmed" / "p225" / f"p225_001_mic{microphone}.flac", rate=48_000)
    write(root / "txt" / "p225" / "p225_001.txt", "Please call Stella.\n")
    write(root / "speaker-info.txt", "ID  AGE  GENDER  ACCENTS\np225  23  F    English    Southern  England\n")


def librispeech(root: Path) -> None:
    tone(root / "dev-clean" / "84" / "121123" / "84-121123-0000.flac", rate=16_000)
    write(root / "dev-clean" / "84" / "121123" / "84-121123.trans.txt", "84-121123-0000 GO DO YOU HEAR\n")
    write(root / "SPEAKERS.TXT", "; a comment\n84   | F | dev-clean        |  8.02 | Christie Nowak\n")


def libritts(root: Path) -> None:
    stem = root / "dev-clean" / "84" / "121123" / "84_121123_000007_000001"
    tone(stem.with_suffix(".wav"), rate=24_000)
    write(stem.with_name(f"{stem.name}.normalized.txt"), "Maximilian.")
    write(stem.with_name(f"{stem.name}.original.txt"), "M.")


def beside(root: Path) -> None:
    tone(root / "ann" / "one.wav")
    write(root / "ann" / "one.txt", "One line.")


def archive(root: Path) -> None:
    root.mkdir()
    tone(root / "x.wav")
    with tarfile.open(root.with_name(f"{root.name}.tar"), "w") as tar:
        tar.add(root / "x.wav", "./s1/x.wav")
    head = "file\tspeaker\tgender\tseconds\ttext\ttext_source\n"
    write(root.with_name(f"{root.name}.tsv"), head + 's1/x.wav\ts1\tM\t0.6\tA "quoted" line.\tcorpus\n')
    (root / "x.wav").unlink()
    root.rmdir()


LAYOUTS = {
    ljspeech: ("{name}/corpus", "", "Doctor A."),
    vctk: ("vctk/p225", "F", "Please call Stella."),
    librispeech: ("librivox/84", "F", "GO DO YOU HEAR"),
    libritts: ("librivox/84", "", "Maximilian."),
    beside: ("{name}/ann", "", "One line."),
    archive: ("{name}/s1", "M", 'A "quoted" line.'),
}


@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
def test_each_layout_is_read(make, place):
    make(place / "corpus")
    name = "corpus" if make is archive else str(place / "corpus")
    (one,) = store.load_corpus(name, 1).utterances
    speaker, gender, text = LAYOUTS[make]
    assert (one.speaker, one.gender, one.text) == (speaker.format(name=name), gender, text)
    wave = store.load_corpus(name).wave(one)
    assert len(wave) / store.SAMPLING_RATE == pytest.approx(0.6, abs=0.01)  # nobody speaks, so nothing is trimmed
    spectrum = np.abs(np.fft.rfft(wave))
    assert np.argmax(spectrum) / 0.6 == pytest.approx(300, abs=5)  # resampled


def test_a_dataset_of_the_hub_is_read(place, monkeypatch, capsys):
    """From a folder, which `datasets` loads as it loads a repository."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "datasets")
    rows = {
        "audio": [],
        "text": ["Hello.", "Bye.", "Bye."],
        "speaker_id": [7, 8, 8],
        "gender": ["female", "M", "M"],
    }
    for hertz, name in ((200, "x.wav"), (400, "p8_001_mic1.wav"), (400, "p8_001_mic2.wav")):  # the last as in VCTK
        file = io.BytesIO()
        soundfile.write(file, 0.3 * np.sin(2 * np.pi * hertz * np.arange(9_600) / 16_000), 16_000, format="wav")
        rows["audio"].append({"bytes": file.getvalue(), "path": name})
    (place / "repository").mkdir()
    features = datasets.Features(
        {
            "audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            "text": datasets.Value("string"),
            "speaker_id": datasets.Value("int64"),
            "gender": datasets.Value("string"),
        }
    )
    datasets.Dataset.from_dict(rows, features).to_parquet(place / "repository" / "train.parquet")
    name = f"hf:{place / 'repository'}:train"
    found = [(one.speaker, one.gender, one.text) for one in store.load_corpus(name, 1).utterances]
    assert found == [(f"{name}/7", "F", "Hello."), (f"{name}/8", "M", "Bye.")]
    assert "speakers: column speaker_id" in capsys.readouterr().out
    with pytest.raises(TrainingError, match="names no split"):
        store.load_corpus("hf:somebody/something")


def test_a_dataset_with_columns_of_other_names_is_read_or_told_which_are_looked_for(capsys):
    """As of VCTK on the Hub, with its other columns; then as nobody knows them."""
    datasets = pytest.importorskip("datasets")
    file = io.BytesIO()
    soundfile.write(file, np.zeros(1600), 48_000, format="wav")
    sound = {"bytes": file.getvalue(), "path": "p225_001_mic1.wav"}
    others = dict.fromkeys(("text_id", "age", "accent", "region", "comment"), ["?"])
    known = others | {"speaker_id": ["p225"], "file": ["…/p225_001_mic1.flac"], "text": ["Hello."], "gender": ["F"]}
    for columns, said in ((known, "speakers: column speaker_id"), ({"who": ["p225"]}, "it has none, but who, audio")):
        rows = datasets.Dataset.from_dict(columns | {"recording": [sound]})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(datasets, "load_dataset", lambda *_, rows=rows, **__: rows)
            with pytest.raises(TrainingError, match="no column “audio”.*: it has .*recording; name"):
                sources.Hub.open("hf:some/thing:train")
            typed = rows.cast_column("recording", datasets.Audio())
            patch.setattr(datasets, "load_dataset", lambda *_, rows=typed, **__: rows)
            ((clip, content),) = sources.Hub.open("hf:some/thing:train").clips()
        assert (clip.collection, clip.speaker, clip.text) == ("vctk", "p225", columns.get("text", [""])[0])
        assert content == sound["bytes"]
        assert said in capsys.readouterr().out


def test_broken_recordings_are_counted_named_and_left_out(place, capsys):
    beside(place / "corpus")
    write(place / "corpus" / "ann" / "two.wav", "not a sound")
    write(place / "corpus" / "ann" / "two.txt", "Two.")
    corpus = store.load_corpus(str(place / "corpus"), 1)
    assert [one.file for one in corpus.utterances] == ["ann/one.wav"]
    assert "1 of 2 recordings skipped (ann/two.wav:" in capsys.readouterr().out


def make_archive(place: Path, files: dict[str, bytes], rows: list[str], head: str = "file\tspeaker\ttext\n") -> str:
    """``NAME.tar`` of some contents by name, and its table; the corpus's name."""
    with tarfile.open(place / "some.tar", "w") as tar:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    write(place / "some.tsv", head + "".join(f"{row}\n" for row in rows))
    return "some"


def test_what_the_table_names_but_the_archive_lacks_is_counted_and_named(place, capsys):
    tone(place / "x.wav")
    files = {"a.wav": (place / "x.wav").read_bytes(), "not-in-the-table.wav": b"x"}
    name = make_archive(place, files, ["a.wav\tann\tOne.", "b.wav\tann\tTwo."])
    assert [one.file for one in store.load_corpus(name, 1).utterances] == ["a.wav"]
    assert "1 of 2 recordings skipped (b.wav: it is not in the archive)" in capsys.readouterr().out


def test_a_damaged_archive_is_said_to_be(place):
    """Cut in the middle, or something else altogether; nothing half is left in the cache."""
    tone(place / "x.wav", seconds=3)
    name = make_archive(place, {"a.wav": (place / "x.wav").read_bytes()}, ["a.wav\tann\tOne."])
    whole = (place / "some.tar").read_bytes()
    for content in (whole[: len(whole) // 2], b"no archive", b""):
        (place / "some.tar").write_bytes(content)
        with pytest.raises(TrainingError, match="The corpus “some” cannot be read .*get it again"):
            store.load_corpus(name, 1)
    assert not [path for path in (place / "cache").iterdir() if not path.name.startswith("sums-")]
    make_archive(place, {"a.wav": b"x"}, ["a.wav\tann"], "name\tspeaker\n")
    with pytest.raises(TrainingError, match="no column “file”"):
        store.load_corpus(name, 1)
    (place / "some.tsv").write_bytes(b"file\n\xff\xfe\n")
    with pytest.raises(TrainingError, match="cannot be read"):
        store.load_corpus(name, 1)


def test_a_damaged_archive_leaves_the_cache_of_the_whole_one(place):
    """Once the old cache went before the new one was there."""
    tone(place / "x.wav")
    name = make_archive(place, {"a.wav": (place / "x.wav").read_bytes()}, ["a.wav\tann\tOne."])
    whole, first = (place / "some.tar").read_bytes(), store.load_corpus(name, 1)
    (place / "some.tar").write_bytes(whole[:600])
    with pytest.raises(TrainingError):
        store.load_corpus(name, 1)
    (place / "some.tar").write_bytes(whole)
    assert len(first.file(".i16").read_bytes()) == 2 * first.utterances[0].samples


class Full:
    """A file on a disk without room."""

    def __init__(self, path: Path, mode: str):
        self.file = open(path, mode)  # noqa: SIM115

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_while_caching_is_said(place, monkeypatch):
    beside(place / "corpus")
    monkeypatch.setattr(store, "open", Full, raising=False)
    with pytest.raises(TrainingError, match="The cache .*No space left on device.*RTVC_CACHE"):
        store.load_corpus(str(place / "corpus"), 1)
    assert not list((place / "cache").glob("*.new"))
    monkeypatch.setattr(folders, "CACHE", place / "corpus" / "ann" / "one.txt")
    with pytest.raises(TrainingError, match="The cache .* cannot be written"):
        store.load_corpus(str(place / "corpus"), 1)


def test_sums_are_kept_as_they_come(place, monkeypatch):
    """An interrupted first reading of a large corpus goes on where it was."""
    for name in ("one", "two", "three"):
        write(place / "corpus" / f"{name}.txt", name)
    files, read, digest = sorted((place / "corpus").iterdir()), [], hashlib.file_digest

    def counted(file, kind: str):
        read.append(Path(file.name).name)
        if len(read) == 3:
            raise KeyboardInterrupt
        return digest(file, kind)

    monkeypatch.setattr(sources, "SAVE_SECONDS", 0)
    monkeypatch.setattr(sources.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(hashlib, "file_digest", counted)
    with pytest.raises(KeyboardInterrupt):
        sources.checksum(place / "corpus", files, place / "cache")
    key = sources.checksum(place / "corpus", files, place / "cache")
    assert read == ["one.txt", "three.txt", "two.txt", "two.txt"]
    monkeypatch.setattr(hashlib, "file_digest", digest)
    assert sources.checksum(place / "corpus", files, place / "elsewhere") == key


def test_the_second_microphone_of_a_large_corpus_is_found_at_once(place):
    """Each recording was once looked for among all of them: a minute for 20,000, half an hour for all of VCTK."""
    files = tuple(place / f"p{n:05d}_mic{which}.flac" for n in range(10_000) for which in (1, 2))
    began = time.process_time()
    assert len(list(sources.Folder("vctk", "key", place, files).clips())) == 10_000
    assert time.process_time() - began < 10


def test_a_changed_corpus_is_read_anew_and_the_old_cache_goes(place):
    beside(place / "corpus")
    name = str(place / "corpus")
    first = store.load_corpus(name, 1)
    (first.file(".traits.json")).write_text("{}")
    assert store.load_corpus(name, 1).stem == first.stem
    tone(place / "corpus" / "ann" / "two.wav")
    write(place / "corpus" / "ann" / "two.txt", "Two.")
    second = store.load_corpus(name, 1)
    assert len(second.utterances) == 2
    assert second.stem != first.stem
    assert not first.file(".traits.json").exists()


def test_a_corpus_is_known_by_its_contents(place):
    """Another time of change alone, as after copying, is none; another content of the same size is one."""
    beside(place / "corpus")
    name, file = str(place / "corpus"), place / "corpus" / "ann" / "one.wav"
    first = store.load_corpus(name, 1)
    os.utime(file, (1, 1))
    assert store.load_corpus(name, 1).stem == first.stem
    changed = bytearray(file.read_bytes())
    changed[-100] ^= 1
    file.write_bytes(changed)
    assert store.load_corpus(name, 1).stem != first.stem


def test_two_people_whose_recordings_have_the_same_names_say_each_their_own(place):
    for speaker in ("ann", "bob"):
        tone(place / "people" / speaker / "001.wav")
        write(place / "people" / speaker / "001.txt", f"I am {speaker}.")
    said = {one.speaker: one.text for one in store.load_corpus(str(place / "people"), 1).utterances}
    assert said == {f"{place / 'people'}/{one}": f"I am {one}." for one in ("ann", "bob")}


def test_a_corpus_without_recordings_is_refused(place):
    (place / "empty").mkdir()
    with pytest.raises(TrainingError, match="holds no recordings"):
        store.load_corpus(str(place / "empty"))
    write(place / "bad" / "one.wav", "x")
    with pytest.raises(TrainingError, match="no usable recording"):
        store.load_corpus(str(place / "bad"), 1)
    with pytest.raises(TrainingError, match="There is no corpus “librispeach”"):
        store.load_corpus("librispeach")


def test_wide_recordings_are_kept_at_both_rates_and_say_how_wide_they_are(place):
    seconds = np.arange(48_000) / 24_000
    sound = 0.2 * np.sin(2 * np.pi * 400 * seconds) + 0.2 * np.sin(2 * np.pi * 10_000 * seconds)
    for rate, name in ((24_000, "wide"), (16_000, "narrow")):
        (place / "both" / name).mkdir(parents=True)
        soundfile.write(
            place / "both" / name / "1.wav", sound[:: 24_000 // rate] if rate == 24_000 else sound[:32_000], rate
        )
        write(place / "both" / name / "1.txt", "A tone.")
    corpus = store.load_corpus(str(place / "both"), 1)
    waves, rate = corpus.widest
    assert rate == 24_000
    for utterance in corpus.utterances:
        start, stop = (round(place * 1.5) for place in (utterance.start, utterance.start + utterance.samples))
        assert utterance.bandwidth == (12_000 if utterance.speaker.endswith("/wide") else 8000)
        assert stop - start == 1.5 * utterance.samples
        spectrum = np.abs(np.fft.rfft(waves[start:stop].astype(float)))
        shares = spectrum[int(len(spectrum) * 8.2 / 12) :].max() / spectrum.max()
        assert shares > 0.5 if utterance.speaker.endswith("/wide") else shares < 0.05


def test_an_archive_s_table_says_how_wide_its_recordings_are(place):
    memory = io.BytesIO()
    soundfile.write(memory, 0.1 * np.random.default_rng(0).normal(size=48_000), 24_000, format="WAV")
    rows = ["a.wav\tann\tHello.\t9500"]
    name = make_archive(place, {"a.wav": memory.getvalue()}, rows, "file\tspeaker\ttext\tbandwidth\n")
    assert [utterance.bandwidth for utterance in store.load_corpus(name, 1).utterances] == [9500]


def test_what_a_teacher_read_is_a_corpus_that_knows_what_was_cut(place):
    cache = place / "cache"
    cache.mkdir()
    silence, voices = np.zeros(24_000), Path(__file__).parents[2] / "examples" / "voices"
    speech = audio.read(voices / "woman.flac", 24_000)[: 3 * 24_000]
    wave = (np.concatenate([silence, speech, silence]) * 20_000).astype(np.int16)
    (cache / "kokoro0.i16").write_bytes(wave.tobytes())
    write(
        cache / "kokoro0.jsonl",
        f'{{"file": "k/0", "speaker": "k", "text": "Hm.", "start": 0, "samples": {len(wave)}}}\n',
    )
    corpus = store.load_corpus("kokoro0", 1)
    (utterance,) = corpus.utterances
    assert (utterance.speaker, utterance.bandwidth) == ("kokoro0/k", 12_000)
    assert 0.8 <= utterance.cut <= 1.5
    assert 2.0 <= utterance.seconds <= 3.5
    assert corpus.widest[1] == 24_000


def test_a_corpus_has_its_share_of_what_is_drawn_whatever_its_recordings_are_like(place):
    speech = audio.read(Path(__file__).parents[2] / "examples" / "voices" / "man.flac")
    for corpus, seconds in (("few", (2, 4)), ("many", (1, 1, 1, 3, 3))):
        for number, length in enumerate(seconds):
            (place / corpus / "ann").mkdir(parents=True, exist_ok=True)
            soundfile.write(place / corpus / "ann" / f"{number}.wav", speech[: length * 16_000], 16_000)
    shares = {str(place / "few"): 0.7, str(place / "many"): 0.2}
    drawn = SpeechCorpora(shares, "all", aligned=False, shifted=[str(place / "many")])
    of_few = sum(chance for item, chance in zip(drawn.items, drawn.chances, strict=True) if item.corpus.endswith("few"))
    assert of_few == pytest.approx(7 / 9)
