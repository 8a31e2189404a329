"""The model card, made from what lies in a model's folder: config.json, training.json and evaluation/*.json.

    python -m rtvc.hub FOLDER     # writes README.md there

An evaluation file says what was measured, on what, by which command, and with which weights (see `Evaluation`);
`rtvc/evaluation/card.py` makes it of what `rtvc evaluate` found, and puts the same tables into the documents.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCard, ModelCardData, eval_result_entries_to_yaml
from safetensors import safe_open

from ..loading import CHECKPOINT
from ..voice_cloning import MODELS, VoiceCloningConfig

ORIGIN = "training.json"  # data, licences, teachers, time: written by hand
NAMES = {
    "voice_cloning": "rtvc",
    "earspeech": "EarSpeech",
    "tuned_ge2e": "Tuned-GE2E",
    "sayen": "SayEN",
    "rtvc7": "RTVC-7",
}
TAGS = {  # pipeline_tag of the Hub, tags
    "voice_cloning": ("text-to-speech", ["voice-cloning", "zero-shot", "cpu"]),
    "earspeech": ("feature-extraction", ["gammatone", "auditory-filterbank"]),
    "tuned_ge2e": ("feature-extraction", ["speaker-verification", "speaker-embedding"]),
    "sayen": ("audio-to-audio", ["speech-enhancement"]),
    "rtvc7": ("text-to-speech", ["vits"]),
}
PARTS = {
    "earspeech": "a differentiable gammatone filterbank",
    "tuned_ge2e": "a speaker encoder: who speaks, as {speaker_size} numbers",
    "sayen": "speech enhancement that knows whose speech to keep",
    "rtvc7": "VITS-based speech: {text_layers} text layers, {flow_steps} flow steps, {decoder_blocks} decoder blocks",
}
LOADED = """\
from transformers import AutoModel

model = AutoModel.from_pretrained("{repo}", trust_remote_code=True).eval()
"""
USES = {  # executed by the tests, each in a folder that holds me.wav
    "voice_cloning": """\
import soundfile
from transformers import pipeline

clone = pipeline("voice-cloning", model="{repo}", trust_remote_code=True)
out = clone("Nice to meet you.", voice="me.wav")
soundfile.write("hello.wav", out["audio"], out["sampling_rate"])

me = clone.enroll("me.wav")  # once; a voice is a small file
me.save("me.voice")
out = clone("Hello again.", voice="me.voice", speed=1.1)
""",
    "earspeech": """\
from transformers import AutoFeatureExtractor

"""
    + LOADED
    + """\
extractor = AutoFeatureExtractor.from_pretrained("{repo}", trust_remote_code=True)
features = model(**extractor("me.wav", return_tensors="pt")).features  # (batch, frames, 64)
""",
    "tuned_ge2e": """\
import torch
"""
    + LOADED
    + """\
features = torch.rand(1, 300, 64)  # of EarSpeech: (batch, frames, 64), 100 frames a second
embedding = model(features).speaker_embedding  # (batch, {speaker_size}), unit length
""",
    "sayen": """\
import torch
"""
    + LOADED
    + """\
noisy = torch.randn(1, 16000)  # (batch, samples) at 16 kHz
features = torch.rand(1, 100, 64)  # of EarSpeech
speaker = torch.nn.functional.normalize(torch.randn(1, {speaker_size}), dim=-1)  # of Tuned-GE2E
cleaned = model(noisy, features, speaker).enhanced  # (batch, samples)
""",
    "rtvc7": """\
import torch
from transformers import AutoTokenizer

"""
    + LOADED
    + """\
tokenizer = AutoTokenizer.from_pretrained("{repo}", trust_remote_code=True)
tokens = tokenizer("Nice to meet you.", return_tensors="pt")
speaker = torch.nn.functional.normalize(torch.randn(1, {speaker_size}), dim=-1)  # of Tuned-GE2E
timbre = torch.zeros(1, {timbre_size})  # average log spectrum of the voice
statistics = torch.tensor([[5.0], [0.2], [4.0]])  # of pitch: mean of log Hz, deviation; syllables a second
wave = model.synthesize(tokens["input_ids"], tokens["attention_mask"], speaker, timbre, *statistics)
""",
}
INSTALLED = """\
With the package `rtvc` installed, which needs no code from here:

```python
import rtvc

clone = rtvc.load("{model}")
out = clone("Nice to meet you.", voice="me.wav")
```

```sh
rtvc clone --model {model} --voice me.wav --output hello.wav "Nice to meet you."
```
"""
VOICES = """\
Voices that come with it ({names}), from the recordings beside them:

```python
from huggingface_hub import hf_hub_download

someone = hf_hub_download("{repo}", "voices/{name}.voice")
out = clone("Good morning.", voice=someone)
```
"""
LIMITS = [
    "English only; other languages are read as if they were English, or refused.",
    "It needs at least 3 s of one person's speech. What noise costs was measured; rooms and compression were not.",
    "It speaks: it neither sings nor shouts, whispers, laughs or acts. Its intonation is that of reading aloud.",
    "Accents that the training data lacks came out closer to American English, to ears: it was not measured.",
]
INTENDED = """\
For giving yourself, or somebody who agreed, a synthetic voice: reading aloud, assistive speech, keeping a voice before
it is lost, dubbing and games with consent, research.

**Prohibited**: imitating people without their consent, deception, fraud, harassment, getting past voice checks. Say
that speech is synthetic where you publish it."""


@dataclass(frozen=True)
class Evaluation:
    """One table of results. Its file is this as JSON.

    task: the Hub's name for it, such as "text-to-speech"; title: one line; dataset: {"name", "hub": ids of datasets on
    the Hub that it is drawn from}; metrics: [{"type", "name", "value", "unit"}] and, where they are known, "low" and
    "high" of the 95 % interval, "times" and "of" (how many of how many, as lists), and "compared": other columns'
    values (numbers, or words) by name; column: the name of the model's own; notes: sentences to stand below; command:
    what measured it; machine and date (YYYY-MM-DD): where and when; weights: SHA-256 of the weights that were measured;
    settings: likewise of what was calibrated, empty where that is not known; left_out: [{"what", "why"}] of what could
    not be measured.

    A compared value is a number, words, or {"value", "low", "high"} and, where they are known, "times" and "of".
    """

    task: str
    title: str
    dataset: dict[str, Any]
    metrics: list[dict[str, Any]]
    command: str
    machine: str
    date: str
    weights: str
    column: str = ""
    notes: list[str] = field(default_factory=list)
    settings: str = ""
    left_out: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for metric in self.metrics:
            if not isinstance(metric["value"], int | float) or not math.isfinite(metric["value"]):
                raise ValueError(f"The metric “{metric['name']}” must be a finite number, not {metric['value']!r}.")


def read_evaluations(folder: Path) -> dict[str, Evaluation]:
    """The evaluations of a model's folder, by the names of their files."""
    files = sorted((folder / "evaluation").glob("*.json"))
    return {path.stem: Evaluation(**json.loads(path.read_text(encoding="utf-8"))) for path in files}


