"""Model files from strangers: refused by name before they cost memory, and never run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from rtvc import CheckpointError, VoiceCloningModel
from rtvc.loading import load


@pytest.fixture
def folder(tiny_folder, tmp_path) -> Path:
    return shutil.copytree(tiny_folder, tmp_path / "stranger")


def edit(folder: Path, name: str, change: Callable[[dict], None]) -> None:
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


def refused(folder: Path, words: str) -> None:
    for way in (load, VoiceCloningModel.from_pretrained):
        with pytest.raises(CheckpointError, match=words) as caught:
            way(folder)
        assert "stranger" in str(caught.value)
        assert str(caught.value).isprintable()


def test_saved_weights_carry_their_checksum(folder):
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    refused(folder, "swapped or changed")


def test_swapped_weights(folder):
    path = folder / "model.safetensors"
    save_file({name: torch.ones_like(one) for name, one in load_file(path).items()}, path, {"format": "pt"})
    refused(folder, "swapped or changed")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no list of what is mapped")
def test_a_loaded_model_keeps_nothing_of_a_float16_file(folder, tmp_path):
    """A buffer that is a view of the file would keep all of it in memory."""
    VoiceCloningModel.from_pretrained(folder).half().save_pretrained(tmp_path)
    model = VoiceCloningModel.from_pretrained(tmp_path)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("part", ["earspeech", "tuned_ge2e", "sayen", "rtvc7"])
def test_a_component_is_checked_like_the_whole(part, tiny_model, tmp_path):
    folder, kind = tmp_path / "stranger", type(getattr(tiny_model, part))
    getattr(tiny_model, part).save_pretrained(folder)
    whole = (folder / "model.safetensors").read_bytes()
    assert kind.from_pretrained(folder).config.model_type == kind.config_class.model_type
    (folder / "model.safetensors").write_bytes(whole[:-8])
    with pytest.raises(CheckpointError, match="stranger.* damaged"):
        AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(getattr(tiny_model, part).state_dict(), folder / "pytorch_model.bin")  # a pickle
    with pytest.raises(CheckpointError, match="stranger.* has no model.safetensors"):
        AutoModel.from_pretrained(folder)


def test_a_model_saved_again_loads(folder, tmp_path):
    model = VoiceCloningModel.from_pretrained(folder)
    torch.nn.init.zeros_(model.rtvc7.position.bias)
    model.save_pretrained(tmp_path / "again")
    assert torch.equal(VoiceCloningModel.from_pretrained(tmp_path / "again").rtvc7.position.bias, torch.zeros(16))


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("rtvc7_config", "hidden_size", 10**9),
        ("rtvc7_config", "hidden_size", 900_000),  # would be a terabyte: the weights' header is read first
        ("rtvc7_config", "hidden_size", -16),
        ("rtvc7_config", "hidden_size", "16"),
        ("rtvc7_config", "text_layers", 10**6),
        ("rtvc7_config", "hop_length", 0),
        ("rtvc7_config", "hop_length", 10**6),
        ("rtvc7_config", "sampling_rate", 0),
        ("rtvc7_config", "recording_quality", float("nan")),
        ("tuned_ge2e_config", "dilations", [1] * 2000),
        ("sayen_config", "colour", 1),
        (None, "rtvc7_config", [1]),
        (None, "rtvc7_config", None),
        (None, "quantization_config", {"quant_method": "bitsandbytes"}),
        (None, "_attn_implementation", "stranger/kernel"),
    ],
)
def test_configs_of_no_model(part, key, value, folder):
    edit(folder, "config.json", lambda config: (config[part] if part else config).update({key: value}))
    refused(folder, "cannot be loaded|do not fit")


@pytest.mark.parametrize("name", ["config.json", "vocab.json", "processor_config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", ["", "[1]", '{"a":' + "[" * 100_000, " " * (2 << 20), "\xff"])
def test_json_that_is_none(name, content, folder):
    (folder / name).write_text(content, encoding="latin-1")
    with pytest.raises(CheckpointError, match="stranger"):
        load(folder)


def test_ids_beyond_the_model(folder):
    edit(folder, "vocab.json", lambda ids: ids.update({"ʌ": 10**6}))
    with pytest.raises(CheckpointError, match=r"vocab\.json"):
        load(folder)


@pytest.mark.parametrize("size", [3, 2**62])
def test_a_header_that_lies_about_its_length(size, folder):
    path = folder / "model.safetensors"
    path.write_bytes(size.to_bytes(8, "little") + path.read_bytes()[8:])
    refused(folder, "damaged")


class Trap:
    """Leaves a mark when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_no_pickle_is_read(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save({"a": Trap()}, folder / "pytorch_model.bin")
    refused(folder, r"no model\.safetensors")
    assert not Path("trapped").exists()


def test_no_code_of_a_folder_is_run(folder, tmp_path):
    (folder / "trap.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'trapped')!r})\nclass Trap: pass\n")
    names = ("AutoConfig", "AutoModel", "AutoProcessor", "AutoFeatureExtractor")
    codes = {**dict.fromkeys(names, "trap.Trap"), "AutoTokenizer": ["trap.Trap", None]}
    for name in ("config.json", "processor_config.json", "tokenizer_config.json"):
        edit(folder, name, lambda config: config.update(auto_map=codes))
    load(folder)
    assert not (tmp_path / "trapped").exists()


def test_no_other_model_is_followed(folder):
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/", "peft_type": "LORA"}))
    refused(folder, "adapter")


def test_no_file_outside_the_folder_is_read(folder, tmp_path):
    """A vocabulary by another path is ignored: the folder's own counts."""
    (tmp_path / "other.json").write_text('{"x": 0}')
    edit(folder, "tokenizer_config.json", lambda config: config.update(vocab_file=str(tmp_path / "other.json")))
    assert "x" not in load(folder).processor.tokenizer.get_vocab()
