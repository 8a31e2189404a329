"""Tuned-GE2E's training: its figure, its stages, its augmentation; and one short real run on made voices."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch
import yaml

from rtvc import audio
from rtvc.earspeech import EarSpeechConfig, EarSpeechModel
from rtvc.errors import TrainingError
from rtvc.training import command, folders, loop, models, speaker_teacher
from rtvc.training.config import load_config
from rtvc.training.data import channels, noise, people, speaker_batches, speakers, store, synthetic_voices
from rtvc.training.losses import TunedGE2ELoss
from rtvc.training.stages import ge2e
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel
from rtvc.voice import Voice

CONFIG = Path(__file__).parents[2] / "configs" / "ge2e.yaml"


def configured(*options: str) -> dict:
    """Of the stage, in this process and one thread: other tests have the other cores."""
    return load_config(CONFIG, ["--workers", "0", "--threads", "1", *options])


def test_the_configured_stages_grow_the_margin_then_mine():
    """GE2E, margin, hard examples, at last for EarSpeech too; before them the teacher, from there on foremost."""
    phases = yaml.safe_load(CONFIG.read_text())["phases"]
    assert [phase["ge2e_weight"] for phase in phases] == [1.0, 1.0, 0.2, 0.2, 0.2]
    phases.pop(2)
    assert [phase["margin"] for phase in phases] == [False, True, True, True]
    assert [phase["hold_margin"] for phase in phases] == [False, True, False, False]
    assert [phase["share"] for phase in phases] == [1.0, 1.0, 0.15, 0.15]
    assert [phase["train_earspeech"] for phase in phases] == [False, False, False, True]


def test_mixing_reaches_the_asked_ratio():
    random = np.random.default_rng(0)
    wave, hiss = random.standard_normal((2, 16_000)).astype(np.float32)
    added = noise.mix(wave, hiss[:5000], 7.0) - wave
    assert 10 * np.log10(np.mean(wave**2) / np.mean(added**2)) == pytest.approx(7.0, abs=1e-3)


def test_augmentation_keeps_length_and_is_repeatable():
    wave = np.random.default_rng(1).standard_normal(8_000).astype(np.float32)
    babble = np.random.default_rng(2).integers(-3000, 3000, 30_000).astype(np.int16)
    for seed in range(8):
        one, other = (noise.augmented(wave, [wave[::-1]], babble, np.random.default_rng(seed)) for _ in range(2))
        assert one.shape == wave.shape
        assert one.dtype == np.float32
        assert np.isfinite(one).all()
        assert np.array_equal(one, other)


@pytest.fixture
def made_voices(tmp_path, monkeypatch):
    """A cache of eight made voices of 10 s, two of them for development, with random teacher vectors."""
    random, waves, index = np.random.default_rng(0), [], []
    time = np.arange(10 * 16_000) / 16_000
    for number in range(8):
        pitch = 80 + 25 * number
        wave = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 12)) * 0.05
        wave = wave + 0.005 * random.standard_normal(len(time))
        index.append(speakers.Stream(f"voice{number}", "made", number >= 6, number * len(time), len(time), 6 * number))
        waves.append((wave * store.FULL_SCALE).astype(np.int16))
    monkeypatch.setattr(folders, "CACHE", tmp_path)
    monkeypatch.setattr(noise, "noises", lambda *_: [random.standard_normal(20_000).astype(np.float32)])
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")
    vectors = random.standard_normal((48, 256)).astype(np.float16)
    np.concatenate(waves).tofile(tmp_path / f"ge2e-made{store.WAVES}")
    made = "ge2e-made", index, np.concatenate(waves), vectors
    monkeypatch.setattr(speakers, "load", lambda *_: made)
    monkeypatch.setattr(speaker_teacher, "window_embeddings", lambda wave: random.standard_normal((2, 256)))
    return tmp_path / "runs"


def test_a_short_run_passes_all_stages_and_leaves_loadable_models(made_voices, capsys):
    config = configured("--model.hidden_size", "32")
    config |= {"frames": [60, 70], "evaluate_every": 100, "augmented_copies": 1}
    for phase in config["phases"]:
        phase.update(steps=2, minutes=None, seconds=6, utterances=2)
    command.run(config)
    printed = capsys.readouterr().out
    assert "phase 5 of 5, step 10 evaluation equal_error_rate_1.5_s" in printed
    folder = made_voices / "ge2e" / "model"
    earspeech = EarSpeechModel.from_pretrained(folder / "earspeech")
    assert earspeech.centre_offsets.abs().max() > 0  # the last stage moved them
    features = earspeech(0.1 * torch.randn(1, 16_000)).features
    assert TunedGE2EModel.from_pretrained(folder / "tuned_ge2e")(features).speaker_embedding.shape == (1, 256)
    for number in (1, 2, 3, 4, 5):
        assert (made_voices / "ge2e" / f"phase{number}" / "tuned_ge2e" / "config.json").exists()
    command.run(config | {"name": "on", "init": str(folder)})


@pytest.mark.parametrize("given", ["earspeech", "init"])
def test_what_the_stage_earspeech_learned_is_what_the_encoder_hears_through(given, made_voices, tmp_path):
    """Cached features once came from the formula's bands whatever `init` held, and no key took `earspeech`'s."""
    config = load_config(CONFIG, ["--workers", "0", "--model.hidden_size", "24", "--meaning", "null"])
    config |= {"frames": [60, 70], "augmented_copies": 0}
    formula = ge2e.GE2EStage(config)
    learned = EarSpeechModel(EarSpeechConfig())
    torch.nn.init.constant_(learned.centre_offsets, 0.5)
    learned.save_pretrained(tmp_path / "run" / "earspeech")
    TunedGE2EModel(TunedGE2EConfig(hidden_size=24)).save_pretrained(tmp_path / "run" / "tuned_ge2e")
    folder = {"earspeech": tmp_path / "run" / "earspeech", "init": tmp_path / "run"}[given]
    stage = ge2e.GE2EStage(config | {given: str(folder)})
    assert torch.equal(stage.kept.earspeech.centre_offsets, learned.centre_offsets)
    first = torch.from_numpy(stage.crops.waves[:160_000].astype(np.float32) / store.FULL_SCALE)[None]
    for one, ears in ((stage, learned), (formula, EarSpeechModel(EarSpeechConfig()))):
        expected = ears(first).features[0].detach().half().numpy()
        assert np.abs(one.crops.features[0][: len(expected)] - expected).max() < 2e-3


def test_people_who_really_spoke_keep_their_share_of_the_draws():
    def stream(speaker: str, corpus: str, seconds: int) -> speakers.Stream:
        return speakers.Stream(speaker, corpus, False, 0, seconds * store.SAMPLING_RATE, 0)

    real = [stream("ann", "read", 300), stream("ann-slow", "read", 320), stream("bob", "read", 20)]
    others = [*(stream(f"bob-warped{one}", "read", 10) for one in range(6)), stream("made0001", "runs/people", 10)]
    config = {"seconds_that_count": 60, "made": ["runs/people"], "made_share": 0.3}
    drawn = speaker_batches.shares([*real, *others], config)
    assert drawn == pytest.approx([0.3, 0.3, 0.1, *(0.3 / 7 for _ in others)])
    assert speaker_batches.shares(real, config) == pytest.approx([3 / 7, 3 / 7, 1 / 7])


def test_ge2e_and_the_teacher_both_listen_to_the_hardest_only(made_voices):
    torch.manual_seed(0)
    config = configured("--model.hidden_size", "32")
    stage = ge2e.GE2EStage(config | {"frames": [60, 70], "augmented_copies": 1})
    inputs, targets, who = batch = stage.crops.cached(20, 2, np.random.default_rng(5))
    kept = stage.kept.eval()
    phase = {"train_earspeech": False, "hold_margin": False, "margin": True, "ge2e_weight": 0.2}
    with torch.no_grad():
        embeddings = kept.model(inputs.flatten(0, 1)).speaker_embedding.unflatten(0, targets.shape[:2])
        distances = 1 - torch.cosine_similarity(kept.heads["to_teacher"](embeddings), targets, -1)
        hardest = TunedGE2ELoss.hardest(TunedGE2ELoss.similarities(embeddings), 0.25)
        few, everybody = (kept(batch, phase | {"share": share}, 0.0) for share in (0.25, 1.0))
        ge2e_of_few, ge2e_of_all = (kept.loss(embeddings, True, share, who) for share in (0.25, 1.0))
    assert 0 < hardest.sum() < hardest.numel()
    torch.testing.assert_close(few["teacher"], distances[hardest].mean())
    torch.testing.assert_close(everybody["teacher"], distances.mean())
    torch.testing.assert_close(few["ge2e"], ge2e_of_few, rtol=2e-5, atol=0)
    torch.testing.assert_close(everybody["ge2e"], ge2e_of_all, rtol=2e-5, atol=0)


def test_going_on_from_an_encoder_keeps_what_its_numbers_mean(made_voices, tmp_path):
    """The map to the teacher's space is fitted to the encoder as it is, and held while it learns on."""
    torch.manual_seed(0)
    encoder = tmp_path / "encoder"
    EarSpeechModel(EarSpeechConfig()).save_pretrained(encoder / "earspeech")
    TunedGE2EModel(TunedGE2EConfig(hidden_size=32)).save_pretrained(encoder / "tuned_ge2e")
    config = configured("--model.hidden_size", "32")
    config |= {"frames": [60, 70], "evaluate_every": 100, "augmented_copies": 1, "init": str(encoder)}
    config["phases"] = [config["phases"][2] | {"steps": 3, "minutes": None, "seconds": 12, "utterances": 2}]
    stage = ge2e.GE2EStage(config)
    inputs, targets, who = stage.crops.cached(40, 2, np.random.default_rng(5))
    stage.kept.model.eval()

    def distance() -> float:
        return stage.losses((inputs, targets, who), loop.Clock(stage.phases))["teacher"].item()

    held, before = stage.kept.heads["to_teacher"].weight.clone(), stage.kept.model.output.weight.clone()
    assert distance() < 0.97, "of vectors drawn at random, by an encoder that knows nothing yet: without the fit 1.0"
    for _ in range(3):
        stage.losses((inputs, targets, who), loop.Clock(stage.phases))["total"].backward()
        for group in stage.optimizer.param_groups:
            group["lr"] = 1e-4
        stage.optimizer.step()
    assert torch.equal(stage.kept.heads["to_teacher"].weight, held)
    assert not torch.equal(stage.kept.model.output.weight, before)
    moved = stage.kept.model
    with torch.no_grad():  # and turned about, as far as it can be
        moved.output.weight.copy_(moved.output.weight.flip(0))
        moved.output.bias.copy_(moved.output.bias.flip(0))
    stage.save(stage.kept, tmp_path / "saved")

    def loaded(folder: Path) -> TunedGE2EModel:
        return TunedGE2EModel.from_pretrained(folder / "tuned_ge2e").eval()

    first, away, saved = (
        one(inputs.flatten(0, 1)).speaker_embedding for one in (loaded(encoder), moved, loaded(tmp_path / "saved"))
    )
    torch.testing.assert_close(saved @ saved.T, away @ away.T, atol=1e-4, rtol=0)
    assert (first * saved).sum(1).mean() > 0.99
    assert (first * away).sum(1).mean() < 0.8


