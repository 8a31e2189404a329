"""Where the system ends: what users of such systems complain of, tried before a release.

One word, digits, repeated words and sixty-word sentences; the ends of tempo and pitch; references of 3 to 30 s; a clone
of the clone, five times over; half an hour of text. Every clip is looked at for words that are wrong, sound after the
last word, a burst before the first one, clipping and silence; `rtvc limits` writes a page with the worst ten.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from rtvc import Voice, VoiceError, audio
from rtvc.evaluation.cloning import Panel, panel, references
from rtvc.evaluation.judges import SPEAKERS
from rtvc.evaluation.marks import lines
from rtvc.evaluation.renderings import INK
from rtvc.evaluation.robustness import LINES, VOICES, recognised
from rtvc.evaluation.session import RATE, Session, timed
from rtvc.evaluation.statistics import cosine
from rtvc.options import RANGES
from rtvc.pipeline import Speech
from rtvc.speech_spans import voiced_seconds

WORST = 10
SECONDS = (3, 5, 10, 30)  # of references
GENERATIONS = 5  # clones of a clone
SENTENCE = "The boat will leave the harbour at nine, whether we are there or not."
PASSAGE = f"{SENTENCE} Bring a warm coat, some bread and a little cheese. We can talk about the rest on the way over."
ENDS = [{name: end} for name in ("speed", "pitch") for end in RANGES[name]]
AUDIBLE_DB, BURST_DB = -40.0, -20.0  # below the loud part of a clip: what is heard after its end, and before its start
EARLY = 0.03  # seconds before its frame that a sound may begin
TAIL = 0.25  # seconds of sound after the last word that are too many
BLOCK = RATE // 100  # samples
HEARD = 12  # sentences of the long text that the recogniser hears
MINUTE = 60 * RATE
Row = dict[str, Any]


def limits(session: Session, minutes: float) -> dict[str, Any]:
    """Everything; ``minutes``: about so much speech for the long text, half an hour before a release.

    Returns:
        {"clips": rows as :func:`looked_at` makes them, those that sound worst first, "references", "generations": of
        each a list of cosines by judge, "long": see :func:`long_text`}
    """
    people = references(session.cases.clone)
    voices = {name: session.clone.enroll(path) for name, path in list(people.items())[:VOICES]}
    first, judges = next(iter(voices)), panel(session, SPEAKERS)
    clips = [*_lines(session, voices), *_ends(session, voices)]
    found = {"references": _references(session, judges, first, clips)}
    found |= {"generations": _generations(session, judges, first, voices[first], clips)}
    long = long_text(session, judges, first, voices[first], minutes)
    worst = sorted(clips, key=lambda row: -row["trouble"])
    for row in worst[:WORST]:
        row["picture"] = _picture(session, row)
    return (
        {"clips": [{name: value for name, value in row.items() if name != "wave"} for row in worst]}
        | found
        | {"long": long}
    )


# ---------------------------------------------------------------------------------------------- clips


def _lines(session: Session, voices: dict[str, Voice]) -> Iterator[Row]:
    said = [(kind, text, name) for name in voices for kind, texts in LINES.items() for text in texts]
    for kind, text, name in session.watch(said, "lines"):
        yield looked_at(session, kind, text, name, session.clone(text, voice=voices[name]))


def _ends(session: Session, voices: dict[str, Voice]) -> Iterator[Row]:
    """The ends of tempo and pitch; what comes of them is said beside what was asked for."""
    for name, voice in session.watch(list(voices.items()), "tempo and pitch"):
        usual = session.clone(SENTENCE, voice=voice)
        for ends in ENDS:
            (option, value), said = next(iter(ends.items())), session.clone(SENTENCE, voice=voice, **ends)
            row = looked_at(session, f"{option} {value:g}", SENTENCE, name, said)
            if option == "speed":
                row["got"] = usual["audio"].size / said["audio"].size
            else:
                row["got"] = 12 * float(np.log2(_pitch(said) / _pitch(usual)))
            yield row | {"asked": value}


def _pitch(said: dict[str, Any]) -> float:
    """The median, Hz; not a number where nothing is voiced."""
    track = audio.pitch_track(audio.resample(said["audio"], said["sampling_rate"]))[1]
    return float(np.median(track[track > 0])) if (track > 0).any() else float("nan")


def looked_at(session: Session, kind: str, text: str, speaker: str, said: Speech) -> Row:
    """A clip and what is wrong with it.

    Args:
        said: what the pipeline gives.

    Returns:
        {"kind", "text", "speaker", "clip", "wave", "seconds", "faults": in words, "trouble": 0 where there are none,
        more the worse: the order in which to listen; "heard", "wrong" where there is a judge of words}
    """
    wave = audio.resample(said["audio"], said["sampling_rate"])
    row: Row = {"kind": kind, "text": text, "speaker": speaker, "wave": wave, "seconds": wave.size / RATE}
    row["clip"] = session.keep(f"{kind}-{speaker}-{text[:20]}", np.nan_to_num(wave))
    wrong = 0.0
    if words := session.judges.get("words"):
        row |= recognised(words, text, wave)
        wrong = row["wrong"]
    faults = {f"{wrong:.0%} of the words wrong": wrong} if wrong else {}
    faults |= sound_faults(wave, said["words"][0]["start"], said["words"][-1]["end"])
    return row | {"faults": list(faults), "trouble": sum(faults.values())}


def sound_faults(wave: np.ndarray, start: float, end: float) -> dict[str, float]:
    """What is wrong with a wave (samples,) at 16 kHz whose words begin and end at these seconds: how bad by what."""
    if not np.isfinite(wave).all():
        return {"not a number": 10.0}
    levels = _levels(wave)
    loud = np.quantile(levels, 0.95) if levels.size else -120.0
    if loud < -60:
        return {"silent": 10.0}
    before, after = levels[: int((start - EARLY) * RATE) // BLOCK], levels[-(-int(end * RATE) // BLOCK) :]
    tail, burst = 0.01 * float((after > loud + AUDIBLE_DB).sum()), before.max(initial=-120.0) - loud
    faults = {}
    if tail > TAIL:
        faults[f"{tail:.2f} s of sound after the last word"] = tail
    if burst > BURST_DB:
        faults[f"a burst before the first word, {-burst:.0f} dB below the speech"] = (burst - BURST_DB) / 20
    if (clipped := int((np.abs(wave) >= 0.999).sum())) > 3:
        faults[f"{clipped} samples at full scale"] = min(1.0, clipped / 100)
    return faults


def _levels(wave: np.ndarray) -> np.ndarray:
    """dB of each 10 ms."""
    blocks = wave[: wave.size // BLOCK * BLOCK].reshape(-1, BLOCK)
    return 10 * np.log10(np.mean(np.square(blocks), 1) + 1e-12)


def _picture(session: Session, row: Row) -> str | None:
    """A clip drawn; none where what draws is not installed."""
    try:
        from rtvc.page.picture import draw
    except ImportError:
        return None
    picture = draw(row["wave"], f"{row['kind']}: {row['text']}"[:60])
    return session.keep_picture(f"{row['kind']}-{row['speaker']}", picture.replace("<title>", f"{INK}<title>", 1))


# ---------------------------------------------------------------------------------------------- voices


def _likeness(judges: Panel, speaker: str, wave: np.ndarray) -> dict[str, float]:
    """Cosine to a speaker's reference by each judge."""
    return {role: cosine(judge(wave), judges.known[role][speaker]) for role, judge in judges.speakers.items()}


