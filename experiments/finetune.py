"""Fine-tune to single people and compare with zero-shot, on sentences of theirs that were kept from this stage.

Usage: python experiments/finetune.py [--speakers p226 p227 p228] [--output FILE.json] [--key value …]

Keys are those of ``configs/finetune.yaml``.

Of each person's ten recordings in ``verify.tsv`` the last two are kept aside; the stage ``finetune`` gets the other
eight (and holds one of them out to choose the best moment by). Both models say the two sentences in the voice enrolled
from the eight. Needs the cases and judges of ``../shared`` (``--shared``); VCTK's texts are those of ``vctk-p239``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from rtvc.loading import CHECKPOINT, load
from rtvc.training import command, folders
from rtvc.training.config import load_config
from rtvc.training.data import sources
from rtvc.training.machine import keep_memory
from rtvc.voice import Voice

ROOT = Path(__file__).parents[1]
ASIDE = 2


def lay_out(folder: Path, files: list[Path], texts: dict[str, str]) -> None:
    """Recordings with their texts beside them, as a person would lay them out."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy2(file, folder)
        (folder / f"{file.stem}.txt").write_text(texts[file.stem.split("_")[1]])


def judged(model: Path, voice: Voice, cases: list[tuple[str, np.ndarray]], judges) -> dict[str, float]:
    """Likeness to the recordings of the same sentences (cosine by two judges), words and naturalness: means."""
    clone, scores, heard = load(model), [], []
    for line, recording in cases:
        wave = clone(line, voice=voice)["audio"]
        embeds = (judges.resemblyzer_embed, judges.second_embed)
        scores.append([judges.cosine(embed(wave), embed(recording)) for embed in embeds] + [judges.mos(wave)])
        heard.append(judges.transcribe(wave))
    means = dict(zip(("resemblyzer", "second judge", "distill-mos"), np.mean(scores, 0).tolist(), strict=True))
    return means | {"word error rate": judges.wer([line for line, _ in cases], heard)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speakers", nargs="+", default=["p226", "p227", "p228"])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options, overrides = parser.parse_known_args()
    sys.path.insert(0, str(options.shared / "tools"))
    import floors  # noqa: PLC0415  (the judges of ../shared)

    keep_memory()
    folder, table = options.shared / "eval", sources.read_table(folders.DATA / "vctk-p239.tsv")
    texts = {Path(row["file"]).stem.split("_")[1]: row["text"] for row in table}
    found = {}
    for speaker in options.speakers:
        rows = [row["file"] for row in floors.rows(folder / "verify.tsv") if row["speaker"] == speaker]
        own, aside = sorted(rows)[:-ASIDE], sorted(rows)[-ASIDE:]
        recordings = folders.RUNS / "recordings" / speaker
        lay_out(recordings, [folder / one for one in own], texts)
        changes = ["--recordings", str(recordings), "--name", f"finetune_{speaker}", "--held_out", "1"]
        config = load_config(ROOT / "configs" / "finetune.yaml", [*changes, *overrides])
        began = time.monotonic()
        command.run(config)
        tuned = folders.RUNS / config["name"] / "model"
        minutes, voice = (time.monotonic() - began) / 60, Voice.load(tuned / "speaker.voice")
        cases = [(texts[Path(one).stem.split("_")[1]], floors.read(folder / one)) for one in aside]
        for name, model in (("zero-shot", CHECKPOINT), ("fine-tuned", tuned)):
            found[f"{speaker} {name}"] = judged(model, voice, cases, floors.judges)
            print(f"{speaker} {name}", {key: round(value, 3) for key, value in found[f"{speaker} {name}"].items()})
        print(f"{speaker}: {minutes:.1f} minutes")
    if options.output:
        options.output.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