def test_a_new_encoder_can_mean_what_another_ones_vectors_mean(made_voices, tiny_model, tiny_folder, tmp_path):
    """Its weights are new; the map to the teacher's space is the other one's, and its vectors are turned to theirs."""
    torch.manual_seed(0)
    known, size = tiny_model.tuned_ge2e, tiny_model.config.tuned_ge2e_config.speaker_size
    config = configured("--model.hidden_size", "24", "--meaning", str(tiny_folder))
    config["phases"] = [one | {"seconds": 12, "utterances": 2} for one in config["phases"]]
    config |= {"frames": [60, 70], "augmented_copies": 1}
    with pytest.raises(TrainingError, match=rf"have {size} numbers, not 256: model\.speaker_size\.$"):
        ge2e.GE2EStage(config)
    config["model"] |= {"speaker_size": size}
    stage = ge2e.GE2EStage(config)
    inputs, targets = (part.flatten(0, 1) for part in stage.crops.cached(40, 2, np.random.default_rng(5))[:2])
    new = stage.kept.model.eval()
    assert not stage.kept.heads["to_teacher"].weight.requires_grad
    stage.save(stage.kept, tmp_path / "saved")
    saved = TunedGE2EModel.from_pretrained(tmp_path / "saved" / "tuned_ge2e").eval()
    with torch.no_grad():
        mapped = stage.kept.heads["to_teacher"](known(inputs).speaker_embedding)
        first, before, after = (one(inputs).speaker_embedding for one in (known, new, saved))
    assert torch.cosine_similarity(mapped, targets).mean() > 0.03, "of vectors drawn at random"
    torch.testing.assert_close(after @ after.T, before @ before.T, atol=1e-4, rtol=0)
    assert (first * after).sum(1).mean() > 0.99
    assert (first * before).sum(1).mean() < 0.8


