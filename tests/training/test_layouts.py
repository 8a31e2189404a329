"""Who speaks and what, in trees laid out as the corpora really are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from test_sources import place, write  # noqa: F401  # a fixture

from rtvc.training import folders
from rtvc.training.data import people, sources, store
from rtvc.training.data.corpora import split


def lay(root: Path, *files: str, **texts: str) -> str:
    """Recordings that nobody listens to, and texts by path; the corpus's name."""
    for file in files:
        write(root / file, "a recording")
    for file, content in texts.items():
        write(root / file, content)
    return str(root)


def readings(name: str) -> dict[str, list[tuple[str, str, str]]]:
    """(recording, gender, text) by speaker."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for clip, _ in sources.find(name, folders.CACHE).clips():
        speaker = people.speaker(name, clip.speaker, clip.collection)
        found.setdefault(speaker, []).append((Path(clip.file).name, clip.gender, clip.text))
    return found


def libritts(root: Path, sentences: Iterable[tuple[str, str]]) -> str:
    for part, stem in sentences:
        reader, chapter, *_ = stem.split("_")
        folder = root / part / reader / chapter
        write(folder / f"{stem}.wav", "a recording")
        write(folder / f"{stem}.original.txt", "Mr. A")
        write(folder / f"{stem}.normalized.txt", "Mister A")
        write(folder / f"{reader}_{chapter}.trans.tsv", f"{stem}\tMr. A\tMister A\n")
        write(folder / f"{reader}_{chapter}.book.tsv", f"{stem}\tMr. A\t0\t1\t2\n")
    write(root / "SPEAKERS.txt", ";ID  |SEX|\n84   | F | train-clean-100 |\n61   | M | test-clean |\n")
    return str(root)


def test_libritts_with_test_clean_beside_its_training_parts(place):  # noqa: F811
    sentences = [
        ("train-clean-100", "84_121123_000007_000001"),
        ("train-clean-360", "100_121669_000001_000000"),
        ("train-other-500", "20_205_000000_000000"),
        ("test-clean", "61_70968_000000_000000"),
    ]
    name = libritts(place / "corpus", sentences)
    assert readings(name) == {
        "librivox/84": [("84_121123_000007_000001.wav", "F", "Mister A")],
        "librivox/100": [("100_121669_000001_000000.wav", "", "Mister A")],
        "librivox/20": [("20_205_000000_000000.wav", "", "Mister A")],
        "librivox/61": [("61_70968_000000_000000.wav", "M", "Mister A")],
    }


def test_librispeech_names_readers_as_libritts_does(place):  # noqa: F811
    chapter = "train-clean-5/84/121123/84-121123"
    texts = {f"{chapter}.trans.txt": "84-121123-0000 GO\n84-121123-0001 DO YOU HEAR\n"}
    name = lay(place / "speech", f"{chapter}-0000.flac", f"{chapter}-0001.flac", **texts)
    assert readings(name) == {
        "librivox/84": [("84-121123-0000.flac", "", "GO"), ("84-121123-0001.flac", "", "DO YOU HEAR")]
    }


def test_vctk_has_two_microphones_and_gaps(place):  # noqa: F811
    """p280 has the first microphone only, p315 that and no texts; one reading of p225 came from the second alone."""
    sound = "wav48_silence_trimmed"
    files = [
        *(f"{sound}/p225/p225_001_mic{number}.flac" for number in (1, 2)),
        f"{sound}/p225/p225_002_mic2.flac",
        f"{sound}/p280/p280_001_mic1.flac",
        f"{sound}/p315/p315_001_mic1.flac",
        f"{sound}/s5/s5_001_mic1.flac",
        f"{sound}/s5/s5_001_mic2.flac",
    ]
    texts = {f"txt/{stem[:-4]}/{stem}.txt": f"{stem}\n" for stem in ("p225_001", "p225_002", "p280_001", "s5_001")}
    table = "ID  AGE  GENDER  ACCENTS  REGION COMMENTS\np225  23  F  English  Southern England\ns5   18  F  British\n"
    name = lay(place / "corpus", *files, **texts, **{"speaker-info.txt": table, f"{sound}/log.txt": "p362 …"})
    assert readings(name) == {
        "vctk/p225": [("p225_001_mic1.flac", "F", "p225_001"), ("p225_002_mic2.flac", "F", "p225_002")],
        "vctk/p280": [("p280_001_mic1.flac", "", "p280_001")],
        "vctk/p315": [("p315_001_mic1.flac", "", "")],
        "vctk/s5": [("s5_001_mic1.flac", "F", "s5_001")],
    }


def test_ljspeech_is_one_person(place):  # noqa: F811
    table = {"metadata.csv": "LJ001-0001|Dr. A|Doctor A\n", "README": "…"}
    name = lay(place / "LJSpeech-1.1", "wavs/LJ001-0001.wav", **table)
    assert readings(name) == {f"{name}/LJSpeech-1.1": [("LJ001-0001.wav", "", "Doctor A")]}


def test_in_a_folder_a_person_the_folder_says_who_speaks(place):  # noqa: F811
    """Not what a file is called, whatever numbers are in it; folders that are no person's name nobody."""
    files = ["Devon/2024-01-02.wav", "Devon/12_1_1.wav", "train/wavs/Testa/s1_002.wav", "alone.wav"]
    texts = {"Devon/12_1_1.txt": "Hers.", "alone.txt": "Mine."}
    name = lay(place / "people", *files, **texts)
    assert readings(name) == {
        f"{name}/Devon": [("12_1_1.wav", "", "Hers."), ("2024-01-02.wav", "", "")],
        f"{name}/people": [("alone.wav", "", "Mine.")],
        f"{name}/Testa": [("s1_002.wav", "", "")],
    }


