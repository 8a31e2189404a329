"""Results as files: results.json, report.md, and index.html with plots and players, which needs nothing but itself."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from rtvc.errors import EvaluationError, quoted
from rtvc.evaluation import plots
from rtvc.evaluation.judges import SPEAKERS
from rtvc.evaluation.statistics import Figure
from rtvc.evaluation.tables import CURVE, Measure, Results, Table, cloning_measures, judge_name, level, tables
from rtvc.hub.card import in_counts

CLIPS = "clips"
FILE = "results.json"
HEADLINE = (*(f"{role}_error" for role in SPEAKERS), "wer", "naturalness", "gain", "whole, clean")
STYLE = """
:root { color-scheme: light dark; --ink: #1c1b22; --soft: #6b6a75; --line: #d9d8e0; --paper: #fff;
  --s0: #4f46e5; --s1: #c2570c; --s2: #0f766e; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceaf4; --soft: #a3a1b0; --line: #3b3947; --paper: #17161d;
  --s0: #a5a0ff; --s1: #fdab6b; --s2: #5eead4; } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  padding: 1rem; max-width: 72rem }
h1 { font-size: 1.6rem; line-height: 1.2 } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem }
p, li { max-width: 44rem } .soft, figcaption { color: var(--soft) }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
th:first-child, td:first-child, .text { text-align: left } td.text { min-width: 14rem }
td small { display: block; color: var(--soft); white-space: nowrap }
.figures td:nth-child(2) { font-weight: 600 } .figures td:nth-child(2) small { font-weight: 400 }
.words th, .words td { text-align: left }
.clips td.text { max-width: 22rem } .clips small { white-space: normal } .clips .speech { min-width: 16rem }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif }
svg .title { fill: var(--ink); font-size: 13px; font-weight: 600 } svg .axis { fill: var(--soft) }
svg .grid { stroke: var(--line) } svg .line { fill: none; stroke-width: 2 } svg .band { opacity: .15 }
svg .line.s0 { stroke: var(--s0) } svg .dot.s0, svg .band.s0 { fill: var(--s0) }
svg .line.s1 { stroke: var(--s1) } svg .dot.s1, svg .band.s1 { fill: var(--s1) }
audio { width: 9rem; height: 2.2rem; display: block }
.speech img { width: 100%; background: #fff }
"""


def check_output(folder: Path) -> None:
    """That a report can go there: a new folder, or that of an earlier report.

    Raises:
        EvaluationError: it cannot.
    """
    if not folder.absolute().parent.is_dir():
        raise EvaluationError(
            f"The folder above {quoted(folder.name)} does not exist; create it or choose another one."
        )
    if folder.exists() and not (folder.is_dir() and ((folder / FILE).is_file() or not any(folder.iterdir()))):
        raise EvaluationError(f"{quoted(folder.name)} holds something else than a report; choose a new folder.")


@contextmanager
def written(folder: Path) -> Iterator[Path]:
    """A new folder, with one for clips, that takes the name ``folder`` when all of the report is in it."""
    with tempfile.TemporaryDirectory(dir=folder.absolute().parent) as temporary:
        new = Path(temporary, folder.name)
        (new / CLIPS).mkdir(parents=True)
        yield new
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)


def write(results: Results, folder: Path) -> None:
    """All three files into a folder that exists."""
    text = json.dumps(results, indent=1, ensure_ascii=False)
    for name, content in ((FILE, text + "\n"), ("report.md", markdown(results)), ("index.html", page(results))):
        (folder / name).write_text(content, encoding="utf-8")


def headline(results: Results) -> str:
    """The model's own figures in one line."""
    rows = [(measure, measure.shown(figures[0])) for table in tables(results) for measure, figures in table.rows]
    found = {measure.key: (measure, figure) for measure, figure in reversed(rows) if figure}  # cloning comes first
    shown = [found[key] for key in HEADLINE if key in found]
    words = [f"{measure.label} {figure['value']:g} {measure.unit}".rstrip() for measure, figure in shown]
    return "; ".join([*words, f"{len(results['left_out'])} left out"])


# ---------------------------------------------------------------------------------------------- cells


def cell(figure: Figure | None) -> tuple[str, str]:
    """A figure's value and its interval, as words."""
    if not figure:
        return "–", ""
    low, high = figure.get("low"), figure.get("high")
    parts = ["" if low is None else f"{low:g} … {high:g}", in_counts(dict(figure))]
    return f"{figure['value']:g}", "; ".join(filter(None, parts))


def label(measure: Measure) -> str:
    """With the unit."""
    return f"{measure.label} ({measure.unit})" if measure.unit else measure.label


def _about(results: Results) -> str:
    model, machine = results["model"], results["machine"]
    weights = f"weights {model['weights'][:12]}"
    where = f"{machine['cpu']}, {machine['threads']} thread{'s' * (machine['threads'] > 1)}"
    return f"{model['name']}, {weights}; rtvc {results['rtvc']}, {where}, {results['date']}."


HOW = (
    "Intervals: 95 % by bootstrap, speakers drawn with replacement and then the sentences of each. Speaker error rate: "
    "the equal error rate of telling clones of a speaker from clones of the others by one recording of each. "
    "docs/evaluation.md of rtvc says how everything is measured."
)


# ---------------------------------------------------------------------------------------------- Markdown


def markdown(results: Results) -> str:
    """The report as Markdown: the tables, each speaker, each sentence, the judges and what was left out."""
    parts = ["# Evaluation", _about(results), HOW]
    for table in tables(results):
        rows = [[label(measure), *map(_joined, map(measure.shown, figures))] for measure, figures in table.rows]
        parts += [f"## {table.title}", f"{table.cases}.", _grid(["", *table.columns], rows), *table.notes]
    if "cloning" in results:
        parts += ["## Each speaker", _grid(*_speakers(results)), "## Each sentence", _sentences(results)]
    parts += ["## Judges", _grid(["judge", "measures", "weights", "licence"], _judges(results))]
    parts += ["## Left out", *(f"- {part['what']}: {part['why']}" for part in results["left_out"])]
    return "\n\n".join(parts) + "\n"


def _joined(figure: Figure | None) -> str:
    value, interval = cell(figure)
    return f"{value} ({interval})" if interval else value


def _grid(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines)


def _speakers(results: Results) -> tuple[list[str], list[list[str]]]:
    """Header and rows of what each speaker's clones score."""
    wanted = (*(f"{role}_cosine" for role in SPEAKERS), "wer", "naturalness")
    measures = [measure for measure in cloning_measures(results) if measure.key in wanted]
    speakers = results["cloning"]["systems"]["rtvc"]["speakers"]
    rows = [
        [name, *(cell(measure.shown(found.get(measure.key)))[0] for measure in measures)]
        for name, found in speakers.items()
    ]
    return ["speaker", *map(label, measures)], rows


def _sentences(results: Results) -> str:
    rows = []
    for row in results["cloning"]["systems"]["rtvc"]["sentences"]:
        rows.append([row["case"], row["text"], row.get("heard", ""), *_scores(row)])
    return _grid(["case", "text", "heard", *_score_names(results)], rows)


def _score_names(results: Results) -> list[str]:
    return ["words wrong", "naturalness", *(f"likeness, {judge_name(results, role)}" for role in SPEAKERS)]


def _scores(row: dict[str, Any]) -> list[str]:
    """Of a sentence, as :func:`_score_names` calls them."""
    wrong = f"{row['word_errors']} of {row['words']}" if row.get("words") else "–"
    alike = [row[role][row["speaker"]] if role in row else None for role in SPEAKERS]
    return [wrong, *map(_number, [row.get("naturalness"), *alike])]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _judges(results: Results) -> list[list[str]]:
    return [
        [judge[name] for name in ("name", "measures", "weights", "licence")] for judge in results["judges"].values()
    ]


# ---------------------------------------------------------------------------------------------- HTML


def page(results: Results) -> str:
    """The report as a page: readable on a phone, light and dark; the players' sounds lie beside it in `clips`."""
    parts = [f"<h1>Evaluation</h1><p class=soft>{escape(_about(results))}</p><p>{escape(HOW)}</p>"]
    drawn = {"clone": _cloning_plots, "noise": _noise_plots, "enhance": _enhancement_plots}
    for table in tables(results):
        plotted = "".join(drawn[table.name](results)) if table.name in drawn else ""
        parts.append(f"<h2>{escape(table.title)}</h2><p class=soft>{escape(table.cases)}.</p>")
        parts.append(f"<div class=plots>{plotted}</div>{_table(table)}")
        parts += [f"<p>{escape(note)}</p>" for note in table.notes]
    if "cloning" in results:
        parts += ["<h2>Each speaker</h2>", cells(*_speakers(results)), "<h2>Each sentence</h2>", _players(results)]
    if "enhancement" in results:
        parts += ["<h2>Each noisy recording</h2>", _pairs(results)]
    if results.get("renderings"):
        parts += ["<h2>Clones beside recordings</h2>", _pictures(results["renderings"])]
    parts += ["<h2>Judges</h2>", cells(["judge", "measures", "weights", "licence"], _judges(results), "words")]
    items = "".join(f"<li>{escape(part['what'])}: {escape(part['why'])}</li>" for part in results["left_out"])
    parts.append(f"<h2>Left out</h2><ul>{items or '<li>nothing</li>'}</ul>")
    return html_page("rtvc: evaluation", parts)


def html_page(title: str, parts: Iterable[str]) -> str:
    """A whole page of finished parts."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    top = f'<!doctype html><html lang="en"><head>{head}<title>{title}</title><style>{STYLE}</style></head>'
    return f"{top}<body>{''.join(parts)}</body></html>\n"


def cells(header: list[str], rows: Iterable[list[str]], kind: str = "") -> str:
    """A table of words or numbers as they are."""
    return table_of(header, [[f"<td>{escape(text)}</td>" for text in row] for row in rows], kind)


def table_of(header: list[str], rows: Iterable[list[str]], kind: str = "") -> str:
    """A table of finished cells; ``kind``: a class of the style sheet."""
    top = "".join(f"<th>{escape(text)}</th>" for text in header)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide {kind}"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _table(table: Table) -> str:
    rows = []
    for measure, figures in table.rows:
        pairs = [cell(measure.shown(figure)) for figure in figures]
        cells = [f"<td>{value}{f'<small>{interval}</small>' if interval else ''}</td>" for value, interval in pairs]
        rows.append([f"<td>{escape(label(measure))}</td>", *cells])
    return table_of(["", *table.columns], rows, "figures")


def player(path: str | None) -> str:
    return f'<td><audio controls preload="none" src="{escape(path)}"></audio></td>' if path else "<td>–</td>"


def _players(results: Results) -> str:
    """Each sentence with its reference, clone and recording to listen to."""
    systems, rows = results["cloning"]["systems"], []
    real = {row["case"]: row for row in systems.get("recordings", {}).get("sentences", [])}
    for row in systems["rtvc"]["sentences"]:
        recognised = f"<small>heard: {escape(row['heard'])}</small>" if "heard" in row else ""
        sounds = (
            results["cloning"]["references"].get(row["speaker"]),
            row["clip"],
            real.get(row["case"], {}).get("clip"),
        )
        words = [f"<td>{escape(row['case'])}</td>", f"<td class=text>{escape(row['text'])}{recognised}</td>"]
        scores = [f"<td>{score}</td>" for score in _scores(row)]
        rows.append([*words, *map(player, sounds), *scores])
    return table_of(["case", "text", "reference", "clone", "recording", *_score_names(results)], rows)


def _pairs(results: Results) -> str:
    """Each noisy recording, cleaned, to listen to."""
    systems, rows = results["enhancement"]["systems"], []
    for noisy, enhanced in zip(systems["noisy"]["pairs"], systems["rtvc"]["pairs"], strict=True):
        what = (str(enhanced["pair"]), enhanced["noise"], _number(enhanced["snr_db"]))
        sounds = [player(pair["clip"]) for pair in (noisy, enhanced)]
        scores = [_number(enhanced.get(name)) for name in ("gain", "pesq", "dnsmos")]
        rows.append(
            [*(f"<td>{escape(text)}</td>" for text in what), *sounds, *(f"<td>{score}</td>" for score in scores)]
        )
    return table_of(["pair", "noise", "dB", "noisy", "cleaned", "gain, dB", "PESQ-WB", "DNSMOS"], rows)


def _pictures(drawn: list[dict[str, Any]]) -> str:
    """Each recording and clone of a sentence, side by side; nothing where no pictures were kept."""
    shown = [case[what] for case in drawn for what in ("recording", "clone") if case[what]]
    images = "".join(f'<img src="{escape(path)}" alt="spectrogram and pitch">' for path in shown)
    return f'<div class="plots speech">{images}</div>'


# ---------------------------------------------------------------------------------------------- plots


def _cloning_plots(results: Results) -> list[str]:
    systems, wanted = results["cloning"]["systems"], (*(f"{role}_cosine" for role in SPEAKERS), "naturalness", "wer")
    return [
        plots.ranges(
            label(measure),
            {name: measure.shown(system["figures"].get(measure.key)) for name, system in systems.items()},
        )
        for measure in cloning_measures(results)
        if measure.key in wanted and measure.key in systems["rtvc"]["figures"]
    ]


def _noise_plots(results: Results) -> list[str]:
    points, drawn = results["noise"], []
    places = [level(point["snr_db"]) for point in points if not point["cleaned"]]
    for measure in [row for row in cloning_measures(results) if row.key in CURVE]:
        series: dict[str, plots.Points] = {
            name: [measure.shown(point["figures"].get(measure.key)) for point in points if point["cleaned"] is cleaned]
            for name, cleaned in (("cleaned by SayEN", True), ("as it is", False))
        }
        if any(series["as it is"]):
            drawn.append(plots.curve(label(measure), places, series))
    return drawn


def _enhancement_plots(results: Results) -> list[str]:
    pairs = results["enhancement"]["systems"]["rtvc"]["pairs"]
    known = [
        (row["snr_db"], row["gain"], row["noise"]) for row in pairs if None not in (row["snr_db"], row.get("gain"))
    ]
    return [plots.scatter("SI-SDR gain, dB", "dB of speech over noise", known)] if known else []
