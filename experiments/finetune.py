"""Fine-tune to single people and compare with zero-shot, on sentences of theirs that were kept from this stage.

Usage: python experiments/finetune.py [--lengths 1 3 10] [--speakers …] [--output FILE.json] [--key value …]

Keys are those of ``configs/finetune.yaml``.

With ``--lengths``, minutes of recordings to learn from: of the development speakers of ``librispeech-train-clean-5``,
whom nothing was trained on; who has less is taken as far as they go. Without it, of three people of VCTK all that there
is of each in ``verify.tsv``, about a minute. The last two recordings of each person are kept aside; the stage
``finetune`` gets the others (and of eight holds one out, of more two, to choose the best moment by). Both models say
the two sentences in the voice enrolled from what the stage got. Needs the cases and judges of ``../shared``
(``--shared``); VCTK's texts are those of ``vctk-p239``.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rtvc.loading import CHECKPOINT, load
from rtvc.training import command, folders
from rtvc.training.config import load_config
from rtvc.training.data import sources
from rtvc.training.machine import keep_memory
from rtvc.voice import Voice

ROOT = Path(__file__).parents[1]
ASIDE = 2
FEW = 8  # recordings, of which one is held out
READERS = "librispeech-train-clean-5"
VCTK, LIBRISPEECH = ["p226", "p227", "p228"], ["ls_669", "ls_7312", "ls_2136", "ls_5789"]


class Recording(NamedTuple):
    """A file's name, its content, what is said, and how long it lasts."""

    name: str
    content: bytes
    text: str
    seconds: float


def of_vctk(folder: Path, speaker: str) -> list[Recording]:
    """Someone's recordings among those that verification is judged by."""
    table = sources.read_table(folders.DATA / "vctk-p239.tsv")
    texts = {Path(row["file"]).stem.split("_")[1]: row["text"] for row in table}
    rows = [row for row in sources.read_table(folder / "verify.tsv") if row["speaker"] == speaker]
    return [
        Recording(
            Path(row["file"]).name,
            (folder / row["file"]).read_bytes(),
            texts[Path(row["file"]).stem.split("_")[1]],
            float(row["seconds"]),
        )
        for row in sorted(rows, key=lambda row: row["file"])
    ]


def of_librispeech(speaker: str) -> list[Recording]:
    """A development speaker's recordings."""
    archive = folders.DATA / f"{READERS}.tar"
    rows = {row["file"]: row for row in sources.read_table(archive.with_suffix(".tsv")) if row["speaker"] == speaker}
    found = []
    with tarfile.open(archive) as tar:
        for member in tar:
            row, content = rows.get(member.name.removeprefix("./")), tar.extractfile(member)
            if row and content:
                found.append(Recording(Path(member.name).name, content.read(), row["text"], float(row["seconds"])))
    return sorted(found)


def cases(options: argparse.Namespace) -> Iterator[tuple[str, list[Recording], list[Recording]]]:
    """What each is called, what is learned from, and what is kept aside."""
    for speaker in options.speakers or (LIBRISPEECH if options.lengths else VCTK):
        known = of_librispeech(speaker) if options.lengths else of_vctk(options.shared / "eval", speaker)
        own, aside = known[:-ASIDE], known[-ASIDE:]
        for length in options.lengths or [np.inf]:
            ends = np.cumsum([recording.seconds for recording in own])
            some = own[: int(np.searchsorted(ends, 60 * length)) + 1]
            yield f"{speaker}, {sum(one.seconds for one in some) / 60:.1f} min", some, aside


def lay_out(folder: Path, recordings: list[Recording]) -> None:
    """Recordings with their texts beside them, as a person would lay them out."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for recording in recordings:
        (folder / recording.name).write_bytes(recording.content)
        (folder / recording.name).with_suffix(".txt").write_text(recording.text)


def judged(model: Path, voice: Voice, aside: list[tuple[str, np.ndarray]], judges) -> dict[str, float]:
    """Likeness to the recordings of the same sentences (cosine by two judges), words and naturalness: means."""
    clone, scores, heard = load(model), [], []
    for line, recording in aside:
        wave = clone(line, voice=voice)["audio"]
        embeds = (judges.resemblyzer_embed, judges.second_embed)
        scores.append([judges.cosine(embed(wave), embed(recording)) for embed in embeds] + [judges.mos(wave)])
        heard.append(judges.transcribe(wave))
    means = dict(zip(("resemblyzer", "second judge", "distill-mos"), np.mean(scores, 0).tolist(), strict=True))
    return means | {"word error rate": judges.wer([line for line, _ in aside], heard)}


def tuned(name: str, recordings: list[Recording], overrides: list[str]) -> Path:
    """The folder of the model that the stage leaves."""
    run = "finetune_" + "".join(letter if letter.isalnum() else "_" for letter in name)
    lay_out(folders.RUNS / "recordings" / run, recordings)
    changes = ["--recordings", str(folders.RUNS / "recordings" / run), "--name", run]
    changes += ["--held_out", "1"] if len(recordings) <= FEW else []
    command.run(load_config(ROOT / "configs" / "finetune.yaml", [*changes, *overrides]))
    return folders.RUNS / run / "model"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", nargs="+", type=float)
    parser.add_argument("--speakers", nargs="+")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options, overrides = parser.parse_known_args()
    sys.path.insert(0, str(options.shared / "tools"))
    import floors  # noqa: PLC0415  (the judges of ../shared)

    keep_memory()
    found = {}
    for name, own, aside in cases(options):
        began = time.monotonic()
        model = tuned(name, own, overrides)
        minutes, voice = (time.monotonic() - began) / 60, Voice.load(model / "speaker.voice")
        said = [(one.text, floors.read(io.BytesIO(one.content))) for one in aside]
        for kind, folder in (("zero-shot", CHECKPOINT), ("fine-tuned", model)):
            found[f"{name}, {kind}"] = judged(folder, voice, said, floors.judges)
            print(f"{name}, {kind}", {key: round(value, 3) for key, value in found[f"{name}, {kind}"].items()})
        print(f"{name}: {minutes:.1f} minutes")
        if options.output:
            options.output.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
