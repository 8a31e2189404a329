"""What the limit tests found as files: results.json and index.html, which needs nothing but itself and its clips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from rtvc.evaluation.judges import SPEAKERS
from rtvc.evaluation.limits import WORST, Row
from rtvc.evaluation.report import FILE, cells, html_page, player, table_of
from rtvc.evaluation.statistics import Figure
from rtvc.evaluation.tables import Measure, Results, Table, judge_name


def write(results: Results, folder: Path) -> None:
    """Both files into a folder that exists."""
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")
    (folder / "index.html").write_text(page(results), encoding="utf-8")


def headline(results: Results) -> str:
    """In one line."""
    clips, long = results["limits"]["clips"], results["limits"]["long"]
    faulty = sum(bool(row["faults"]) for row in clips)
    whole = f"{long['spoken']} of {long['sentences']} sentences of the long text"
    return f"{faulty} of {len(clips)} clips with a fault; {whole}"


def page(results: Results) -> str:
    """The worst first, then each kind, then voices and the long text."""
    found, model, machine = results["limits"], results["model"], results["machine"]
    about = (
        f"{model['name']}, weights {model['weights'][:12]}; {machine['cpu']}, {results['date']}. {headline(results)}."
    )
    parts = [f"<h1>Limits</h1><p class=soft>{escape(about)}</p>"]
    parts += [f"<h2>The worst {WORST}</h2>", _clips([row for row in found["clips"] if row["faults"]][:WORST], True)]
    parts += ["<h2>By kind</h2>", cells(["kind", "clips", "with a fault", "words wrong, mean", "worst"], _kinds(found))]
    names = [judge_name(results, role) for role in SPEAKERS if role in results["judges"]]
    parts += [
        "<h2>Likeness by length of the reference</h2>",
        cells(["seconds", *names], _likeness(results, "references")),
    ]
    parts += ["<h2>A clone of the clone</h2>", cells(["generation", *names], _likeness(results, "generations"))]
    parts += ["<h2>A long text</h2>", cells(["", ""], _long(results))]
    parts += ["<h2>Every clip</h2>", _clips(found["clips"], False)]
    items = "".join(f"<li>{escape(part['what'])}: {escape(part['why'])}</li>" for part in results["left_out"])
    parts.append(f"<h2>Left out</h2><ul>{items or '<li>nothing</li>'}</ul>")
    return html_page("rtvc: limits", parts)


def _clips(some: list[Row], pictures: bool) -> str:
    lines = []
    for row in some:
        said = f"<small>heard: {escape(row['heard'])}</small>" if "heard" in row else ""
        got = f"asked {row['asked']:g}, got {row['got']:.3g}" if row.get("got") is not None and "asked" in row else ""
        faults = "; ".join(filter(None, [*row["faults"], got])) or "–"
        line = [f"<td>{escape(row['kind'])}</td>", f"<td class=text>{escape(row['text'])}{said}</td>"]
        line += [f"<td>{escape(row['speaker'])}</td>", player(row["clip"]), f"<td class=text>{escape(faults)}</td>"]
        if pictures:
            image = f'<img src="{escape(row["picture"])}" alt="spectrogram and pitch">' if row.get("picture") else "–"
            line.append(f"<td class=speech>{image}</td>")
        lines.append(line)
    header = ["kind", "text", "voice", "clip", "faults", *(["picture"] if pictures else [])]
    return table_of(header, lines, "clips") if lines else "<p>None has a fault.</p>"


def _by_kind(found: dict[str, Any]) -> dict[str, list[Row]]:
    """The clips of each kind, in the kinds' order."""
    kinds: dict[str, list[Row]] = {}
    for row in sorted(found["clips"], key=lambda row: row["kind"]):
        kinds.setdefault(row["kind"], []).append(row)
    return kinds


