"""Laying out and uploading, what is refused, and downloading from a Hub in miniature."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi
from small_hub import REVISION, endpoint, python

from rtvc import CheckpointError, VoiceCloningPipeline, load
from rtvc.cli import main
from rtvc.hub import download, lay_out, push


def test_what_cannot_be_laid_out(tiny_folder, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    cases = [
        (tiny_folder, full, "me/voice", None, "not empty"),
        (tiny_folder, tmp_path / "no" / "way", "me/voice", None, "does not exist"),
        (tiny_folder, tmp_path / "out", "voice", None, "user/name"),
        (tiny_folder, tmp_path / "out", "me/no good", None, "user/name"),
        (tmp_path, tmp_path / "out", "me/voice", None, "has no config.json"),
        (tiny_folder, tmp_path / "out", "me/voice", tmp_path / "missing", "folder of voices"),
    ]
    for folder, output, name, voices, words in cases:
        with pytest.raises(CheckpointError, match=words):
            lay_out(folder, output, name, voices)
    assert [path.name for path in tmp_path.iterdir()] == ["full"], "nothing half made may stay"
    assert (full / "mine.txt").read_text() == "mine"


def test_the_command(tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)
    assert main(["push", str(tiny_folder), "--repo-id", "me/tiny", "--dry-run"]) == 0
    assert "nothing uploaded" in capsys.readouterr().out
    assert load(tmp_path / "tiny").model.config.model_type == "voice_cloning"
    assert main(["push", str(tiny_folder), "--repo-id", "me/tiny", "--output", "x"]) == 2
    assert "--dry-run" in capsys.readouterr().err
    assert main(["push", str(tiny_folder), "--repo-id", "tiny"]) == 2
    assert main(["push", str(tiny_folder), "--repo-id", "me/tiny"]) == 2
    assert "connect to the network" in capsys.readouterr().err


def test_uploading(tiny, tiny_folder, monkeypatch):
    """What reaches the Hub's client; the Hub's own answers are not ours to test."""
    sent = {}

    def upload(api, folder_path, **options):
        sent.update(options, files={path.name for path in Path(folder_path).iterdir()}, token=api.token)

    monkeypatch.setattr(HfApi, "create_repo", lambda api, repo_id, **options: f"https://huggingface.co/{repo_id}")
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    assert push(tiny_folder, "me/voice", revision="next", token="t") == "https://huggingface.co/me/voice"
    assert (sent["repo_id"], sent["revision"], sent["token"]) == ("me/voice", "next", "t")
    assert {"pipeline.py", "model.safetensors", "README.md"} <= sent["files"]
    sent.clear()
    assert isinstance(tiny, VoiceCloningPipeline)
    assert tiny.push_to_hub("me/again") == "https://huggingface.co/me/again"
    assert {"pipeline.py", "model.safetensors", "README.md"} <= sent["files"]


def test_a_pipeline_is_pushed_with_what_is_known_of_its_weights(repositories, tiny_folder, monkeypatch):
    """`repositories` puts origin and results into the folder; results hold only for the weights that were measured."""
    sent = {}

    def upload(api, folder_path, **options):
        sent.update(files={str(one.relative_to(folder_path)) for one in Path(folder_path).rglob("*")})

    monkeypatch.setattr(HfApi, "create_repo", lambda api, repo_id, **options: repo_id)
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    clone = load(tiny_folder)
    clone.push_to_hub("me/as-it-is")
    assert {"training.json", "evaluation/clone.json", ".eval_results/rtvc.yaml"} <= sent["files"]
    torch.nn.init.ones_(clone.model.rtvc7.position.bias)
    clone.push_to_hub("me/changed")
    assert "training.json" in sent["files"]
    assert "evaluation/clone.json" not in sent["files"]


DOWNLOAD = """
import sys
from urllib.request import urlopen
import huggingface_hub.constants as constants
import rtvc

def attempt(name, revision=None):
    try:
        rtvc.load(name, revision=revision)
        print("loaded")
    except rtvc.CheckpointError as error:
        print(error)

attempt("me/nobody")
attempt("me/voice", "0000000")
urlopen(constants.ENDPOINT + "/cut")
attempt("me/voice", REVISION)
urlopen(constants.ENDPOINT + "/mend")
attempt("me/voice", REVISION)
constants.HF_HUB_OFFLINE = True
attempt("me/voice", REVISION)
"""


def test_downloading(hub, tmp_path):
    """Wrong names, an interruption and going on after it at a pinned revision, and offline from what is there."""
    done = python(DOWNLOAD.replace("REVISION", repr(REVISION)), tmp_path, **endpoint(hub), HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().splitlines() == [
        "The repository “me/nobody” does not exist or is private; check its name, or log in with `hf auth login`.",
        "“me/voice” has no revision “0000000”; check the branch, tag or commit.",
        "The transfer of “me/voice” was interrupted; check the connection and run it again, it goes on where it "
        "stopped.",
        "loaded",
        "loaded",
    ]


def test_offline_and_not_there():
    with pytest.raises(CheckpointError, match="connect to the network"):
        download("me/voice")
    with pytest.raises(CheckpointError, match="user/name"):
        download("voice")
