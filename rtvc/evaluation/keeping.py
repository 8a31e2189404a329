"""What of an evaluation is kept with a model: a file for each table, in `evaluation/` of the model's folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtvc.evaluation import limits_page
from rtvc.evaluation.run import missed
from rtvc.evaluation.tables import Results, Table, tables
from rtvc.hub.card import Evaluation, fingerprint, read_evaluations, settings, write_evaluation

LEADING = "unseen"  # the table that the README has
ALONE = Path(__file__).parents[2] / "benchmarks" / "peers"  # what rtvc.evaluation.alone measured, by table
COMMAND = "rtvc evaluate --cases CASES --judges JUDGES --output report"
CLONED = (
    " of LibriTTS test-clean and VCTK: a development set, of speakers that were never trained on; half of the "
    "sentences were, read by somebody else, and conditions and thresholds were found by these cases",
    ["mythicinfinity/libritts", "CSTR-Edinburgh/vctk"],
)
OTHERS = ["openslr/librispeech_asr", "mythicinfinity/libritts", "CSTR-Edinburgh/vctk"]
UNSEEN = ("; nobody trained on the sentences", OTHERS)
SOURCES = {  # of our cases, by table: whose recordings they are, and where the Hub has them
    "clone": CLONED,
    LEADING: UNSEEN,
    "optimised": UNSEEN,
    "noise": CLONED,
    "enhance": (" (LibriTTS test-clean and VCTK in ESC-10's noises and babble, −2.5 … 15 dB)", CLONED[1]),
    "verify": (" (LibriTTS test-clean, VCTK and LibriSpeech test-other)", OTHERS),
    "speed": ("", OTHERS[1:2]),
    "robustness": (f" in voices{CLONED[0]}", CLONED[1]),
    "watermark": (f" in voices{CLONED[0]}", CLONED[1]),
    "limits": (f" in voices{CLONED[0]}", CLONED[1]),
}


def keep(folder: Path, results: Results, command: str = COMMAND) -> None:
    """A file for every table of the results; of an earlier evaluation those stay that are of the same weights, and the
    table that leads and the baseline's, of which is said that they are of others.

    Raises:
        SystemExit: the results are of other weights, or of another calibration.
    """
    check(folder, results["model"])
    for name, earlier in read_evaluations(folder).items():
        if name not in ("baseline", LEADING) and earlier.weights != fingerprint(folder):
            (folder / "evaluation" / f"{name}.json").unlink()
    for table in tables(results):
        _write(folder, table.name, table.evaluation(), table.cases, results, command)


def keep_unseen(folder: Path, results: Results, command: str = f"{COMMAND} --only cloning") -> None:
    """The table of cloning of another set of cases, as the one that leads.

    Raises:
        SystemExit: see :func:`keep`.
    """
    check(folder, results["model"])
    table = _cloning(results)
    _write(folder, LEADING, table.evaluation(), table.cases, results, command)


def keep_limits(folder: Path, results: Results, command: str) -> None:
    """What `rtvc limits` found, in numbers.

    Raises:
        SystemExit: see :func:`keep`.
    """
    check(folder, results["model"])
    table = limits_page.table(results)
    _write(folder, table.name, table.evaluation(), table.cases, results, command)


def keep_optimised(folder: Path, results: Results, command: str) -> None:
    """The table of cloning by the optimised variant of a model, beside the model's own of the same cases.

    Args:
        folder: of the model; its leading table, where that is kept, stands beside.
        results: of the variant that was made of it.
    """
    own = read_evaluations(folder).get(LEADING)
    table = _cloning(results)
    found = table.evaluation()
    known = {metric["name"]: metric for metric in own.metrics} if own else {}
    for metric in found["metrics"]:
        beside = known.get(metric["name"], {})
        figure = {name: beside[name] for name in ("value", "low", "high", "times", "of") if name in beside}
        metric["compared"] = {own.column: figure} if own and figure else {}
    found |= {"title": f"The optimised variant: {table.title[0].lower()}{table.title[1:]}"}
    found |= {"column": found["column"].replace("rtvc", "optimised")}
    _write(folder, "optimised", found, table.cases, results, command)


def keep_baseline(folder: Path, found: dict[str, Any]) -> None:
    """The file of `experiments/baseline.py`.

    Raises:
        SystemExit: see :func:`keep`.
    """
    check(folder, found)
    fields = {name: value for name, value in found.items() if name not in ("weights", "settings")}
    write_evaluation(folder, "baseline", **fields)


def check(folder: Path, measured: dict[str, Any]) -> None:
    """That it was this model that was measured, by its `weights` and, where they are known, `settings`.

    Raises:
        SystemExit: it was not.
    """
    if measured["weights"] != fingerprint(folder):
        raise SystemExit(f"card.py: other weights were measured than those of {folder.name}; measure these.")
    if measured.get("settings") not in (None, "", settings(folder)):
        raise SystemExit(f"card.py: {folder.name} was calibrated anew since it was measured; measure it again.")


def _cloning(results: Results) -> Table:
    return next(table for table in tables(results) if table.name == "clone")


def _write(folder: Path, name: str, fields: dict[str, Any], cases: str, results: Results, command: str) -> None:
    where, hub = SOURCES[name]
    machine = f"{results['machine']['cpu']}, {results['machine']['threads']} thread(s)"
    about = {"dataset": {"name": cases + where, "hub": hub}, "machine": machine, "date": results["date"]}
    write_evaluation(folder, name, **fields, **about, command=command, left_out=missed(results))


def with_peers(name: str, result: Evaluation, place: Path = ALONE) -> Evaluation:
    """A table with the peers that were measured by themselves on the same cases; one of the same run stays.

    A figure is shown in the row of that very name, which names the judge; so none of another judge gets there.
    """
    file = place / f"{name}.json"
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"cases": None}
    if known["cases"] is None or not result.dataset["name"].startswith(known["cases"]):
        return result
    there = {peer for metric in result.metrics for peer in metric.get("compared") or {}}
    columns = {peer: column for peer, column in known["columns"].items() if peer not in there}
    rows = []
    for metric in result.metrics:
        row = metric["name"]
        beside = {peer: column["figures"][row] for peer, column in columns.items() if row in column["figures"]}
        rows.append(metric | {"compared": (metric.get("compared") or {}) | beside})
    ways = dict.fromkeys(
        f"`{column['command']}` ({column['machine']}, {column['date']})" for column in columns.values()
    )
    said = [f"{' and '.join(columns)}: measured by {' and '.join(ways)}."] if columns else []
    return replace(result, metrics=rows, notes=[*result.notes, *said])
