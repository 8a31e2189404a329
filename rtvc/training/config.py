"""The settings of a stage: where they come from, and what they may be.

The usual value of a key is the one in ``configs/STAGE.yaml``; what is given must be of its kind, and within reason.
What is wrong is said here, before anything is loaded.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub.errors import StrictDataclassError

from rtvc.errors import TrainingError
from rtvc.rtvc7_config import RTVC7Config
from rtvc.sayen import SayENConfig
from rtvc.training.folders import CONFIGS, located
from rtvc.training.stage_names import FAMILY, LOOPED, NAMES, RECIPE
from rtvc.tuned_ge2e import TunedGE2EConfig
from rtvc.voice_cloning_config import VoiceCloningConfig

LOOP_DEFAULTS: dict[str, Any] = {  # of the keys that every stage in rtvc.training.loop has
    "seed": 0,
    "threads": None,  # of torch, on a CPU; none: as the environment says
    "mixed_precision": "bf16",  # where the processor computes in it; or "no"
    "gradient_accumulation_steps": 1,
    "workers": 1,  # processes that draw batches ahead; 0: none
    "tracker": "tensorboard",  # or another that Accelerate knows, or none
    "log_every": 25,
    "evaluate_every": 200,
    "save_minutes": 4.0,
    "expect": {},  # step: what is seen there, for whoever runs it
}
# Of the keys that every stage has that hears the corpora; see rtvc.training.data.corpora.
DATA_DEFAULTS: dict[str, Any] = {
    "validation": None,  # names of speakers, recordings or folders, or a share of each corpus's speakers
    "exclude_speakers": [],
    "exclude_evaluation": True,  # by whom this project is judged, and LibriSpeech's and LibriTTS's test parts
    "bandwidth": {},  # corpus: Hz, where it holds less than half its sampling rate
}
READING = ("teacher", "kokoro")  # stages that need texts of the corpora alone
NOISY = ("earspeech", "ge2e", "sayen", "joint", "calibrate")  # stages that mix in noises
FREE = ("model", "corpora", "calibrated", "bandwidth", "expect")  # sections whose keys are the user's own
MODELS = {  # whose fields the keys of a stage's section are
    ("ge2e", "model"): TunedGE2EConfig,
    ("sayen", "model"): SayENConfig,
    ("decoder", "model"): RTVC7Config,
    ("export", "calibrated"): VoiceCloningConfig,
}
FOLDERS = ("init", "meaning", "opponent", "decoder", "earspeech", "tuned_ge2e", "sayen", "rtvc7", "rtvc_ckpt")
COUNTS = (
    *("steps", "batch_size", "gradient_accumulation_steps", "log_every", "evaluate_every", "threads", "processes"),
    *("windows", "frames", "utterances", "first_steps", "sentences_a_voice", "recogniser_size", "recogniser_layers"),
    *("development_pairs", "held_out", "people", "sentences_a_person", "shards"),
)
LENGTHS = ("seconds", "longest", "minutes", "seconds_that_count", "bandwidth")
SHARES = ("sayen_dropout", "temperature", "noisy", "average", "augmented_share", "made_share")
NOT_NEGATIVE = (
    "seed",
    "shard",
    "workers",
    "rounds",
    "augmented_copies",
    "adversarial_from",
    "posterior_steps",
    "warped",
)
WHOLE = (*COUNTS, *NOT_NEGATIVE)
RANGES = {
    **dict.fromkeys(COUNTS, (1, math.inf)),
    **dict.fromkeys(LENGTHS, (0.001, math.inf)),
    **dict.fromkeys(SHARES, (0, 1)),
    **dict.fromkeys((*NOT_NEGATIVE, "warm_up", "save_minutes"), (0, math.inf)),
}
A_MAPPING = "a mapping, {name: value, …}"
RATES = ("_lr", "_rate")  # how keys of learning rates end
NOTHING = ("minutes", "threads", "average", "processes")  # numbers that may be left out: null


def load_config(path: Path, overrides: list[str]) -> dict:
    """A stage's settings: the loop's defaults, ``configs/STAGE.yaml``, the file itself, then ``--key value`` pairs.

    A file of one's own needs ``stage`` and what differs. ``--a.b value`` reaches into a section.

    Raises:
        TrainingError: a file that cannot be read, a stage or key that does not exist, a value of another kind than the
            usual one: what is misspelled must not pass.
    """
    given = _read(path)
    stage = given.get("stage")
    if stage not in NAMES:
        raise TrainingError(f"{path} names no stage; its line “stage:” must be one of {', '.join(NAMES)}.")
    overrides = _pairs(overrides)
    if len(overrides) % 2:
        raise TrainingError(f"{overrides[-1]} needs a value: {overrides[-1]} VALUE.")
    pairs = list(zip(overrides[::2], overrides[1::2], strict=True))
    if stage == RECIPE:
        return _recipe(given, pairs, path.name)
    usual = _shipped(stage)
    config = _merged(usual, given, path.name)
    for name, value in pairs:
        _override(config, name, value, path.name)
    return _checked(stage, usual, config)


def _checked(stage: str, usual: dict, config: dict) -> dict:
    """All values of a stage's config as it takes them, in place of the ``usual`` ones."""
    config = _section(stage, usual, config)
    if stage == FAMILY:
        return config | {name: _checked(name, usual[name], config[name]) for name in config if name in LOOPED}
    for section in (section for name, section in MODELS if name == stage):
        _refuse_wrong_fields(MODELS[stage, section], section, config[section] or {}, bool(config.get("init")))
    return config


