"""The corpora of a stage: their shares, who is trained on, who validates, who is left out, and what is beside them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtvc.errors import TrainingError
from rtvc.training import folders
from rtvc.training.data import people, sources, store

EVALUATION = Path(__file__).with_name("evaluation_speakers.tsv")  # of this project: collection, speaker
TEST_PARTS = {"test-clean", "test-other"}  # of LibriSpeech and LibriTTS, by which everybody's models are compared
DEVELOPMENT_SPEAKERS = {"ls_669", "ls_7312", "ls_2136", "ls_5789"}
EVERY_TENTH = (
    "librispeech-one-clip",
    "an4",
    "common-voice-13",
    "common-voice-18-20",
)  # of these corpora every tenth speaker is for development
UNSAID = (
    "No speaker validates: nothing will tell how the model does with people it does not know, and its last weights are "
    "kept; --validation 0.05 takes one speaker in twenty, --validation NAME one by name."
)
NOISELESS = "No recorded noises, made ones alone: --noises FOLDER names some, such as DEMAND, MUSAN or WHAM."


@functools.cache
def evaluation_speakers() -> frozenset[tuple[str, str]]:
    """(collection, speaker) of everybody by whom this project is judged."""
    return frozenset((row["collection"], row["speaker"]) for row in sources.read_table(EVALUATION))


def _names(corpus: str, file: str, speaker: str) -> set[str]:
    """What a config may call a recording by: its speaker, itself, a folder above it, its corpus; each alone, or behind
    the corpus's name or the last part of it."""
    path, who = Path(file), {people.bare(speaker), people.number(speaker)}
    inside = who | {file, path.stem, *(str(above) for above in path.parents if above != Path("."))}
    return {speaker, corpus} | inside | {f"{place}/{name}" for place in (corpus, Path(corpus).name) for name in inside}


def _spread(names: Iterable[str]) -> list[str]:
    """In an order that says nothing, the same on every machine and whatever else there is."""
    return sorted(names, key=lambda name: hashlib.sha256(people.bare(name).encode()).hexdigest())


@dataclass(frozen=True)
class Division:
    """Who validates and who is left out.

    validation: names of speakers, recordings, folders or corpora; or the share of each corpus's speakers, of its
    recordings where that is nobody; None: the development speakers of this project's own corpora.
    exclude_evaluation: nor is anybody read by whom this project, or LibriSpeech's test parts, judge.
    """

    validation: tuple[str, ...] | float | None = None
    exclude_speakers: tuple[str, ...] = ()
    exclude_evaluation: bool = True

    def excluded(self, corpus: str, file: str, speaker: str) -> set[str]:
        """By which of its names a recording is left out; empty: it is not."""
        found = _names(corpus, file, speaker) & set(self.exclude_speakers) if self.exclude_speakers else set()
        if self.exclude_evaluation:
            collection, number = speaker.rpartition("/")[0], people.number(speaker)
            is_test = collection == people.LIBRIVOX and bool(TEST_PARTS & set(Path(file).parts[:-1]))
            known = (collection, number) in evaluation_speakers() or (people.VCTK, number) in evaluation_speakers()
            found |= {"evaluation"} if is_test or known else set()
        return found

    def validating(self, corpora: list[store.Corpus], made: Collection[str] = ()) -> set[tuple[str, str]]:
        """(corpus, file) of the recordings that validate; no share is taken of the corpora ``made``.

        Raises:
            TrainingError: somebody is named whom no corpus holds.
        """
        spoken = [utterance for corpus in corpora for utterance in corpus.utterances]
        chosen = _development(corpora)
        found = {(utterance.corpus, utterance.file) for utterance in spoken if people.bare(utterance.speaker) in chosen}
        if isinstance(self.validation, tuple):
            met: set[str] = set()
            for utterance in spoken:
                if named := _names(utterance.corpus, utterance.file, utterance.speaker) & set(self.validation):
                    met |= named
                    found.add((utterance.corpus, utterance.file))
            _refuse_unknown("validation", set(self.validation) - met)
        elif self.validation:
            for corpus in corpora:
                found |= set() if corpus.name in made else _share(corpus, self.validation)
        return _everywhere(spoken, found)