@pytest.fixture
def vowel() -> np.ndarray:
    """Two seconds of 100 Hz through one resonance at 1,000 Hz."""
    time = np.arange(2 * store.SAMPLING_RATE) / store.SAMPLING_RATE
    tones = ((np.sin(2 * np.pi * 100 * n * time), (100 * n - 1000) / 250) for n in range(1, 60))
    return sum(0.02 * tone / (1 + off**2) for tone, off in tones).astype(np.float32)


def test_a_longer_vocal_tract_lowers_the_formant_and_leaves_the_pitch(vowel):
    flat = np.zeros(257)
    same = synthetic_voices.vocal_tract(vowel, 1.0, flat)
    assert np.abs(same - vowel).max() < 1e-4 * np.abs(vowel).max()
    moved = synthetic_voices.vocal_tract(vowel, 0.8, flat)
    spectrum = np.abs(np.fft.rfft(moved))  # a bin is half a hertz
    assert np.argmax(spectrum) / 2 == pytest.approx(800, abs=1), "the strongest harmonic is where the resonance is now"
    assert spectrum[1700] < 0.02 * spectrum[1600], "harmonics stay harmonics: nothing at 850 Hz"


def test_a_colour_is_a_filter_of_a_few_decibels(vowel):
    louder = synthetic_voices.vocal_tract(vowel, 1.0, np.full(257, np.log(2)))
    assert np.abs(louder - 2 * vowel).max() < 1e-3 * np.abs(vowel).max()
    drawn = np.stack([channels.smooth_filter(np.random.default_rng(seed)) for seed in range(200)]) * 20 / np.log(10)
    assert 1 < drawn.std() < 4
    assert np.abs(np.diff(drawn[:, 20:])).max() < 1, "smooth"