def write_evaluation(folder: Path, name: str, **fields: Any) -> None:
    """Keep a benchmark's result with the model that was measured.

    Args:
        fields: of :class:`Evaluation` but `weights` and `settings`.
    """
    found = Evaluation(weights=fingerprint(folder), settings=settings(folder), **fields)
    (folder / "evaluation").mkdir(exist_ok=True)
    text = json.dumps(asdict(found), indent=2, ensure_ascii=False)
    (folder / "evaluation" / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def fingerprint(folder: Path) -> str:
    """SHA-256 of a model's weights."""
    path = folder / "model.safetensors"
    return _sha256(path, path.stat().st_mtime_ns)


def settings(folder: Path) -> str:
    """SHA-256 of what was calibrated on the whole model, beside its weights: its own fields in config.json."""
    config, own = json.loads((folder / "config.json").read_text(encoding="utf-8")), VoiceCloningConfig
    names = set(inspect.get_annotations(own)) - set(own.sub_configs_defaults) - {"weights_sha256"}
    calibrated = {name: config[name] for name in sorted(names) if name in config}
    return hashlib.sha256(json.dumps(calibrated).encode()).hexdigest()


@lru_cache(maxsize=4)
def _sha256(path: Path, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep_origin(source: str | os.PathLike, folder: str | os.PathLike) -> None:
    """Where the weights in `source` come from also holds for those in `folder`, which are made of them."""
    if (origin := Path(source) / ORIGIN).is_file():
        shutil.copy(origin, folder)


def write_card(folder: str | os.PathLike, repo_id: str | None = None) -> None:
    """Write README.md and, for a repository, .eval_results/rtvc.yaml into a model's folder.

    Args:
        folder: of a model or a component.
        repo_id: of the repository that the folder will be; without it the folder itself is what the card speaks of.
    """
    folder = Path(folder)
    (folder / "README.md").write_text(str(card(folder, repo_id)), encoding="utf-8")
    if repo_id and (entries := _eval_results(folder)):
        (folder / ".eval_results").mkdir(exist_ok=True)
        text = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
        (folder / ".eval_results" / "rtvc.yaml").write_text(text, encoding="utf-8")


def card(folder: Path, repo_id: str | None = None) -> ModelCard:
    """The model card of a folder, see :func:`write_card`."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    training = _training(folder)
    sections = [_about(folder, config), _use(config, repo_id, folder)]
    if results := read_evaluations(folder):
        sections.append(f"## Measured\n\n{measured(folder, results)}")
    sections.append(_limits(training))
    sections.append(f"## Use\n\n{INTENDED}")
    if training:
        sections.append(_origin(training))
    header = _header(config["model_type"], training, results, repo_id).to_yaml()
    return ModelCard(f"---\n{header}\n---\n\n" + "\n\n".join(sections) + "\n")


def _training(folder: Path) -> dict[str, Any]:
    path = folder / ORIGIN
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _header(kind: str, training: dict, results: dict[str, Evaluation], repo_id: str | None) -> ModelCardData:
    task, tags = TAGS[kind]
    datasets = [corpus["hub"] for corpus in training.get("corpora", ()) if "hub" in corpus]
    return ModelCardData(
        language="en",
        license="apache-2.0",
        library_name="transformers",
        pipeline_tag=task,
        tags=[*tags, "rtvc"],
        datasets=datasets or None,
        model_name=(repo_id or NAMES[kind]).split("/")[-1] if results else None,
        eval_results=[result for pair in results.items() for result in _model_index(*pair)] or None,
    )


def _model_index(name: str, result: Evaluation) -> list[EvalResult]:
    return [
        EvalResult(
            dataset_config=name,
            task_type=result.task,
            task_name=result.title,
            dataset_type=result.dataset["hub"][0],
            dataset_name=result.dataset["name"],
            metric_type=metric["type"],
            metric_name=_with_unit(metric),
            metric_value=metric["value"],
        )
        for metric in result.metrics
    ]


def _with_unit(metric: dict[str, Any]) -> str:
    return f"{metric['name']} ({metric['unit']})" if metric.get("unit") else metric["name"]


def _eval_results(folder: Path) -> list[EvalResultEntry]:
    return [
        EvalResultEntry(
            dataset_id=result.dataset["hub"][0],
            task_id=f"{name}_{metric['type']}",
            value=metric["value"],
            date=result.date,
            notes=f"{_with_unit(metric)}; {result.dataset['name']}; {result.command}",
        )
        for name, result in read_evaluations(folder).items()
        for metric in result.metrics
    ]


def _about(folder: Path, config: dict[str, Any]) -> str:
    """What it is and how large."""
    kind = config["model_type"]
    with safe_open(folder / "model.safetensors", "np") as file:
        numbers = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    megabytes = (folder / "model.safetensors").stat().st_size / 1e6
    size = f"{numbers / 1e6:.1f} M numbers, {megabytes:.0f} MB as {config.get('dtype', 'float32')}"
    if kind != VoiceCloningConfig.model_type:
        model = next(model for known, model in MODELS.items() if known.model_type == kind)
        return f"# {NAMES[kind]}\n\n{str(inspect.getdoc(model)).split(chr(10) * 2)[0]} A component of rtvc; {size}."
    parts = [f"- **{NAMES[part]}**: {text.format(**config[f'{part}_config'])}" for part, text in PARTS.items()]
    first = "Five seconds of a voice and a line of English in; that line in that voice out, on an ordinary CPU."
    rate = config["rtvc7_config"]["sampling_rate"]
    return f"# rtvc\n\n{first} {size}, computed in float32; speech at {rate:,} Hz.\n\n" + "\n".join(parts)


def _use(config: dict[str, Any], repo_id: str | None, folder: Path) -> str:
    kind = config["model_type"]
    sizes = config.get("rtvc7_config", config)
    section = "## How to use"
    if repo_id:
        requirements = "-r requirements.txt" if kind == VoiceCloningConfig.model_type else "transformers torch"
        snippet = USES[kind].replace("{repo}", repo_id)
        sizes = {"timbre_size": sizes.get("latent_size")} | sizes
        for name in ("speaker_size", "timbre_size"):
            snippet = snippet.replace(f"{{{name}}}", str(sizes.get(name)))
        section += f"\n\n`pip install {requirements}`, then:\n\n```python\n{snippet}```"
        section += "\n\n`revision=` pins a commit: the code that comes with the weights is then the one you read."
    if kind == VoiceCloningConfig.model_type:
        section += _voices(folder, repo_id) if repo_id else ""
        section += "\n\n" + INSTALLED.format(model=repo_id or _place(folder)).rstrip()
    return section


def _place(folder: Path) -> str:
    """What a user writes to load a folder: of the bundled model its place in the repository."""
    return "rtvc/checkpoint" if folder.resolve() == CHECKPOINT.resolve() else "this/folder"


def _voices(folder: Path, repo_id: str) -> str:
    names = sorted(path.stem for path in (folder / "voices").glob("*.voice"))
    if not names:
        return ""
    return "\n\n" + VOICES.format(names=", ".join(names), name=names[0], repo=repo_id).rstrip()


def measured(folder: Path, evaluations: dict[str, Evaluation], kinds: Sequence[str] = ()) -> str:
    """The tables of evaluations of a model's folder, and the commands that measured them.

    ``kinds``: of metrics, the rows that are shown; all where none are given.
    """
    results, parts = list(evaluations.values()), []
    for result in results:
        about = f"{result.title}; {result.dataset['name']} ({result.machine}, {result.date}).{_earlier(folder, result)}"
        parts += [about, _table(result, kinds), *result.notes]
    missed = dict.fromkeys(part["what"] for result in results for part in result.left_out)
    if absent := [what for what in missed if what not in _columns(results)]:
        parts.append(f"Not measured here: {', '.join(absent)}.")
    commands = dict.fromkeys(f"`{result.command}`" for result in results)
    return "\n\n".join([*parts, f"Measured by {', '.join(commands)}."])


def _columns(results: list[Evaluation]) -> set[str]:
    """All that is compared in one table or another: what one evaluation had to leave out, another may have."""
    return {name for result in results for metric in result.metrics for name in metric.get("compared") or {}}


def _earlier(folder: Path, result: Evaluation) -> str:
    """What to know of figures that are not of this very model."""
    if result.weights != fingerprint(folder):
        return " **Measured with other weights than these.**"
    if result.settings and result.settings != settings(folder):
        return " **Measured with another calibration (config.json) than this one.**"
    return ""


def _table(result: Evaluation, kinds: Sequence[str] = ()) -> str:
    """The model's own column with its intervals, and those it is compared with."""
    others = list(dict.fromkeys(name for metric in result.metrics for name in metric.get("compared", ())))
    lines = [["", result.column, *others], ["---"] * (2 + len(others))]
    for metric in [metric for metric in result.metrics if not kinds or metric["type"] in kinds]:
        compared = metric.get("compared", {})
        lines.append([_with_unit(metric), _with_interval(metric), *(_shown(compared.get(name)) for name in others)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: float | str | dict[str, Any] | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return _with_interval(value)
    return value if isinstance(value, str) else f"{value:g}"


def _with_interval(metric: dict[str, Any]) -> str:
    value, low, high = (metric.get(name) for name in ("value", "low", "high"))
    interval = "" if low is None or low == high else f"{low:g} … {high:g}"
    about = "; ".join(filter(None, [interval, in_counts(metric)]))
    return f"{_shown(value)} ({about})" if about else _shown(value)


def in_counts(figure: dict[str, Any]) -> str:
    """ "0 of 36", or "0 of 36, 1 of 180": of a rate of things that were counted, the counts; else empty."""
    return ", ".join(
        f"{times:,} of {of:,}" for times, of in zip(figure.get("times", ()), figure.get("of", ()), strict=True)
    )


def _limits(training: dict[str, Any]) -> str:
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in [*LIMITS, *training.get("limits", ())])


def _origin(training: dict[str, Any]) -> str:
    """Training data and licences, teachers, time and energy."""
    rows = [f"| {corpus['name']} | {corpus['licence']} | {corpus['used_for']} |" for corpus in training["corpora"]]
    teachers = [
        f"- [{teacher['name']}]({teacher['url']}) ({teacher['licence']}): {teacher['role']}"
        for teacher in training["teachers"]
    ]
    return "\n".join(
        [
            "## Where the weights come from",
            "",
            f"Trained on {training['hardware']} in about {training['hours']} hours (energy: {training['energy']}).",
            f"Pretrained weights in it: {training['pretrained_weights']}. Teachers while training:",
            "",
            *teachers,
            "",
            "| corpus | licence | used for |",
            "|---|---|---|",
            *rows,
            "",
            f"Libraries at run time: {training['libraries']}.",
        ]
    )
