"""What a config says of its corpora: who is left out, who validates, which noises; and what the cache keeps of them."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from test_layouts import lay
from test_sources import place, tone, write  # noqa: F401  # a fixture

from rtvc import audio
from rtvc.earspeech import EarSpeechConfig, EarSpeechModel
from rtvc.errors import TrainingError
from rtvc.training import command, folders, loop
from rtvc.training.config import LOOP_DEFAULTS, load_config
from rtvc.training.data import alignment, corpora, measurements, noise, store
from rtvc.training.data.corpora import Corpora, Division, split
from rtvc.training.data.speech import SpeechCorpora
from rtvc.training.stages import embeddings
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel


def invented(name: str, *spoken: tuple[str, str]) -> store.Corpus:
    """A corpus of (speaker, file) that nobody listens to."""
    about = ("", "Hello.", "corpus")
    return store.Corpus(
        name, [store.Utterance(name, file, f"{name}/{who}", *about, 0, 16_000) for who, file in spoken], ""
    )


def crowd(name: str, people: int, each: int = 3) -> store.Corpus:
    return invented(name, *((f"{n:03d}", f"{n:03d}/{k}.wav") for n in range(people) for k in range(each)))


def speakers(utterances: list[store.Utterance]) -> set[str]:
    return {one.speaker for one in utterances}


# ---------------------------------------------------------------------------------------------- who is left out
def libritts(root: Path) -> str:
    """One reader to train on, one by whom this project is judged among them, and one of the test part: of the latter
    nothing can be read."""
    tone(root / "train-clean-100" / "84" / "1" / "84_1_000001_000000.wav")
    names = ("train-clean-100/84/1/84_1_000001_000000", "train-clean-100/237/1/237_1_000001_000000")
    for stem in (*names, "test-clean/61/1/61_1_000001_000000"):
        write(root / f"{stem}.normalized.txt", "Hello.")
        if "84_1" not in stem:
            write(root / f"{stem}.wav", "no sound")
    return str(root)


def test_nobody_who_judges_is_read(place, capsys):  # noqa: F811
    name = libritts(place / "LibriTTS")
    asked = Corpora([name])
    assert speakers(asked.load(name, 1).utterances) == {"librivox/84"}
    assert "skipped" not in capsys.readouterr().out, "what is there of the others cannot be read, and nobody tried"
    assert asked.left_out == {"librivox/237", "librivox/61"}
    assert any("librivox/237" in line for line in asked.warnings(True, False))
    assert speakers(Corpora([name]).load(name, 1).utterances) == {"librivox/84"}, "from the cache"
    everybody = Corpora.everybody(name).load(name, 1)
    assert "2 of 3 recordings skipped" in capsys.readouterr().out, "asked for later they are read"
    assert speakers(everybody.utterances) == {"librivox/84"}


@pytest.mark.parametrize("file", ["p226/p226_001.wav", "x/237_126133_000002_000003.wav", "p226/hello.wav"])
def test_they_are_left_out_whatever_folder_they_come_in(file, place):  # noqa: F811
    name = lay(place / "copied", file)
    tone(place / "copied" / "ann" / "1.wav")
    assert speakers(Corpora([name]).load(name, 1).utterances) == {f"{name}/ann"}
    (place / "copied" / "ann" / "1.wav").unlink()
    with pytest.raises(TrainingError, match="Nobody in the corpus .* is left"):
        Corpora([name]).load(name, 1)


def test_a_number_alone_is_nobody_s(place):  # noqa: F811
    tone(place / "numbered" / "237" / "1.wav")
    name = str(place / "numbered")
    assert speakers(Corpora([name]).load(name, 1).utterances) == {f"{name}/237"}


@pytest.mark.parametrize("called", ["bob", "people/bob", "{name}/bob"])
def test_speakers_are_excluded_by_name(called, place):  # noqa: F811
    name = lay(place / "people", "bob/1.wav")
    tone(place / "people" / "ann" / "1.wav")
    config = load_config(
        Path("configs/joint.yaml"), ["--corpora", name, "--exclude_speakers", called.format(name=name)]
    )
    asked = Corpora.of(config)
    loaded = asked.load(name, 1)
    assert speakers(loaded.utterances) == {f"{name}/ann"}
    assert asked.split([loaded])[0]
    unknown = Corpora([name], Division(exclude_speakers=("bobb",)))
    with pytest.raises(TrainingError, match="“exclude_speakers” names bobb, which no corpus holds"):
        unknown.split([unknown.load(name, 1)])


def test_the_file_of_the_package_holds_everybody_by_whom_it_is_judged():
    shared = Path(__file__).parents[3] / "shared"
    tables = [*shared.glob("eval*/*.tsv")]
    if not tables:
        pytest.skip("needs ../shared")
    known = {speaker for _, speaker in corpora.evaluation_speakers()}
    for table in tables:
        head, *rows = (line.split("\t") for line in table.read_text().splitlines())
        assert {row[head.index("speaker")] for row in rows} <= known


# ---------------------------------------------------------------------------------------------- who validates
def test_a_share_is_of_each_corpus_s_speakers():
    """The same people wherever the corpus lies, and nobody of them is trained on."""
    loaded = [crowd("/data/one", 40), crowd("two", 20), invented("alone", *(("x", f"{n}.wav") for n in range(10)))]
    train, validating = split(loaded, Division(validation=0.1))
    counts = {corpus.name: len(speakers([one for one in validating if one.corpus == corpus.name])) for corpus in loaded}
    assert counts == {"/data/one": 4, "two": 2, "alone": 1}
    assert speakers(train) & speakers(validating) == {"alone/x"}, "of one person some recordings"
    assert sum(one.corpus == "alone" for one in validating) == 1
    elsewhere = split([crowd("/elsewhere", 40)], Division(validation=0.1))[1]
    here = {one.file for one in validating if one.corpus == "/data/one"}
    assert {one.file for one in elsewhere} == here


def test_who_validates_is_trained_on_in_no_other_corpus():
    about = ("", "Hello.", "corpus", 0, 16_000)
    one, other = (
        store.Corpus(name, [store.Utterance(name, file, f"librivox/{who}", *about) for who, file in spoken], "")
        for name, spoken in (("LibriTTS", [("84", "a"), ("19", "b")]), ("LibriSpeech", [("84", "c"), ("19", "d")]))
    )
    for named in ("LibriTTS/84", "a", "librivox/84"):
        train, validating = split([one, other], Division(validation=(named,)))
        assert [utterance.file for utterance in validating] == ["a", "c"]
        assert [utterance.file for utterance in train] == ["b", "d"]


def test_people_that_a_model_made_do_not_validate():
    loaded = [crowd("read", 20), crowd("runs/people", 40)]
    train, validating = split(loaded, Division(validation=0.1), made=["runs/people"])
    assert {one.corpus for one in validating} == {"read"}
    assert len(speakers(train)) == 58


def test_validation_by_name_by_folder_or_by_a_list_of_recordings(tmp_path):
    corpus = invented("data/c", ("ann", "train/ann/1.wav"), ("ann", "train/ann/2.wav"), ("bob", "dev-clean/bob/1.wav"))
    (tmp_path / "list.txt").write_text("train/ann/2.wav\n\n")

    def chosen(named: str) -> list[str]:
        config = load_config(Path("configs/joint.yaml"), ["--corpora", "data/c", "--validation", named])
        return [one.file for one in Corpora.of(config).split([corpus])[1]]

    assert chosen("bob") == chosen("c/bob") == chosen("dev-clean") == ["dev-clean/bob/1.wav"]
    assert chosen("[ann]") == ["train/ann/1.wav", "train/ann/2.wav"]
    assert chosen(str(tmp_path / "list.txt")) == ["train/ann/2.wav"]
    assert len(chosen("0.5")) in (1, 2)
    assert chosen("null") == []
    with pytest.raises(TrainingError, match="“validation” names nobody, which no corpus holds"):
        chosen("nobody")
    with pytest.raises(TrainingError, match="a share between 0 and 1"):
        chosen("1.5")


def test_this_project_s_own_development_speakers_are_never_trained_on():
    loaded = [crowd("an4", 20), invented("librispeech-train-clean-5", ("ls_669", "1"), ("ls_19", "2"))]
    for division in (None, Division(validation=0.05), Division(validation=("ls_19",))):
        train, validating = split(loaded, division)
        assert "librispeech-train-clean-5/ls_669" in speakers(validating)
        assert {"an4/000", "an4/010"} <= speakers(validating)
        assert not speakers(train) & speakers(validating)


class Nothing(loop.Stage):
    """Learns one number."""

    def __init__(self, config: dict):
        super().__init__(config)
        self.objective = self.kept = torch.nn.Linear(1, 1)
        self.optimizer = torch.optim.SGD(self.objective.parameters(), 0.1)

    def draw(self, random: np.random.Generator, phase: int) -> torch.Tensor:
        return torch.ones(1, 1)

    def losses(self, batch: torch.Tensor, clock: loop.Clock) -> dict[str, torch.Tensor]:
        return {"total": self.objective(batch).square().mean()}

    def rates(self, clock: loop.Clock) -> list[float]:
        return [0.1]

    def save(self, kept: torch.nn.Module, folder: Path) -> None:
        (folder / "saved").touch()


def test_that_nobody_validates_is_said_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(folders, "RUNS", tmp_path)
    quick = {"mixed_precision": "no", "workers": 0, "tracker": "none", "log_every": 1, "steps": 1, "noises": None}
    config = LOOP_DEFAULTS | quick | {"name": "run", "stage": "nothing", "corpora": Corpora(["c"])}
    loop.train(Nothing, config)
    printed = capsys.readouterr().out
    assert printed.index("No speaker validates") < printed.index("step 1")
    assert printed.index("No recorded noises") < printed.index("step 1")
    monkeypatch.setattr(Nothing, "evaluation_parts", 1)
    monkeypatch.setattr(Nothing, "evaluate_part", lambda *_: {"figure": 1.0})
    loop.train(Nothing, config | {"name": "other", "corpora": Corpora(["c"], noises=("some",))})
    assert "No " not in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------- noises, bandwidth
def demand(root: Path) -> set[str]:
    for room in ("DKITCHEN", "PCAFETER"):
        for channel in (1, 2, 16):
            tone(root / room / f"ch{channel:02d}.wav", 100 * channel, 16_000, 1.0)
    return {f"{room}/ch01.wav" for room in ("DKITCHEN", "PCAFETER")}


def musan(root: Path) -> set[str]:
    for part in ("music/rfm/music-rfm-0000", "noise/free-sound/noise-free-sound-0000", "speech/us-gov/speech-0000"):
        tone(root / f"{part}.wav", rate=16_000, seconds=1.0)
    write(root / "noise" / "free-sound" / "ANNOTATIONS", "…")
    return {"music/rfm/music-rfm-0000.wav", "noise/free-sound/noise-free-sound-0000.wav"}


def wham(root: Path) -> set[str]:
    for part in ("tr", "cv", "tt"):
        tone(root / part / f"01_{part}.wav", rate=16_000, seconds=1.0)
    return {"tr/01_tr.wav", "cv/01_cv.wav"}


@pytest.mark.parametrize("packed", ["folder", ".tar.gz", ".zip"])
@pytest.mark.parametrize("make", [demand, musan, wham])
def test_public_noises_are_read_as_they_are_given_out(make, packed, place):  # noqa: F811
    root = place / {demand: "DEMAND", musan: "musan", wham: "wham_noise"}[make]
    wanted, name = make(root), str(root)
    if packed == ".zip":
        name += packed
        with zipfile.ZipFile(name, "w") as file:
            for path in root.rglob("*.*"):
                file.write(path, path.relative_to(place))
    elif packed == ".tar.gz":
        name += packed
        with tarfile.open(name, "w:gz") as file:
            file.add(root, root.name)
    heard = {str(Path(one.file)).removeprefix(f"{root.name}/") for one in store.load_noises(name, 1).utterances}
    assert heard - {"tt/01_tt.wav"} == wanted
    kinds = [noise.noises(kind, (name,)) for kind in ("train", "development")]
    assert len(kinds[0]) + len(kinds[1]) == len(wanted)
    if make is wham:
        assert [len(kind) for kind in kinds] == [1, 1]
    first = next(kind[0] for kind in kinds if len(kind))
    assert first.dtype == np.float32
    assert len(first) == 16_000
    assert np.abs(first).max() == pytest.approx(0.3, abs=0.01), "neither trimmed nor levelled"


def test_long_noises_are_cut_and_the_evaluation_s_fold_is_left_out(place):  # noqa: F811
    for name, seconds in (("1-100-A-0", 45), ("4-100-A-0", 5), ("5-100-A-0", 5)):
        tone(place / "ESC-50" / f"{name}.wav", rate=16_000, seconds=seconds)
    train, development = (noise.noises(kind, (str(place / "ESC-50"),)) for kind in ("train", "development"))
    assert [len(one) / 16_000 for one in train] == [20, 20, 5]
    assert [len(one) / 16_000 for one in development] == [5]


def test_noises_that_are_missing_or_damaged_are_an_error(place):  # noqa: F811
    with pytest.raises(TrainingError, match="There are no noises “nowhere”.*--noises"):
        noise.noises("train", ("nowhere",))
    with pytest.raises(TrainingError, match="There are no noises “noise-esc10”"):
        noise.noises()
    demand(place / "DEMAND")
    with tarfile.open(place / "DEMAND.tar", "w") as file:
        file.add(place / "DEMAND", "DEMAND")
    content = (place / "DEMAND.tar").read_bytes()
    for name, damaged in (("a.tar", content[: len(content) // 2]), ("b.zip", b"PK no archive"), ("c.tar.gz", b"no")):
        (place / name).write_bytes(damaged)
        with pytest.raises(TrainingError, match=r"The noises “.*” cannot be read .*get it again") as error:
            noise.noises("train", (str(place / name),))
        assert "\n" not in str(error.value)


def test_this_project_s_own_corpora_have_their_noises_beside_them(place):  # noqa: F811
    write(place / "own.tar", "")
    assert Corpora(["own"]).recorded_noises() == (store.NOISE,)
    assert Corpora(["own"]).measured_rooms() == ()
    for name in (store.MORE_NOISES, store.ROOMS):
        (folders.DATA / f"{name}.tar").touch()
    assert Corpora(["own"]).recorded_noises() == (store.NOISE, store.MORE_NOISES)
    assert Corpora(["own"]).measured_rooms() == (store.ROOMS,)
    assert Corpora(["/a/folder"]).measured_rooms() == ()
    assert Corpora(["/data/LibriTTS"]).recorded_noises() == ()
    assert Corpora(["own"], noises=("/data/DEMAND",)).recorded_noises() == ("/data/DEMAND",)
    assert Corpora(["own"], noises=()).recorded_noises() == ()


def test_a_corpus_may_hold_less_than_its_sampling_rate_says(place):  # noqa: F811
    tone(place / "upsampled" / "ann" / "1.wav", rate=24_000)
    name = str(place / "upsampled")
    config = load_config(Path("configs/joint.yaml"), ["--corpora", name, "--bandwidth", f"{{{name}: 8000}}"])
    assert [one.bandwidth for one in Corpora.of(config).load(name, 1).utterances] == [8000]
    assert [one.bandwidth for one in Corpora([name]).load(name, 1).utterances] == [12_000]
    with pytest.raises(TrainingError, match="“bandwidth” names other, which no corpus holds"):
        Corpora([name], bandwidth={"other": 8000})
    with pytest.raises(TrainingError, match="“bandwidth” must be a number"):
        load_config(Path("configs/joint.yaml"), ["--bandwidth", f"{{{name}: wide}}"])


# ---------------------------------------------------------------------------------------------- what is kept
@pytest.fixture
def folder(place) -> Path:  # noqa: F811
    for number, who in enumerate(("ann/1", "ann/2", "bob/1")):
        tone(place / "people" / f"{who}.wav", 200 + 100 * number, 16_000, 1.0)
        write(place / "people" / f"{who}.txt", "Hello.")
    return place / "people"


def test_one_changed_file_is_one_file_read(folder):
    """And so is one that is new; waves, pitch and alignments of the others stay."""
    before = store.load_corpus(str(folder), 1)
    traits, _ = measurements.measure(before, 1)
    kept = before.samples[:].copy()
    known = {one.file: one for one in before.utterances}
    tone(folder / "ann" / "2.wav", 800, 16_000, 1.5)
    tone(folder / "cyd" / "1.wav", 900, 24_000, 1.0)
    after = store.load_corpus(str(folder), 1)
    assert after.stem != before.stem
    starts = {one.file: one.start for one in after.utterances}
    assert {file: starts[file] for file in ("ann/1.wav", "bob/1.wav")} == {
        file: known[file].start for file in ("ann/1.wav", "bob/1.wav")
    }
    assert np.array_equal(after.samples[: len(kept)], kept), "nothing that was there is written over"
    assert len(after.samples) == len(kept) + 24_000 + 16_000
    again, curves = measurements.measure(after, 1)
    assert {file: again[file] for file in ("ann/1.wav", "bob/1.wav")} == {
        file: traits[file] for file in ("ann/1.wav", "bob/1.wav")
    }
    changed = again["ann/2.wav"]
    heard = curves[changed["start"] : changed["start"] + changed["frames"]]
    assert changed["frames"] == 120
    assert changed != traits["ann/2.wav"]
    assert len(heard) == 120
    waves, rate = after.widest
    assert rate == 24_000
    for one in after.utterances:
        wide = waves[one.start * 3 // 2 : (one.start + one.samples) * 3 // 2].astype(float)
        spectrum = np.abs(np.fft.rfft(wide))
        hertz = {"ann/1.wav": 200, "ann/2.wav": 800, "bob/1.wav": 400, "cyd/1.wav": 900}[one.file]
        assert np.argmax(spectrum) * rate / len(wide) == pytest.approx(hertz, abs=3)
    assert not list(folders.CACHE.glob(f"{before.stem}.*"))


def test_a_changed_text_is_another_reading(folder):
    before = {one.file: one for one in store.load_corpus(str(folder), 1).utterances}
    write(folder / "bob" / "1.txt", "Good bye.")
    after = {one.file: one for one in store.load_corpus(str(folder), 1).utterances}
    assert after["bob/1.wav"].text == "Good bye."
    assert after["bob/1.wav"].start != before["bob/1.wav"].start, "its alignment is another one too"
    assert after["ann/1.wav"] == before["ann/1.wav"]


def test_a_failure_leaves_the_cache_as_it_was(folder, monkeypatch):
    before = store.load_corpus(str(folder), 1)
    content = before.file(store.WAVES).read_bytes()
    tone(folder / "cyd" / "1.wav", rate=16_000)

    resample = audio.resample

    def killed(wave: np.ndarray, rate: int, sampling_rate: int = 16_000) -> np.ndarray:
        if sampling_rate == store.WIDE_RATE:  # when its 16 kHz are written already
            raise KeyboardInterrupt
        return resample(wave, rate, sampling_rate)

    with monkeypatch.context() as patch:
        patch.setattr(audio, "resample", killed)
        with pytest.raises(KeyboardInterrupt):
            store.load_corpus(str(folder), 1)
    (folder / "cyd" / "1.wav").unlink()
    after = store.load_corpus(str(folder), 1)
    assert after.stem == before.stem
    assert after.file(store.WAVES).read_bytes() == content


def said(job: tuple[Path, int, int, str]) -> dict:
    """In place of the bundled model's word; every process writes down what it was asked."""
    waves, start, samples, text = job
    with open(waves.parent / "asked", "a") as asked:
        asked.write(f"{start // samples} {os.getpid()} {text}\n")
    symbols = ["^", "h", "ˈe", "l", "$"]
    return {"symbols": symbols, "frames": [5, 20, 20, 20, 5], "score": -float(start // samples), "wave": start}


@pytest.fixture
def spoken(folder, monkeypatch) -> Callable[[], list[int]]:
    """Which of the recordings the bundled model was asked to say, by their places in the cache, and by whom."""
    monkeypatch.setattr(alignment, "spoken_alignment", said)
    path = folders.CACHE / "asked"
    return lambda: [int(line.split()[0]) for line in path.read_text().splitlines()] if path.exists() else []


def test_alignments_are_kept_by_the_weights_that_made_them(folder, spoken, monkeypatch):
    corpus = store.load_corpus(str(folder), 1)
    assert set(alignment.aligned(corpus)) == {"ann/1.wav", "ann/2.wav", "bob/1.wav"}
    alignment.aligned(corpus)
    assert sorted(spoken()) == [0, 1, 2], "once"
    tone(folder / "ann" / "2.wav", 800, 16_000, 1.0)
    alignment.aligned(store.load_corpus(str(folder), 1))
    assert spoken()[3:] == [3], "what changed"
    write(folder.parent / "weights" / "model.safetensors", "others")
    monkeypatch.setattr(alignment, "CHECKPOINT", folder.parent / "weights")
    alignment.aligned(store.load_corpus(str(folder), 1))
    assert len(spoken()) == 7, "all, by another model"


def test_what_the_stage_alignment_found_comes_first(folder, spoken):
    corpus = store.load_corpus(str(folder), 1)
    found = {one.file: {"symbols": ["^", "$"], "frames": [40, 40], "score": -1.0} for one in corpus.utterances}
    corpus.file(alignment.ALIGNED).write_text(json.dumps(found))
    assert alignment.aligned(corpus) == found
    corpus.file(alignment.ALIGNED).write_text(
        json.dumps({one.file: found[one.file] | {"wave": one.start} for one in corpus.utterances})
    )
    tone(folder / "ann" / "2.wav", 800, 16_000, 1.0)
    changed = alignment.aligned(store.load_corpus(str(folder), 1))
    assert spoken() == [3], "ann/2.wav"
    assert len(changed["ann/2.wav"]["symbols"]) == 5
    assert changed["bob/1.wav"]["frames"] == [40, 40]


def test_bad_alignments_of_a_folder_are_rejected(folder, spoken):
    """The score's key once lost everything behind the first slash of a path, and nothing was."""
    speech = SpeechCorpora({str(folder): 1.0}, "all", reject=0.34)
    assert {item.key.removeprefix(f"{folder}/") for item in speech.items} == {"ann/1.wav", "ann/2.wav"}
    assert len(SpeechCorpora({str(folder): 1.0}, "all", reject=0.0).items) == 3


def test_alignment_is_shared_among_machines_and_processes(folder, spoken):
    """Of 585 hours one process would have taken a day and a half."""
    for number in range(3, 12):
        tone(folder / "ann" / f"{number}.wav", 200 + 50 * number, 16_000, 1.0)
        write(folder / "ann" / f"{number}.txt", "Hello.")
    config = load_config(Path("configs/alignment.yaml"), ["--synthetic", "null", "--shards", "2", "--processes", "2"])
    config |= {"corpora": [str(folder)]}
    corpus = store.load_corpus(str(folder), 1)
    command.run(config)
    first = spoken()
    assert 0 < len(first) < 12, "its share"
    command.run(config | {"shard": 1})
    assert sorted(spoken()) == list(range(12)), "each once"
    asked_by = {line.split()[1] for line in (folders.CACHE / "asked").read_text().splitlines()}
    assert str(os.getpid()) not in asked_by, "processes of their own"
    assert len(alignment.aligned(corpus)) == 12
    assert len(spoken()) == 12, "what both found is known to who trains"


def test_alignment_goes_on_where_it_was_killed(folder, spoken):
    corpus = store.load_corpus(str(folder), 1)
    alignment.aligned(corpus)
    (path,) = folders.CACHE.glob("*.alignment-*.0.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:9])  # as a process leaves it that is killed while it writes
    found = alignment.aligned(corpus)
    assert sorted(spoken()) == [0, 1, 2, 2]
    assert {about["wave"] // 16_000 for about in found.values()} == {0, 1, 2}
    alignment.aligned(corpus)
    assert len(spoken()) == 4


def test_embeddings_are_kept_by_the_encoder_that_heard_them(folder):
    root = folder.parent
    EarSpeechModel(EarSpeechConfig()).save_pretrained(root / "ear")
    for number in (1, 2):
        torch.manual_seed(number)
        TunedGE2EModel(TunedGE2EConfig(hidden_size=16)).save_pretrained(root / f"encoder{number}")
    config = {"corpora": [str(folder)], "shifted": [], "longest": 6, "earspeech": str(root / "ear")}

    def heard(number: int) -> dict[str, np.ndarray]:
        embeddings.train(config | {"tuned_ge2e": str(root / f"encoder{number}")})
        return {key: voice[0] for key, voice in measurements.voices(store.load_corpus(str(folder), 1)).items()}

    first = heard(1)
    assert len(first) == 3
    path = store.load_corpus(str(folder), 1).file(measurements.VOICES)
    kept = dict(np.load(path))
    np.savez(path, **kept | {"embeddings": np.zeros_like(kept["embeddings"])})
    assert not any(vector.any() for vector in heard(1).values()), "it is not heard again"
    second = heard(2)
    assert all(not np.array_equal(second[key], first[key]) for key in first)
    tone(folder / "bob" / "1.wav", 800, 16_000, 1.5)
    assert set(measurements.voices(store.load_corpus(str(folder), 1))) == {f"{folder}/ann/1.wav", f"{folder}/ann/2.wav"}
    third = heard(2)
    assert [key for key in third if not np.array_equal(third[key], second[key])] == [f"{folder}/bob/1.wav"]
