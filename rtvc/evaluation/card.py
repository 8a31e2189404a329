"""Keep what `rtvc evaluate` measured with the model, and write its card and the documents' tables anew.

Usage: python -m rtvc.evaluation.card [FOLDER] [--results report/results.json] [--unseen unseen/results.json]
           [--baseline FILE] [--check]

FOLDER is the model that was measured (default: the bundled one); --unseen takes the cloning of sentences that nobody
trained on, whose table leads; --baseline takes what `experiments/baseline.py` wrote. Without any of them, card and
documents are written from what is kept already; --check writes nothing, and fails where they say something else than
the JSON. The README has the table that leads, docs/evaluation.md all of them.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from rtvc.evaluation.judges import SPEAKERS
from rtvc.evaluation.run import missed
from rtvc.evaluation.tables import Results, tables
from rtvc.hub.card import card, fingerprint, measured, read_evaluations, settings, write_card, write_evaluation
from rtvc.loading import CHECKPOINT

ROOT = Path(__file__).parents[2]
LEADING = "unseen"  # the table that the README has
SHORT = (*(f"{kind}_{role}" for role in SPEAKERS for kind in ("cosine", "right")), "mos", "dnsmos", "wer")
SHORT += ("rtf", "rtf_kokoro")  # the rows that the README has room for
DOCUMENTS = {  # where, which tables, which rows; all where none are named
    "the README": (ROOT / "README.md", (LEADING,), SHORT),
    "docs/evaluation.md": (ROOT / "docs" / "evaluation.md", (), ()),
}
SECTION = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- /results -->)", re.DOTALL)
COMMAND = "rtvc evaluate --cases CASES --judges JUDGES --output report"
CLONED = (
    " of LibriTTS test-clean and VCTK: a development set, of speakers that were never trained on; half of the "
    "sentences were, read by somebody else, and conditions and thresholds were found by these cases",
    ["mythicinfinity/libritts", "CSTR-Edinburgh/vctk"],
)
OTHERS = ["openslr/librispeech_asr", "mythicinfinity/libritts", "CSTR-Edinburgh/vctk"]
SOURCES = {  # of our cases, by table: whose recordings they are, and where the Hub has them
    "clone": CLONED,
    "noise": CLONED,
    "enhance": (" (LibriTTS test-clean and VCTK in ESC-10's noises and babble, −2.5 … 15 dB)", CLONED[1]),
    "verify": (" (LibriTTS test-clean, VCTK and LibriSpeech test-other)", OTHERS),
    "speed": ("", OTHERS[1:2]),
    "robustness": (f" in voices{CLONED[0]}", CLONED[1]),
    "watermark": (f" in voices{CLONED[0]}", CLONED[1]),
}


def keep(folder: Path, results: Results) -> None:
    """A file for every table of the results; of an earlier evaluation those stay that are of the same weights."""
    check(folder, results["model"])
    for name, earlier in read_evaluations(folder).items():
        if name != "baseline" and earlier.weights != fingerprint(folder):
            (folder / "evaluation" / f"{name}.json").unlink()
    machine = f"{results['machine']['cpu']}, {results['machine']['threads']} thread(s)"
    for table in tables(results):
        where, hub = SOURCES[table.name]
        about = {"dataset": {"name": table.cases + where, "hub": hub}, "machine": machine, "date": results["date"]}
        about |= {"command": COMMAND, "left_out": missed(results)}
        write_evaluation(folder, table.name, **table.evaluation(), **about)


def keep_unseen(folder: Path, results: Results) -> None:
    """The table of cloning of another set of cases, as the one that leads."""
    check(folder, results["model"])
    table = next(table for table in tables(results) if table.name == "clone")
    machine = f"{results['machine']['cpu']}, {results['machine']['threads']} thread(s)"
    about = {"dataset": {"name": f"{table.cases}; nobody trained on the sentences", "hub": OTHERS}, "machine": machine}
    about |= {"date": results["date"], "command": f"{COMMAND} --only cloning", "left_out": missed(results)}
    write_evaluation(folder, LEADING, **table.evaluation(), **about)


def keep_baseline(folder: Path, found: dict[str, Any]) -> None:
    """The file of `experiments/baseline.py`."""
    check(folder, found)
    fields = {name: value for name, value in found.items() if name not in ("weights", "settings")}
    write_evaluation(folder, "baseline", **fields)


def check(folder: Path, measured: dict[str, Any]) -> None:
    """That it was this model that was measured, by its `weights` and, where they are known, `settings`."""
    if measured["weights"] != fingerprint(folder):
        raise SystemExit(f"card.py: other weights were measured than those of {folder.name}; measure these.")
    if measured.get("settings") not in (None, "", settings(folder)):
        raise SystemExit(f"card.py: {folder.name} was calibrated anew since it was measured; measure it again.")


def document(folder: Path, path: Path, names: tuple[str, ...], kinds: tuple[str, ...]) -> str:
    """A document with the tables of these names, or all, in their place, and of them these rows, or all."""
    return SECTION.sub(lambda _: f"{measured(folder, names, kinds)}\n", path.read_text(encoding="utf-8"))


def stale(folder: Path) -> list[str]:
    """Which of card and documents say something else than the JSON in the model's folder."""
    texts = {"the model card": (folder / "README.md", str(card(folder)))}
    texts |= {name: (path, document(folder, path, *shown)) for name, (path, *shown) in DOCUMENTS.items()}
    return [name for name, (path, text) in texts.items() if path.read_text(encoding="utf-8") != text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=CHECKPOINT)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--unseen", type=Path)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check and (found := stale(options.folder)):
        raise SystemExit(f"card.py: {' and '.join(found)} differ from the JSON; run it without --check.")
    if options.check:
        return
    for path, take in ((options.results, keep), (options.unseen, keep_unseen), (options.baseline, keep_baseline)):
        if path:
            take(options.folder, json.loads(path.read_text(encoding="utf-8")))
    write_card(options.folder)
    for path, *shown in DOCUMENTS.values():
        path.write_text(document(options.folder, path, *shown), encoding="utf-8")


if __name__ == "__main__":
    main()