def _kinds(found: dict[str, Any]) -> list[list[str]]:
    lines = []
    for kind, mine in _by_kind(found).items():
        wrong = [row["wrong"] for row in mine if "wrong" in row]
        faulty = f"{sum(bool(row['faults']) for row in mine)} of {len(mine)}"
        mean = f"{sum(wrong) / len(wrong):.0%}" if wrong else "–"
        lines.append([kind, str(len(mine)), faulty, mean, "; ".join(mine[0]["faults"]) or "–"])
    return lines


def _likeness(results: Results, part: str) -> list[list[str]]:
    roles, first = [role for role in SPEAKERS if role in results["judges"]], part[:-1].replace("reference", "seconds")
    return [
        [f"{row[first]}", *(row.get("refused") or f"{row[role]:.3f}" for role in roles)]
        for row in results["limits"][part]
    ]


def _long(results: Results) -> list[list[str]]:
    long = results["limits"]["long"]
    lines = [
        ["speech", f"{long['seconds'] / 60:.1f} min"],
        ["sentences spoken", f"{long['spoken']} of {long['sentences']}"],
        ["computing time per second of speech", f"{long['rtf']:.3g}"],
        ["growth of the most memory", f"{long['memory_mb']:.0f} MB"],
        ["loudness of the first and last minute", f"{long['first_lufs']:.1f} and {long['last_lufs']:.1f} LUFS"],
    ]
    for role in long["first"]:
        words = f"{long['first'][role]:.3f} and {long['last'][role]:.3f}"
        lines.append([f"likeness of the first and last minute, {judge_name(results, role)}", words])
    if "wrong" in long:
        lines.append([f"words wrong in {len(long['lines'])} of its sentences", f"{long['wrong']:.1%}"])
    return lines


# ---------------------------------------------------------------------------------------------- what a card keeps


def table(results: Results) -> Table:
    """The limit tests in numbers: clips with a fault by kind, the long text, likeness by reference and generation."""
    found = results["limits"]
    rows = []
    for kind, mine in _by_kind(found).items():
        measure = Measure(f"fault_{kind}", f"fault_{kind.replace(' ', '_')}", f"Clips with a fault, {kind}", "%", 100)
        rows.append((measure, _share([bool(row["faults"]) for row in mine])))
    long = found["long"]
    spoken = [number < long["spoken"] for number in range(long["sentences"])]
    rows.append((Measure("spoken", "spoken", _minutes(long), "%", 100), _share(spoken)))
    rows += [*_kept(results, "references", "seconds"), *_kept(results, "generations", "generation")]
    worst = [row for row in found["clips"] if row["faults"]][:WORST]
    return Table(
        name="limits",
        task="text-to-speech",
        title="Limits",
        cases=f"{len(found['clips'])} clips",
        columns=["rtvc"],
        rows=[(measure, [figure]) for measure, figure in rows],
        notes=[f"{row['kind']}, “{row['text']}”, {row['speaker']}: {'; '.join(row['faults'])}." for row in worst],
    )


def _minutes(long: Row) -> str:
    return f"Sentences spoken of a text of {long['seconds'] / 60:.0f} min"


def _share(happened: list[bool]) -> Figure:
    times, of = sum(happened), len(happened)
    return {"value": times / of, "low": None, "high": None, "count": of, "times": [times], "of": [of]}


def _kept(results: Results, part: str, what: str) -> Iterator[tuple[Measure, Figure]]:
    """Likeness to the person by each judge, of each row of a part that was not refused."""
    said = {"seconds": "reference of {} s", "generation": "clone of a clone, generation {}"}[what]
    for role in [role for role in SPEAKERS if role in results["judges"]]:
        for row in [row for row in results["limits"][part] if role in row]:
            label = f"Likeness, cosine by {judge_name(results, role)}, {said.format(row[what])}"
            figure: Figure = {"value": row[role], "low": None, "high": None, "count": 1}
            yield Measure(f"{part}_{row[what]}_{role}", f"{part}_{row[what]}_{role}", label), figure