def test_a_text_is_nobody_else_s(place):  # noqa: F811
    name = lay(place / "people", "a/001.wav", "b/001.wav", **{"a/001.txt": "A."})
    assert readings(name) == {f"{name}/a": [("001.wav", "", "A.")], f"{name}/b": [("001.wav", "", "")]}


@pytest.mark.parametrize(
    ("corpus", "file", "speaker"),
    [
        ("copied", "p226/p226_001.wav", "vctk/p226"),
        ("copied", "all/237_126133_000002_000003.wav", "librivox/237"),
        ("copied", "p001/p001_001.wav", "{name}/p001"),  # of another study
        ("copied", "7/0001.wav", "{name}/7"),
        ("LibriTTS_R", "7/0001.wav", "librivox/7"),
        ("VCTK", "226/0001.wav", "vctk/p226"),
    ],
)
def test_a_known_collection_s_readers_are_known_in_any_folder(corpus, file, speaker, place):  # noqa: F811
    name = lay(place / corpus, file)
    assert list(readings(name)) == [speaker.format(name=name)]


def test_two_corpora_that_number_their_people_hold_different_ones(place):  # noqa: F811
    """`b/speaker1/001.wav` was once dropped because `a/` has one; reader 84 of two collections of LibriVox is one."""

    def corpus(name: str, *rows: tuple[str, str]) -> store.Corpus:
        utterances = [
            store.utterance_of(name, {"file": f"{who}/{file}", "speaker": who, "gender": "", "text": ""} | about)
            for who, file in rows
        ]
        return store.Corpus(name, utterances, "")

    about = {"text_source": "corpus", "start": 0, "samples": 16_000, "collection": ""}
    train, _ = split([corpus(name, ("speaker1", "001.wav")) for name in ("a", "b")])
    assert [one.speaker for one in train] == ["a/speaker1", "b/speaker1"]
    about |= {"collection": None}  # of archives
    both = corpus("clean-3", ("ls_19", "1.ogg")), corpus("clean-5", ("ls_19", "1.ogg"), ("ls_19", "2.ogg"))
    train, _ = split(list(both))
    assert [(one.corpus, one.speaker, one.file) for one in train] == [
        ("clean-3", "librivox/ls_19", "ls_19/1.ogg"),
        ("clean-5", "librivox/ls_19", "ls_19/2.ogg"),
    ]
