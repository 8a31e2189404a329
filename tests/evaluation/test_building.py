"""Cases that anybody can have: of corpora in folders, of data sets, of the lists that the field uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc import audio
from rtvc.cli import main
from rtvc.errors import EvaluationError
from rtvc.evaluation import building, public
from rtvc.evaluation.cases import read_cases

RATE = 16_000
TEXTS = ["This is a sentence of words.", "Here is another one to say.", "Too short.", "And a third one of six words."]


@pytest.fixture(scope="module")
def waves(woman, man) -> dict[str, np.ndarray]:
    return {"121": audio.read(woman)[: 5 * RATE], "61": audio.read(man)[: 5 * RATE]}


@pytest.fixture
def libritts(tmp_path, waves) -> Path:
    """Two speakers with six recordings each, one with too few."""
    place = tmp_path / "LibriTTS" / "test-clean"
    for speaker, wave in (*waves.items(), ("999", waves["61"])):
        folder = place / speaker / "77"
        folder.mkdir(parents=True)
        for number in range(2 if speaker == "999" else 6):
            name = f"{speaker}_77_{number:06d}_000000"
            soundfile.write(folder / f"{name}.wav", wave * (1 - 0.1 * number), RATE)
            (folder / f"{name}.normalized.txt").write_text(f"{TEXTS[number % 4]}\n")
    return place


def build(tmp_path: Path, *sources: str, **given) -> tuple[building.Folder, Path]:
    output = tmp_path / "cases"
    return building.build(building.check_sources(sources), output, **given), output


def test_a_corpus_in_a_folder_becomes_cases_that_can_be_read(libritts, tmp_path):
    (tmp_path / "noises").mkdir()
    soundfile.write(tmp_path / "noises" / "hiss.wav", 0.1 * np.random.default_rng(0).standard_normal(RATE), RATE)
    made, output = build(tmp_path, f"libritts={libritts}", f"noise={tmp_path / 'noises'}", speakers=3)
    assert made.left_out == ["only 2 speakers of libritts have enough recordings for 2 sentences each"]
    cases = read_cases(output)
    assert {case.speaker for case in cases.clone} == {"libritts-121", "libritts-61"}
    assert len(cases.clone) == 4
    sentences = {case.recording for case in cases.clone}
    for case in cases.clone:
        assert len(case.text.split()) >= 5
        assert case.recording_speaker == case.speaker
        assert 9 <= audio.read(case.references["long"]).size / RATE <= 16
        assert audio.read(case.references["short"]).size == 5 * RATE
    assert sentences < {case.file for case in cases.verify}
    pair = cases.enhance[1]
    assert (pair.noise, pair.snr_db, pair.speaker) == ("hiss", "0", cases.verify[1].speaker)
    clean, noisy = audio.read(pair.clean), audio.read(pair.noisy)
    assert 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2)) == pytest.approx(0, abs=0.2)
    assert "libritts: test-clean" in (output / "README.md").read_text()


def test_the_seed_draws(libritts, tmp_path):
    texts = []
    for number, seed in enumerate((0, 0, 1, 2, 3)):
        sources = building.check_sources([f"libritts={libritts}"])
        building.build(sources, tmp_path / f"cases{number}", 1, 1, seed)
        texts.append((tmp_path / f"cases{number}" / "clone.tsv").read_text())
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_sentences_that_every_speaker_reads_are_not_asked(tmp_path, waves):
    """VCTK's first 24 stand in many a training corpus; they may be references."""
    place = tmp_path / "VCTK"
    for number in (*range(20, 25), *range(25, 28)):
        for folder, suffix in (("wav48_silence_trimmed", "_mic1.flac"), ("txt", ".txt")):
            path = place / folder / "p225" / f"p225_{number:03d}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if folder == "txt":
                path.write_text(f"This is the sentence of number {number}.")
            else:
                soundfile.write(path, waves["121"], RATE)
    _, output = build(tmp_path, f"vctk={place}", speakers=1, sentences=3)
    said = sorted(case.text for case in read_cases(output).clone)
    assert said == [f"This is the sentence of number {number}." for number in (25, 26, 27)]


