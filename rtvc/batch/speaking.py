"""What a worker does: it loads the model once, and speaks shard after shard."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from rtvc.batch import shards
from rtvc.batch.shards import SpokenRow
from rtvc.errors import RTVCError, TextError, VoiceError
from rtvc.loading import load
from rtvc.pipeline import Speech
from rtvc.voice import Voice

AT_ONCE = 16  # lines in a call, which says them in batches
KEPT = 256  # voices in memory


class Plan(NamedTuple):
    """Where shards go, and of which kind they are (one of `shards.FORMATS`); a model's folder, or None for the bundled
    one; options of a call of the pipeline, by name; whether there is a GPU."""

    folder: str
    kind: str
    model: str | None
    options: tuple[tuple[str, float], ...]
    cuda: bool


def make(shard: dict[str, Any], plan: Plan) -> dict[str, int]:
    """Say the lines of a shard and write it. A task of Ray's, no actor: the tasks of a machine that is lost are done on
    another one, while an actor's would wait for a place to start it again.

    Args:
        shard: its "number", the "first" of its rows, its "lines" as Arrow writes them.
        plan: the same for all of them.

    Returns:
        its "number", and how many lines were "refused".
    """
    return _worker(plan)(shard)


@lru_cache(1)
def _worker(plan: Plan) -> _Worker:
    """Ray keeps its processes: each loads the model once."""
    return _Worker(plan)


class _Worker:
    def __init__(self, plan: Plan) -> None:
        self._folder, self._kind, self._options = Path(plan.folder), plan.kind, dict(plan.options)
        model, cuda = plan.model, plan.cuda
        self._clone = load(model, device=0 if cuda else -1)
        self._model = f"{Path(model).name if model else 'rtvc'} {self._clone.model.config.weights_sha256}"
        self._enrolled = lru_cache(KEPT)(self._clone.open_voice)

    def __call__(self, shard: dict[str, Any]) -> dict[str, int]:
        number, first = int(shard["number"]), int(shard["first"])  # numpy's numbers, of which JSON knows nothing
        rows = pa.ipc.open_stream(shard["lines"]).read_all().to_pylist()
        lines = [self._line(first + place, row) for place, row in enumerate(rows)]
        for start in range(0, len(rows), AT_ONCE):
            self._say(rows[start : start + AT_ONCE], lines[start : start + AT_ONCE])
        shards.write(self._folder, number, self._kind, lines)
        return {"number": number, "refused": sum(line["error"] is not None for line in lines)}

    def _line(self, row: int, given: dict[str, Any]) -> SpokenRow:
        """A line of which nothing is known yet but what is asked for."""
        voice = given["voice"].get("path") if isinstance(given["voice"], dict) else given["voice"]
        known = {"row": row, "text": given["text"], "voice": voice, "model": self._model}
        return dict.fromkeys(shards.SCHEMA.names) | known | {"provenance": self._clone.provenance}

    def _say(self, rows: list[dict[str, Any]], lines: list[SpokenRow]) -> None:
        """Together where all of them can be said, else each by itself."""
        try:
            said = self._clone([_text(row) for row in rows], voice=[self._voice(row) for row in rows], **self._options)
            for line, speech in zip(lines, said, strict=True):
                self._fill(line, speech)
        except RTVCError as error:
            if len(rows) > 1:
                for row, line in zip(rows, lines, strict=True):
                    self._say([row], [line])
            else:
                lines[0]["error"] = str(error)

    def _fill(self, line: SpokenRow, speech: Speech) -> None:
        wave, rate = speech["audio"], speech["sampling_rate"]
        sound = {"bytes": shards.flac(wave, rate, self._clone.provenance), "path": f"{line['row']:09d}.flac"}
        line |= {"audio": sound, "sampling_rate": rate, "seconds": wave.size / rate}
        line |= {"words": speech["words"], "phonemes": speech["phonemes"]}
        line["warnings"] = [warning["message"] for warning in speech["warnings"]]

    def _voice(self, row: dict[str, Any]) -> Voice:
        voice = row["voice"]
        if isinstance(voice, dict) and voice.get("bytes"):
            with tempfile.NamedTemporaryFile(suffix=Path(voice.get("path") or "").suffix) as file:
                file.write(voice["bytes"])
                file.flush()
                return self._clone.enroll(file.name)
        path = voice.get("path") if isinstance(voice, dict) else voice
        if not path:
            raise VoiceError("The line names no voice.")
        return self._enrolled(path)


def _text(row: dict[str, Any]) -> str:
    if row["text"] is None:
        raise TextError("The line has no text.")
    return row["text"]
