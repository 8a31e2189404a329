"""`rtvc batch`: every line once, none lost, whatever dies in between; and each with its times and where it is from."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

pytest.importorskip("ray", reason="needs Ray")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import pyarrow as pa
import pyarrow.parquet
import ray

from rtvc import RTVCError, watermark
from rtvc.batch import tables
from rtvc.batch.command import Job, run
from rtvc.cli import main

ROOT = Path(__file__).parents[2]
LINES = 2  # a shard
PATIENCE = 600.0  # seconds, on a machine that does much else


@pytest.fixture(scope="module")
def cluster():
    """Ray on this machine, with places for two workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        small = {"object_store_memory": 80_000_000, "include_dashboard": False}
        ray.init(num_cpus=2, log_to_driver=False, logging_level="ERROR", **small)
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def rows(tiny, woman, man, tmp_path_factory) -> Path:
    """A table of 20 lines, two of which cannot be said, with paths beside it."""
    folder = tmp_path_factory.mktemp("rows")
    for name, recording in (("anna", woman), ("ben", man)):
        tiny.enroll(recording).save(folder / f"{name}.voice")
    lines = [(f"This is line number {number}, and there is more.", f"{'anna' if number % 2 else 'ben'}.voice")
             for number in range(20)]  # fmt: skip
    lines[3], lines[8] = ("...", "anna.voice"), ("Hello.", "nobody.voice")
    with open(folder / "rows.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "voice"), *lines])
    return folder / "rows.csv"


def read(folder: Path) -> list[dict]:
    """All lines of a folder's shards, as anybody reads them: every file that ends in .parquet."""
    files = sorted(folder.glob("*.parquet"))
    return [line for file in files for line in pyarrow.parquet.read_table(file).to_pylist()]


def kill_one(output: Path, killed: list[int]) -> threading.Thread:
    """As soon as a shard is there one of the workers dies, in the midst of another."""

    def at_work() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["cmdline"]):
            title = " ".join(process.info["cmdline"] or [])
            found += [process] if title.startswith("ray::") and "make" in title else []
        return found

    def wait() -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not killed:
            if list(output.glob("*.parquet")) and (workers := at_work()):
                workers[0].kill()
                killed.append(workers[0].pid)
            time.sleep(0.01)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_every_line_once_although_a_worker_dies(cluster, rows, tiny, tiny_folder, tmp_path):
    output = tmp_path / "out"
    killer = kill_one(output, killed := [])
    done = run(Job(str(rows), str(output), lines=LINES, model=str(tiny_folder), options={"speed": 1.5}))
    killer.join(PATIENCE)
    assert len(killed) == 1
    assert not psutil.pid_exists(killed[0])
    assert done.endswith(
        "20 lines in 10 shards, 10 made now; 2 lines could not be said, “error” in their rows says why"
    )
    lines = read(output)
    assert [line["row"] for line in lines] == list(range(20))
    table = list(csv.DictReader(rows.read_text(encoding="utf-8").splitlines()))
    assert [line["text"] for line in lines] == [row["text"] for row in table]
    assert [line["row"] for line in lines if line["error"]] == [3, 8]
    assert "nobody.voice" in lines[8]["error"]
    assert lines[8]["audio"] is None
    for number in (0, 19):
        _check_line(lines[number], tiny, rows.parent / table[number]["voice"])
    assert sorted(path.name for path in output.iterdir() if path.suffix != ".parquet") == ["batch.json"]

    (output / "000004.parquet").unlink()
    (output / "_unfinished").mkdir()
    (output / "_unfinished" / "tmp.parquet").write_bytes(b"of a run that was killed")
    before = {path: path.stat().st_mtime_ns for path in output.glob("*.parquet")}
    again = Job(str(rows), str(output), lines=LINES, model=str(tiny_folder), options={"speed": 1.5})
    assert "10 shards, 1 made now; 1 lines" in run(again), "it goes on where it stopped"
    assert read(output)[8:10] == lines[8:10]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with pytest.raises(RTVCError, match="holds shards of other lines, options or versions; choose another"):
        run(again._replace(options={"speed": 1.0}))


def _check_line(line: dict, tiny, voice: Path) -> None:
    """It is what a call gives, with its times, and says what it is."""
    sound, rate = soundfile.read(io.BytesIO(line["audio"]["bytes"]), dtype="float32")
    speech = tiny(line["text"], voice=voice, speed=1.5)
    assert np.abs(sound - speech["audio"]).max() < 1e-3
    assert (line["sampling_rate"], line["seconds"]) == (rate, sound.size / rate)
    assert (line["words"], line["phonemes"]) == (speech["words"], speech["phonemes"])
    assert line["provenance"] == watermark.PROVENANCE
    assert tiny.model.config.weights_sha256 in line["model"]


def test_webdataset_of_a_data_set_that_holds_its_recordings(cluster, woman, tiny_folder, tmp_path):
    recording = {"bytes": woman.read_bytes(), "path": "woman.flac"}
    texts = ["Hello there.", None, "How are you?"]
    table = pa.Table.from_pylist([{"id": n, "text": text, "voice": recording} for n, text in enumerate(texts)])
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    run(Job(str(tmp_path / "rows.parquet"), str(tmp_path / "out"), kind="webdataset", lines=2, model=str(tiny_folder)))
    found = {}
    for shard in sorted((tmp_path / "out").glob("*.tar")):
        with tarfile.open(shard) as tar:
            found |= {member.name: tar.extractfile(member).read() for member in tar}
    assert list(found) == ["000000000.flac", "000000000.json", "000000001.json", "000000002.flac", "000000002.json"]
    about = json.loads(found["000000002.json"])
    assert about["text"] == "How are you?"
    assert about["words"][0]["word"] == "How"
    assert soundfile.info(io.BytesIO(found["000000002.flac"])).duration == pytest.approx(about["seconds"])
    assert json.loads(found["000000001.json"])["error"] == "The line has no text."


def test_what_cannot_be_read_is_said(tmp_path, capsys):
    (tmp_path / "rows.csv").write_text("text,speaker\nHello,anna\n")
    with pytest.raises(RTVCError, match="“rows.csv” has no column voice; it needs text and voice"):
        tables.read(str(tmp_path / "rows.csv"))
    (tmp_path / "broken.csv").write_text('text,voice\n"Hello,anna\n')
    (tmp_path / "none.parquet").write_bytes(b"no parquet")
    for name in ("broken.csv", "none.parquet"):
        with pytest.raises(RTVCError, match=f"“.*{name}” (cannot be read as a data set|has no lines)"):
            tables.read(str(tmp_path / name))
    assert main(["batch", str(tmp_path / "missing.csv"), "--output", str(tmp_path / "out")]) == 2
    assert "does not exist; give a CSV or Parquet file" in capsys.readouterr().err
    (tmp_path / "rows.csv").write_text("text,voice\nHello,anna.voice\n")
    assert tables.read(str(tmp_path / "rows.csv"))["voice"].to_pylist() == [str(tmp_path / "anna.voice")]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    assert main(["batch", str(tmp_path / "rows.csv"), "--output", str(tmp_path / "full")]) == 2
    assert "holds other files; choose a folder that is new or empty" in capsys.readouterr().err