def _refuse_wrong_fields(kind: type, section: str, given: dict, is_part: bool) -> None:
    """Raises TrainingError where ``given`` are no fields of a model's config, which is otherwise said behind all
    preparations. ``is_part``: the others are those of a model that there is."""
    known = [field.name for field in fields(kind)]
    if unknown := next((key for key in given if key not in known), None):
        near = _nearest(unknown, known)
        raise TrainingError(
            f"“{section}” has the unknown key “{unknown}”{near}; its keys are fields of {kind.__name__}."
        )
    try:
        kind(**({} if is_part else given))
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise TrainingError(f"“{section}” is no {kind.__name__}: {' '.join(str(error).split())}") from error


def _recipe(given: dict, overrides: list[tuple[str, str]], where: str) -> dict:
    """Several stages, each as its own file has it. What stands above the sections, or is given without the name of one,
    counts in all that have such a key."""
    usual = {name: _shipped(name) for name in given if name in NAMES}
    config: dict[str, Any] = {"stage": RECIPE} | usual
    for key in (key for key in given if key not in config):
        if not any(key in known for known in usual.values()):
            near = _nearest(key, [*NAMES, *(name for known in usual.values() for name in known)])
            raise TrainingError(f"{where} has the key “{key}”, which none of its stages has{near}: {', '.join(usual)}.")
    for name, known in usual.items():
        common = {key: value for key, value in given.items() if key in known and key not in config}
        own = given[name] or {}
        if not isinstance(own, dict):
            _refuse(name, A_MAPPING, own)
        config[name] = _merged(known, common | own, f"{where}, {name}")
    for name, value in overrides:
        key = name.removeprefix("--").partition(".")[0]
        parts = [config[part] for part, known in usual.items() if key in known and key != "stage"]
        for part in [config] if key in usual or not parts else parts:
            _override(part, name, value, where)
    return {"stage": RECIPE} | {name: _checked(name, usual[name], config[name]) for name in usual}


