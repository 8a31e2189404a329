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

from rtvc.evaluation import keeping, speed_table
from rtvc.evaluation.judges import SPEAKERS
from rtvc.evaluation.keeping import LEADING, with_peers
from rtvc.hub.card import card, measured, read_evaluations, write_card
from rtvc.loading import CHECKPOINT

ROOT = Path(__file__).parents[2]
SHORT = (*(f"{kind}_{role}" for role in SPEAKERS for kind in ("cosine", "right")), "mos", "dnsmos", "wer", "rtf")
DOCUMENTS = {  # where, which tables, which rows; all where none are named
    "the README": (ROOT / "README.md", (LEADING,), SHORT),
    "docs/evaluation.md": (ROOT / "docs" / "evaluation.md", (), ()),
    "SECURITY.md": (ROOT / "SECURITY.md", ("watermark",), ()),
}
SECTION = "(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)"


def document(folder: Path, path: Path, names: tuple[str, ...], kinds: tuple[str, ...]) -> str:
    """A document with the tables of these names, or all, in their place, and of them these rows, or all.

    A place for tables of which none is kept stays as it is; so does all of a document without such places.
    """
    text = path.read_text(encoding="utf-8")
    kept = {name: with_peers(name, one) for name, one in read_evaluations(folder).items() if not names or name in names}
    if kept:
        text = _put(text, "results", measured(folder, kept, kinds))
    return _put(text, "speed", speed_table.document())


def _put(text: str, name: str, content: str) -> str:
    return re.sub(SECTION.format(name=name), lambda _: f"{content}\n", text, flags=re.DOTALL)


def stale(folder: Path) -> list[str]:
    """Which of card and documents say something else than the JSON in the model's folder."""
    texts = {"the model card": (folder / "README.md", str(card(folder)))}
    texts |= {name: (path, document(folder, path, *shown)) for name, (path, *shown) in DOCUMENTS.items()}
    return [name for name, (path, text) in texts.items() if path.read_text(encoding="utf-8") != text]


def render(folder: Path) -> None:
    """Write card and documents anew."""
    write_card(folder)
    for path, *shown in DOCUMENTS.values():
        path.write_text(document(folder, path, *shown), encoding="utf-8")


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
    given = ((options.results, keeping.keep), (options.unseen, keeping.keep_unseen))
    for path, take in (*given, (options.baseline, keeping.keep_baseline)):
        if path:
            take(options.folder, json.loads(path.read_text(encoding="utf-8")))
    render(options.folder)


if __name__ == "__main__":
    main()