def test_a_microphone_changes_the_timbre_by_some_decibels_and_nothing_else():
    impulse = np.zeros(4_000, np.float32)
    impulse[0] = 1.0
    heard = [channels.microphone(impulse, np.random.default_rng(seed)) for seed in range(200)]
    changes = np.stack([np.fft.rfft(one) for one in heard])
    assert np.abs(np.angle(changes)).max() < 1e-2, "in time with the original"
    assert 2 < (20 * np.log10(np.abs(changes))).std() < 4


def test_warped_pieces_are_repeatable_and_as_many_as_there_is_speech(woman):
    wave = audio.read(woman)
    long = np.tile(wave, 4)
    made = dict(synthetic_voices.warped(long, "ann", 3))
    assert list(made) == ["-warped0", "-warped1", "-warped2"]
    again = dict(synthetic_voices.warped(long, "ann", 3))
    assert all(np.array_equal(one, again[name]) for name, one in made.items())
    assert not np.array_equal(made["-warped0"], dict(synthetic_voices.warped(long, "bob", 3))["-warped0"])
    assert all(abs(len(one) / store.SAMPLING_RATE - synthetic_voices.WARPED_SECONDS) < 0.1 for one in made.values())
    assert all(np.abs(one).max() <= 1 for one in made.values())
    assert len(dict(synthetic_voices.warped(long[: 2 * store.SAMPLING_RATE], "ann", 12))) == 2
    assert not dict(synthetic_voices.warped(long, "ann", 0))