def _read(path: Path) -> dict:
    try:
        content = yaml.safe_load(Path(located(str(path))).read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"The config “{path}” cannot be read; name one of {CONFIGS.name}/*.yaml.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingError(f"The config “{path}” is no valid YAML: {' '.join(str(error).split())}.") from error
    return content if isinstance(content, dict) else {}


def _shipped(stage: str) -> dict:
    """All keys of a stage with their usual values."""
    own = _read(CONFIGS / f"{stage}.yaml")
    if stage == FAMILY:
        parts = {name: _merged(_shipped(name), changes or {}, stage) for name, changes in own.items() if name in LOOPED}
        return own | parts
    usual: dict[str, Any] = LOOP_DEFAULTS if stage in LOOPED else {}
    if "corpora" in own and stage not in READING:
        usual = usual | DATA_DEFAULTS | ({"noises": None, "rooms": None} if stage in NOISY else {})
    return usual | own


def _merged(usual: dict, given: dict, where: str) -> dict:
    """``given`` over ``usual``, section by section."""
    merged = dict(usual)
    for key, value in given.items():
        if key not in usual:
            raise TrainingError(
                f"{where} has the unknown key “{key}”{_nearest(key, usual)}; it can have {_keys(usual)}."
            )
        nested = isinstance(value, dict) and isinstance(usual[key], dict) and key not in FREE
        merged[key] = _merged(usual[key], value, where) if nested else value
    return merged


def _override(config: dict, name: str, value: str, where: str) -> None:
    """Set ``--a.b value``; ``b`` may be new in the sections whose keys are free."""
    if not name.startswith("--"):
        raise TrainingError(f"“{name}” is no key; one is given as --key VALUE.")
    *above, last = name.removeprefix("--").split(".")
    section, free, wrong = config, False, None
    for key in above:
        if not isinstance(section.get(key, 0), dict | None):
            wrong = key
            break
        free = key in FREE
        section[key] = section[key] or {}
        section = section[key]
    if wrong := wrong or (None if last in section or free else last):
        word, near = name.removeprefix("--"), _nearest(wrong, section)
        raise TrainingError(f"{where} has no key “{word}”{near}; it can have {_keys(section)}.")
    given, usual = _value(name, value), section.get(last)
    if isinstance(given, dict) and isinstance(usual, dict) and last not in FREE and not free:
        given = _merged(usual, given, where)
    section[last] = given


def _keys(section: dict) -> str:
    return ", ".join(key for key in section if key != "stage")


def _nearest(key: str, known: Iterable[str]) -> str:
    """What was probably meant by an unknown key, if anything is like it."""
    near = difflib.get_close_matches(key, known, 1)
    return f" (probably “{near[0]}” is meant)" if near else ""


def _value(name: str, written: str) -> object:
    """What YAML makes of it; ``1e-5`` too, which YAML takes for a string, is a number."""
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError as error:
        raise TrainingError(f"What stands behind {name}, “{written}”, is no YAML; close what it opens.") from error
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _pairs(overrides: list[str]) -> list[str]:
    """``--key=value`` as ``--key value``."""
    return [part for word in overrides for part in (word.split("=", 1) if word.startswith("--") else [word])]


# ---------------------------------------------------------------------------------------------- what values may be
def fitted(key: str, usual: Any, value: Any) -> Any:
    """``value`` as a stage takes it in the place of ``usual``.

    Raises:
        TrainingError: it is of another kind, or no such value can work.
    """
    if key == "corpora":
        return _corpora(usual, value)
    if key in ("validation", "exclude_speakers", "noises", "rooms"):
        return _named(key, value)
    if key == "bandwidth":
        return {name: _number(key, limit) for name, limit in _section(key, {}, value).items()}
    if (key in FOLDERS or key == "recordings") and not isinstance(usual, dict | list):
        return value if value is None else _word(key, value)
    if key in RANGES and not isinstance(usual, list):
        return None if value is None and key in NOTHING else _number(key, value)
    if isinstance(usual, dict):
        return _section(key, usual, value)
    if isinstance(usual, list):
        return _list(key, usual, value)
    if isinstance(usual, bool):
        return value if isinstance(value, bool) else _refuse(key, "true or false", value)
    if isinstance(usual, int | float):
        return _number(key, value)
    if isinstance(usual, str):
        return value if value is None else _word(key, value)
    return _section(key, {}, value) if key in FREE and value is not None else value


def _refuse(key: str, wanted: str, value: Any) -> Any:
    raise TrainingError(f"The key “{key}” must be {wanted}, not {'null' if value is None else repr(value)}.")


def _number(key: str, value: Any) -> int | float:
    whole = key in WHOLE
    low, high = RANGES.get(key, (0 if key.endswith(RATES) else -math.inf, math.inf))
    bounds = f" from {low:g} " + (f"to {high:g}" if high < math.inf else "on") if low > -math.inf else ""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not known or not low <= value <= high or (whole and value != int(value)):
        _refuse(key, f"a {'whole ' if whole else ''}number{bounds}", value)
    return int(value) if whole else value


def _word(key: str, value: Any) -> str:
    """YAML takes some words for other things: a name of digits for a number, no for false."""
    if isinstance(value, dict | list):
        _refuse(key, "a word", value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _section(key: str, usual: dict, value: Any) -> dict:
    if value is None and key in FREE:
        return {}
    if not isinstance(value, dict):
        _refuse(key, A_MAPPING, value)
    if key in FREE:
        return value
    return {name: fitted(name, usual.get(name), section) for name, section in value.items()}


def _list(key: str, usual: list, value: Any) -> list:
    """Of names; of as many numbers as usual; or of sections, such as phases."""
    first = usual[0] if usual else ""
    if isinstance(first, str):
        names = [value] if isinstance(value, str) else value or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            _refuse(key, "a list of names, [one, two]", value)
        return names
    if isinstance(first, dict):
        if not isinstance(value, list) or not value or not all(isinstance(part, dict) for part in value):
            _refuse(key, "a list of mappings", value)
        return [_phase(key, usual, part) for part in value]
    if not isinstance(value, list) or len(value) != len(usual):
        _refuse(key, f"a list of {len(usual)} numbers", value)
    return [_number(key, number) for number in value]


def _phase(key: str, usual: list[dict], given: dict) -> dict:
    """One of ``usual``'s kind: it has all keys that each of those has, and no others than they."""
    known = {name: value for phase in usual for name, value in phase.items()}
    needed = {name for name in known if all(name in phase for phase in usual)} - set(NOTHING)
    if absent := sorted(needed - set(given)):
        raise TrainingError(f"A part of “{key}” lacks {', '.join(absent)}; it needs {', '.join(sorted(needed))}.")
    if unknown := sorted(set(given) - set(known)):
        near = _nearest(unknown[0], known)
        raise TrainingError(
            f"A part of “{key}” has the unknown key “{unknown[0]}”{near}; it can have {', '.join(known)}."
        )
    return _section(key, known, given)


def _named(key: str, value: Any) -> list[str] | float | None:
    """Names, of which YAML takes some for numbers; of “validation” a share too."""
    if key == "validation" and isinstance(value, float):
        return value if 0 < value < 1 else _refuse(key, "names, or a share between 0 and 1", value)
    if value is None:
        return [] if key == "exclude_speakers" else None
    names = value if isinstance(value, list) else [value]
    if any(isinstance(name, dict | list | bool | None) for name in names):
        _refuse(key, "names, [one, two]", value)
    return [str(name) for name in names]


def _corpora(usual: dict | list, value: Any) -> dict | list:
    """A name, several, or several with their shares, as the stage wants them: with shares or without."""
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, dict | list) or not value or not all(isinstance(name, str) for name in value):
        _refuse("corpora", "names of corpora, [one, two] or {one: share, two: share}", value)
    if isinstance(usual, list):
        return list(value)
    shares = value if isinstance(value, dict) else dict.fromkeys(value, 1.0)
    are_numbers = all(isinstance(share, int | float) and 0 <= share < math.inf for share in shares.values())
    if not are_numbers or sum(shares.values()) <= 0:
        _refuse("corpora", "names with their shares, numbers from 0 on and not all of them 0", value)
    return shares