def _references(session: Session, judges: Panel, speaker: str, clips: list[Row]) -> list[Row]:
    """Likeness by seconds of the reference, of one speaker's recordings joined, as far as there are enough of them."""
    cases = session.cases
    files = [
        *dict.fromkeys(path for case in cases.clone if case.speaker == speaker for path in case.references.values())
    ]
    files += [case.file for case in (*cases.recordings, *cases.verify) if case.speaker == speaker]
    whole = np.concatenate([audio.read(path) for path in dict.fromkeys(files)])
    found = []
    for seconds in SECONDS:
        speech = _speech(whole, seconds)
        if speech is None:
            break
        try:
            voice = session.clone.enroll([(speech, RATE)])
        except VoiceError as error:  # noise, or somebody else
            found.append({"seconds": seconds, "refused": str(error)})
            continue
        row = looked_at(session, f"reference of {seconds} s", PASSAGE, speaker, session.clone(PASSAGE, voice=voice))
        clips.append(row)
        found.append({"seconds": seconds, **_likeness(judges, speaker, row["wave"])})
    return found


def _speech(wave: np.ndarray, seconds: float) -> np.ndarray | None:
    """The beginning of a wave (samples,) that holds so many seconds of speech; none where the whole does not."""
    for size in range(int(seconds * RATE), wave.size + 1, RATE // 10):
        if voiced_seconds(wave[:size]) >= seconds:
            return wave[:size]
    return None


def _generations(session: Session, judges: Panel, speaker: str, voice: Voice, clips: list[Row]) -> list[Row]:
    """The clone, the clone of that clone, and so on: likeness to the person's recording."""
    found = []
    for generation in session.watch(range(1, GENERATIONS + 1), "clones of clones"):
        row = looked_at(session, f"generation {generation}", PASSAGE, speaker, session.clone(PASSAGE, voice=voice))
        clips.append(row)
        found.append({"generation": generation, **_likeness(judges, speaker, row["wave"])})
        try:
            voice = session.clone.enroll([(row["wave"], RATE)])
        except VoiceError as error:
            return [*found, {"generation": generation + 1, "refused": str(error)}]
    return found


# ---------------------------------------------------------------------------------------------- the long text


def long_text(session: Session, judges: Panel, speaker: str, voice: Voice, minutes: float) -> Row:
    """Different sentences for about so many minutes, in a stream.

    Returns:
        {"seconds", "sentences" and "spoken": asked and heard, "rtf", "memory_mb": by how much the most memory grew,
        "first_lufs", "last_lufs" and the likenesses "first", "last" of the first and last minute; "wrong": the share of
        wrong words in some sentences, "lines": those}
    """
    count = max(2, round(minutes * 60 / 2.2))  # a sentence takes about so many seconds
    texts = list(itertools.islice(itertools.cycle(lines()), count))
    chosen = set(np.linspace(0, count - 1, min(HEARD, count)).astype(int).tolist())
    rate, memory = session.clone.model.config.sampling_rate, _most_memory()
    sentences: dict[int, list[np.ndarray]] = {}
    first, last, size, numbers = np.zeros(0, np.float32), np.zeros(0, np.float32), 0, set()

    def speak() -> None:
        nonlocal first, last, size
        for chunk in session.clone.stream(" ".join(texts), voice=voice):
            number, wave = chunk["sentence"], chunk["audio"]
            numbers.add(number)
            size += wave.size
            first = first if first.size > 60 * rate else np.concatenate([first, wave])
            last = np.concatenate([last, wave])[-60 * rate :]
            if number in chosen:
                sentences.setdefault(number, []).append(wave)

    _, spent = timed(speak)
    rows = []
    for number, parts in sentences.items():
        wave = audio.resample(np.concatenate(parts), rate)
        heard = recognised(session.judges["words"], texts[number], wave) if "words" in session.judges else {}
        rows.append({"text": texts[number], **heard})
    found: Row = {"seconds": size / rate, "sentences": count, "spoken": len(numbers), "rtf": spent * rate / size}
    found["memory_mb"] = _most_memory() - memory
    for name, wave in (("first", first[: 60 * rate]), ("last", last)):
        wave = audio.resample(wave, rate)
        found |= {f"{name}_lufs": audio.loudness(wave), name: _likeness(judges, speaker, wave)}
    wrong = [row["wrong"] for row in rows if "wrong" in row]
    return found | {"lines": rows, **({"wrong": float(np.mean(wrong))} if wrong else {})}


def _most_memory() -> float:
    """MB that this process has held at most; not a number on Windows."""
    try:
        import resource
    except ImportError:
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