@pytest.fixture
def readers(tmp_path, monkeypatch, woman, man) -> list[str]:
    """A corpus of files: the two examples, slower and faster, as eight people, the last two for development."""
    corpus = tmp_path / "corpus"
    waves = [audio.read(path)[: 4 * store.SAMPLING_RATE] for path in (woman, man)]
    names = ["ann", "bob", "cyd", "dan", "eve", "fay", "ls_669", "ls_7312"]
    for number, name in enumerate(names):
        wave = np.tile(synthetic_voices.played(waves[number % 2], 0.8 + 0.1 * (number // 2)), 1 + number // 6)
        (corpus / name).mkdir(parents=True)
        for part, clip in enumerate(np.array_split(wave, 2)):
            soundfile.write(corpus / name / f"{part}.wav", clip, store.SAMPLING_RATE)
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(folders, "DATA", tmp_path)
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")
    if not importlib.util.find_spec("resemblyzer"):  # a stand-in of the same shape; the weight is 0 below
        monkeypatch.setattr(
            speakers, "teacher_vectors", lambda wave: np.full((max(1, len(wave) // 25_600), 256), 0.0625)
        )
    return [str(corpus)]


def test_voices_are_prepared_from_real_recordings(readers, capsys):
    """Through the reader of corpora, the joined streams, the shifted copies, and the features' cache."""
    stem, streams, waves, vectors = speakers.load(readers, readers, 3, [])
    warped = {one.speaker for one in streams if "-warped" in one.speaker}
    assert {people.bare(one).split("-")[0] for one in warped} == {"ann", "bob", "cyd", "dan", "eve", "fay"}, (
        "nobody for development"
    )
    assert sum(not one.development for one in streams) == 6 * 5 + len(warped), "each reader, four copies, warped pieces"
    assert sum(one.development for one in streams) == 2
    assert sum(one.samples for one in streams) == len(waves)
    assert sum(one.windows for one in streams) == len(vectors)
    assert speakers.load(readers, readers, 3, [])[0] == stem
    assert speakers.load(readers, readers, 0, [])[0] != stem
    config = configured("--teacher_weight=0", "--model.hidden_size=32")
    config |= {"corpora": readers, "shifted": readers, "frames": [60, 70], "augmented_copies": 1, "evaluate_every": 100}
    phases = [config["phases"][number] | {"steps": 1, "minutes": None, "seconds": 6} for number in (0, 4)]
    command.run(config | {"phases": [one | {"utterances": 2} for one in phases]})
    assert re.search(r"step 2 evaluation equal_error_rate_1\.5_s [\d.]+ ", capsys.readouterr().out)
    assert (folders.RUNS / "ge2e" / "model" / "tuned_ge2e" / "config.json").is_file()


@pytest.fixture
def mixing(readers, tiny_folder) -> dict:
    """A config of the stage ``people``: two of them, of readers whose texts are long enough."""
    for path in Path(readers[0]).rglob("*.wav"):
        path.with_suffix(".txt").write_text("Twelve words of ten letters, more or less, are said by everybody " * 2)
    path = CONFIG.with_name("people.yaml")
    return load_config(path, ["--people", "2", "--rtvc_ckpt", str(tiny_folder)]) | {"corpora": readers}


def test_people_are_made_of_the_voices_there_are(readers, mixing, tmp_path):
    """Each and a warped one in a folder of its own, all different, the same again; then they are voices to learn."""
    for folder in (tmp_path / "one", tmp_path / "other"):
        command.run(mixing | {"folder": str(folder)})
    made = {path.parent.name: soundfile.read(path)[0] for path in sorted((tmp_path / "one").rglob("*.flac"))}
    assert list(made) == ["made0000", "made0000-warped", "made0001", "made0001-warped"]
    assert len({wave.tobytes() for wave in made.values()}) == 4
    for name, wave in made.items():
        assert np.array_equal(soundfile.read(tmp_path / "other" / name / "0.flac")[0], wave)
    _, streams, *_ = speakers.load(readers, readers, 3, [str(tmp_path / "one")])
    others = {people.bare(one.speaker) for one in streams if one.corpus not in readers}
    assert others <= set(made), "neither shifted nor warped"


def test_people_of_too_few_voices_are_refused(mixing):
    with pytest.raises(TrainingError, match="needs three speakers with 3 s of speech"):
        command.run(mixing | {"corpora": []})


def test_people_that_cannot_be_written_name_their_folder(mixing, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="The folder .*file.* cannot be written .* with --folder"):
        command.run(mixing | {"folder": str(tmp_path / "file")})


def test_mixtures_lie_between():
    one, other = (Voice(np.eye(4)[number], np.full(3, number), 4.0 + number, 0.2, 3.0) for number in (0, 1))
    mixed = synthetic_voices.mixture([one, other], np.array([0.25, 0.75]), higher=0.1)
    assert mixed.similarity(other) == pytest.approx(3 * mixed.similarity(one))
    assert (mixed.timbre == 0.75).all()
    assert mixed.pitch_mean == pytest.approx(4.85)


def test_a_missing_teacher_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "resemblyzer.audio", None)
    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    with pytest.raises(TrainingError, match="Resemblyzer is not installed; pip install --no-deps resemblyzer"):
        speaker_teacher.window_embeddings(np.zeros(16_000, np.float32))


def test_the_loss_falls(made_voices, capsys):
    """Of the first stage, on the sound of people alone: the made teacher knows nothing."""
    config = configured("--log_every", "1", "--teacher_weight", "0")
    config |= {"frames": [60, 70], "evaluate_every": 100, "augmented_copies": 1, "warm_up": 2}
    first = config["phases"][0] | {"steps": 30, "minutes": None, "seconds": 10, "utterances": 3}
    command.run(config | {"phases": [first], "model": {"hidden_size": 32}})
    printed = capsys.readouterr().out
    found = [float(value) for value in re.findall(r" total (-?[\d.]+)", printed)]
    assert np.mean(found[-10:]) < 0.5 * np.mean(found[:5])


def test_the_baseline_hears_log_mel_bands():
    """A tone comes out strongest in the mel band around it; frames stand where EarSpeech's stand."""
    model = models.new_front_end("mel_bands")
    tone = 0.3 * torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)[None]
    features = model(tone).features
    assert features.shape == models.new_front_end("earspeech")(tone).features.shape == (1, 100, 64)
    centres = librosa.mel_frequencies(66, fmax=8000)[1:-1]
    assert abs(centres[features[0, 50].argmax()] - 1000) < 40
    assert features.min() >= 0
    assert features.max() == 1


def test_the_baseline_stays_on_the_device_of_what_it_hears():
    """A window made on the CPU once stopped it on a GPU."""
    model = models.new_front_end("mel_bands").to("meta")
    assert model(torch.zeros(1, 16_000, device="meta")).features.device.type == "meta"


def test_a_front_end_that_does_not_exist():
    with pytest.raises(TrainingError, match="earspeech, mel_bands, not cochlea"):
        models.new_front_end("cochlea")


def test_somebody_whom_two_processes_drew_is_nobody_else():
    loss, random = TunedGE2ELoss(), torch.Generator().manual_seed(0)
    voices = torch.nn.functional.normalize(torch.randn(4, 3, 16, generator=random), dim=-1)
    twice, who = torch.cat([voices, voices[:1]]), torch.tensor([0, 1, 2, 3, 0])
    cosines = loss.similarities(twice, who)
    assert (cosines[0, :, 4] == -1).all()
    assert (cosines[4, :, 0] == -1).all()
    torch.testing.assert_close(cosines[:4, :, :4], loss.similarities(voices))
    assert loss(twice, who=who) < loss(twice)