def test_a_data_set_with_the_usual_columns(tmp_path, waves):
    """As the Hub serves them: Parquet files with the sounds within."""
    datasets = pytest.importorskip("datasets")
    rows: dict[str, list] = {"audio": [], "text_normalized": [], "speaker_id": []}
    for speaker, wave in waves.items():
        for number in range(5):
            soundfile.write(tmp_path / "one.flac", wave, RATE)
            rows["audio"].append({"bytes": (tmp_path / "one.flac").read_bytes(), "path": "one.flac"})
            rows["text_normalized"].append(f"{TEXTS[0]} {number}")
            rows["speaker_id"].append(speaker)
    (tmp_path / "set").mkdir()
    table = datasets.Dataset.from_dict(rows).cast_column("audio", datasets.Audio(decode=False))
    table.to_parquet(str(tmp_path / "set" / "test-0.parquet"))
    _, output = build(tmp_path, f"speech={tmp_path / 'set'}", speakers=2, sentences=1)
    assert sorted(case.speaker for case in read_cases(output).clone) == ["speech-121", "speech-61"]
    with pytest.raises(EvaluationError, match="cannot be read as a data set"):
        list(public.from_hub("speech", str(tmp_path / "missing")))


def test_the_lists_of_the_field(tmp_path, waves):
    """seed-tts-eval's meta.lst and LibriSpeech-PC's cross-sentence list; a prompt that is too short is counted."""
    (tmp_path / "prompt-wavs").mkdir()
    (tmp_path / "wavs").mkdir()
    for name, wave in (
        ("prompt-wavs/a-b", waves["121"]),
        ("prompt-wavs/c", waves["61"][:RATE]),
        ("wavs/u1", waves["61"]),
    ):
        soundfile.write(tmp_path / f"{name}.wav", wave, RATE)
    lines = ["u1|hello|prompt-wavs/a-b.wav|Say this, please.", "u2|hi|prompt-wavs/c.wav|And this."]
    (tmp_path / "meta.lst").write_text("\n".join(lines) + "\n")
    for utterance in ("61-70968-0000", "61-70970-0001"):
        path = tmp_path / "LibriSpeech" / utterance.replace("-", "/", 2).rpartition("/")[0] / f"{utterance}.flac"
        path.parent.mkdir(parents=True)
        soundfile.write(path, waves["61"], RATE)
    (tmp_path / "pc.lst").write_text("61-70968-0000\t5.0\tHello.\t61-70970-0001\t5.0\tSay that, please.\n")
    sources = (f"seed-tts-eval={tmp_path / 'meta.lst'}", f"librispeech-pc={tmp_path / 'pc.lst'}")
    made, output = build(tmp_path, *sources, recordings=tmp_path / "LibriSpeech")
    assert made.left_out == ["1 of the lines, whose prompts hold less than three seconds of speech"]
    first, second = read_cases(output).clone
    assert (first.case, first.speaker, first.text, first.recording.stem) == ("u1", "a-b", "Say this, please.", "u1")
    assert (second.case, second.speaker, second.text) == ("61-70970-0001", "61", "Say that, please.")
    assert second.recording_speaker == "61"


WRONG = {
    "names no source": "corpus=x",
    "has 2 cells, not 4 or 5": "seed-tts-eval=two.lst",
    "lie in the folder of the list": "seed-tts-eval=out.lst",
    "a prompt of the list": "seed-tts-eval=gone.lst",
    "give the path of a list": "librispeech-pc=missing.lst",
    "give it as --audio": "librispeech-pc=missing.lst",
    "cannot be read as a data set": "vctk=nowhere/at-all",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_with_a_source(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)
    (tmp_path / "two.lst").write_text("a|b\n")
    (tmp_path / "out.lst").write_text("u|t|../../x.wav|Say.\n")
    (tmp_path / "gone.lst").write_text("u|t|x.wav|Say.\n")
    given = ["--audio", "."] if "path of a list" in words else []
    assert main(["cases", WRONG[words], "--output", "cases", *given]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "cases").exists()


def test_the_command(libritts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)
    arguments = ["cases", f"libritts={libritts}", "--output", str(tmp_path / "cases"), "--speakers", "1"]
    assert main(arguments) == 0
    assert "2 in clone.tsv, 4 in verify.tsv" in capsys.readouterr().out
    assert main(arguments) == 2
    assert "choose a new folder" in capsys.readouterr().err