def _development(corpora: list[store.Corpus]) -> set[str]:
    """Speakers that are never trained on: the four named readers and every tenth of some corpora, sorted by name."""
    chosen = set(DEVELOPMENT_SPEAKERS)
    for corpus in corpora:
        if corpus.name in EVERY_TENTH:
            chosen |= set(sorted({people.bare(utterance.speaker) for utterance in corpus.utterances})[::10])
    return chosen


def _everywhere(spoken: list[store.Utterance], found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """``found``, and all other recordings of those of whom it holds everything in a corpus: they are not trained on."""
    others = {
        (utterance.corpus, utterance.speaker) for utterance in spoken if (utterance.corpus, utterance.file) not in found
    }
    held = {
        (utterance.corpus, utterance.speaker) for utterance in spoken if (utterance.corpus, utterance.file) in found
    }
    whole = {speaker for _, speaker in held - others}
    return found | {(utterance.corpus, utterance.file) for utterance in spoken if utterance.speaker in whole}


def _share(corpus: store.Corpus, share: float) -> set[tuple[str, str]]:
    """(corpus, file) of all recordings of a share of a corpus's speakers, or of a share of the recordings where that is
    less than half a speaker; nobody's whom a teacher made."""
    spoken = [utterance for utterance in corpus.utterances if utterance.text_source != "teacher"]
    speakers = {utterance.speaker for utterance in spoken}
    if count := int(share * len(speakers) + 0.5):
        chosen = set(_spread(speakers)[:count])
        return {(utterance.corpus, utterance.file) for utterance in spoken if utterance.speaker in chosen}
    count = max(1, int(share * len(spoken) + 0.5)) if len(spoken) > 1 else 0
    return {(corpus.name, file) for file in _spread(utterance.file for utterance in spoken)[:count]}


def _refuse_unknown(key: str, names: set[str]) -> None:
    if names:
        raise TrainingError(
            f"The key “{key}” names {', '.join(sorted(names))}, which no corpus holds; name speakers (corpus/speaker "
            "or the name alone), recordings, folders or corpora."
        )


def split(
    corpora: list[store.Corpus], division: Division | None = None, made: Collection[str] = ()
) -> tuple[list[store.Utterance], list[store.Utterance]]:
    """Training and validating utterances; one that stands in two corpora of a collection is kept once. ``made``: names
    of corpora whose people a model made, of whom no share validates.

    Raises:
        TrainingError: the division names somebody whom no corpus holds.
    """
    held_out = (division or Division()).validating(corpora, made)
    train: list[store.Utterance] = []
    validating: list[store.Utterance] = []
    seen: dict[tuple[str, str], str] = {}
    for corpus in corpora:
        for utterance in corpus.utterances:
            if seen.setdefault((utterance.speaker, Path(utterance.file).name), corpus.name) == corpus.name:
                (validating if (corpus.name, utterance.file) in held_out else train).append(utterance)
    return train, validating


class Corpora(dict[str, float]):
    """Shares by name, with the division, the recorded noises, measured rooms, and bandwidths in Hz of corpora that hold
    less than their sampling rate says."""

    def __init__(
        self,
        shares: Iterable[str] | dict[str, float],
        division: Division | None = None,
        noises: tuple[str, ...] | None = None,
        bandwidth: dict[str, float] | None = None,
        rooms: tuple[str, ...] | None = None,
    ):
        super().__init__(shares if isinstance(shares, dict) else dict.fromkeys(shares, 1.0))
        known = shares if isinstance(shares, Corpora) else None
        self.division: Division = division or (known.division if known else Division())
        self.noises: tuple[str, ...] | None = known.noises if known and noises is None else noises
        self.rooms: tuple[str, ...] | None = known.rooms if known and rooms is None else rooms
        self.bandwidth: dict[str, float] = bandwidth or (known.bandwidth if known else {})
        self.met: set[str] = known.met if known else set()  # names of those left out, as they are met
        self.left_out: set[str] = known.left_out if known else set()
        _refuse_unknown("bandwidth", set(self.bandwidth) - set(self))

    @classmethod
    def of(cls, config: dict[str, Any]) -> Corpora:
        """Those of a stage's config."""
        validation = config.get("validation")
        if not isinstance(validation, float | None):
            validation = tuple(name for named in validation for name in _listed(named))
        exclude = tuple(name for named in config.get("exclude_speakers") or () for name in _listed(named))
        division = Division(validation or None, exclude, config.get("exclude_evaluation", True))
        noises, rooms = (None if config.get(key) is None else tuple(config[key]) for key in ("noises", "rooms"))
        return cls(config["corpora"], division, noises, config.get("bandwidth"), rooms)

    @classmethod
    def everybody(cls, name: str) -> Corpora:
        """One corpus of which nobody is left out: whoever asks for these recordings means them."""
        return cls([name], Division(exclude_evaluation=False))

    def load(self, name: str, processes: int | None = None) -> store.Corpus:
        """A corpus of the cache without those who are left out, of whom nothing is read.

        Raises:
            TrainingError: there is none, or nobody is left of it.
        """

        def wanted(file: str, speaker: str) -> bool:
            met = self.division.excluded(name, file, speaker)
            self.met |= met
            self.left_out |= {speaker} if met else set()
            return not met

        corpus = store.load_corpus(name, processes, wanted)
        if not corpus.utterances:
            raise TrainingError(f"Nobody in the corpus “{name}” is left; name another one, or leave out fewer.")
        if limit := self.bandwidth.get(name):
            spoken = [replace(utterance, bandwidth=min(utterance.bandwidth, limit)) for utterance in corpus.utterances]
            corpus = replace(corpus, utterances=spoken)
        return corpus

    def split(self, corpora: list[store.Corpus]) -> tuple[list[store.Utterance], list[store.Utterance]]:
        """As :func:`split`, of corpora that were loaded here."""
        _refuse_unknown("exclude_speakers", set(self.division.exclude_speakers) - self.met)
        return split(corpora, self.division)

    def recorded_noises(self) -> tuple[str, ...]:
        """What “noises” names; where it says nothing, those that lie with this project's own corpora."""
        if self.noises is not None:
            return self.noises
        return (store.NOISE, *self._beside(store.MORE_NOISES)) if self._are_own() else ()

    def measured_rooms(self) -> tuple[str, ...]:
        """What “rooms” names; where it says nothing, those that lie with this project's own corpora."""
        return self.rooms if self.rooms is not None else self._beside(store.ROOMS) if self._are_own() else ()

    def _are_own(self) -> bool:
        """Whether any is one of this project's."""
        return any(self._beside(name) for name in self if "/" not in name)

    @staticmethod
    def _beside(name: str) -> tuple[str, ...]:
        """The name of an archive, if it lies in the data folder."""
        return (name,) if (folders.DATA / f"{name}.tar").is_file() else ()

    def warnings(self, validates: bool, noisy: bool) -> list[str]:
        """What to know before training starts, a line each: who is left out, and what is missing."""
        lines = [f"Left out: {', '.join(sorted(self.left_out))}."] if self.left_out else []
        lines += [] if validates else [UNSAID]
        return lines + ([NOISELESS] if noisy and not self.recorded_noises() else [])


def _listed(named: str) -> list[str]:
    """A name, or the names in a file, one a line."""
    path = Path(named).expanduser()
    if path.suffix != ".txt" or not path.is_file():
        return [named]
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
