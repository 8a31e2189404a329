"""The optimised variant: RTVC-7's networks as ONNX graphs, most with int8 weights; all else is float16 on disk.

A graph lies in the model as a buffer of bytes, so an optimised model is saved, loaded and shared like any other. What
goes into a product of matrices is quantised with a fixed scale: with one that follows the input, as is usual, a piece
of a sentence would differ from the whole, and a line in a batch from itself alone. The ranges come from speech of
voices that the model makes up.
"""

import io
import logging
import tempfile
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from . import audio
from .errors import CheckpointError, RTVCError
from .onnx_part import named, session
from .rtvc7 import RTVC7Model
from .rtvc7_networks import Flow
from .text import IDS, phonemize
from .voice import Voice
from .voice_cloning import VoiceCloningModel

OPSET = 17
# The parts of RTVC-7 that are exported, and which axis of each input counts tokens or frames (none: one vector a line).
PARTS = {
    "text_encoder": (1, None, 1),
    "duration_predictor": (1, None, 1),
    "pitch_predictor": (1, None, 1),
    "prior": (1, 1, None, 1, None, 1),
    "flow": (1, 1, None, 1),
    "decoder": (1, 1, None, 1),
}
# They decide when each sound comes, where rounding changes most: float16 on disk, computed in float32.
PRECISE = ("text_encoder", "duration_predictor")
SENTENCES = (
    "She had your dark suit in greasy wash water all year.",
    "Would you like another cup of coffee, or shall we go?",
    "Yes!",
    "The quick brown fox jumps over the lazy dog; George, however, measured both vases with unusual pleasure.",
)
PITCHES = (80.0, 110.0, 140.0, 180.0, 220.0, 280.0)  # Hz, of the voices that ranges are measured with
HEADROOM = 1.1  # of a range over what was measured: other voices are not those


# ---------------------------------------------------------------------------------------------- making it
def optimize(model: VoiceCloningModel) -> VoiceCloningModel:
    """The optimised variant of a :class:`VoiceCloningModel`, in float16 but for its graphs; not for training.

    Raises:
        CheckpointError: the model is one already.
        RTVCError: the package onnx is not there.
    """
    config = type(model.config).from_dict(model.config.to_dict())
    if config.rtvc7_config.onnx_sizes:
        raise CheckpointError("This model is optimised already; give the folder of the original.")
    if find_spec("onnx") is None:
        raise RTVCError("Optimising needs the package onnx; install it with `pip install onnx`.")
    inputs = _recorded(model)
    with _quiet():
        graphs = {name: _graph(model.rtvc7, name, inputs[name]) for name in PARTS}
    config.rtvc7_config.onnx_sizes = {name: len(graph) for name, graph in graphs.items()}
    optimized = type(model)(config).eval()
    kept = optimized.state_dict().keys()
    weights = {key: value for key, value in model.state_dict().items() if key in kept}
    for name, graph in graphs.items():
        weights[f"rtvc7.{name}.graph"] = torch.frombuffer(bytearray(graph), dtype=torch.uint8)
    optimized.load_state_dict(weights)
    return optimized.half()


def _graph(rtvc7: RTVC7Model, name: str, inputs: list[tuple[Tensor, ...]]) -> bytes:
    exported = _exported(rtvc7, name, inputs[0])
    return _halved(exported) if name in PRECISE else _fixed(_quantized(exported), inputs)


@contextmanager
def _quiet() -> Any:
    """Without what the exporters say to those who develop them."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


class _Recorder(nn.Module):
    """Stands for a part of RTVC-7, does what it does, and keeps what it was given."""

    def __init__(self, part: nn.Module):
        super().__init__()
        self.part, self.inputs = part, list[tuple[Tensor, ...]]()

    def forward(self, *inputs: Tensor) -> Any:
        self.inputs.append(inputs)
        return self.part(*inputs)

    def inverse(self, *inputs: Tensor) -> Tensor:
        self.inputs.append(inputs)
        return cast(Flow, self.part).inverse(*inputs)


def _recorded(model: VoiceCloningModel) -> dict[str, list[tuple[Tensor, ...]]]:
    """What each part of RTVC-7 is given when made-up voices say the sentences."""
    voices = _made_up_voices(model)
    parts = {name: getattr(model.rtvc7, name) for name in PARTS}
    recorders = {name: _Recorder(part) for name, part in parts.items()}
    try:
        for name, recorder in recorders.items():
            setattr(model.rtvc7, name, recorder)
        for voice in voices:
            for line in _lines():
                model.synthesize(line, voice, variation=0.5)
    finally:
        for name, part in parts.items():
            setattr(model.rtvc7, name, part)
    return {name: [tuple(tensor.clone() for tensor in some) for some in recorders[name].inputs] for name in PARTS}


def _lines() -> list[Tensor]:
    return [torch.tensor([IDS[symbol] for symbol in phonemize(sentence)]) for sentence in SENTENCES]


def _made_up_voices(model: VoiceCloningModel) -> list[Voice]:
    """One for each pitch: as Tuned-GE2E hears what the model says where it is given an embedding at random."""
    config, line = model.config.rtvc7_config, _lines()[0]
    chance, voices = np.random.default_rng(0), []
    for pitch in np.log(PITCHES):
        drawn = Voice(chance.normal(size=config.speaker_size), np.zeros(config.timbre_size), pitch, 0.2, 4.5)
        wave = audio.resample(model.synthesize(line, drawn), config.sampling_rate)
        with torch.inference_mode():
            embedding, timbre = model._embed(wave).cpu().numpy(), model._timbre(wave).cpu().numpy()
            reference = model._reference([wave])
        voices.append(Voice(embedding, timbre, pitch, 0.2, 4.5, reference=reference))
    return voices


class _Inverse(nn.Module):
    """A flow whose ``forward`` is the way back."""

    def __init__(self, flow: Flow):
        super().__init__()
        self.flow = flow

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.flow.inverse(*inputs)


@torch.no_grad()
def _exported(rtvc7: RTVC7Model, name: str, inputs: tuple[Tensor, ...]) -> bytes:
    """A part of RTVC-7 as an ONNX graph, for any number of lines of any length."""
    part, graph = getattr(rtvc7, name), io.BytesIO()
    axes = {
        f"input{place}": {0: "lines"} if axis is None else {0: "lines", axis: f"length{place}"}
        for place, axis in enumerate(PARTS[name])
    }
    torch.onnx.export(
        _Inverse(part) if name == "flow" else part,
        tuple(torch.cat([tensor, tensor]) for tensor in inputs),  # one line would be taken for a constant
        graph,  # type: ignore[arg-type]  # the older exporter writes to files, whatever its type says
        dynamo=False,
        opset_version=OPSET,
        input_names=list(axes),
        dynamic_axes=axes,
    )
    return graph.getvalue()


def _halved(graph: bytes) -> bytes:
    """The graph with float16 weights, which become float32 when it is opened."""
    import onnx

    model, casts = onnx.load_from_string(graph), []
    for weight in [constant for constant in model.graph.initializer if constant.data_type == onnx.TensorProto.FLOAT]:
        name = f"{weight.name} float16"
        half = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight).astype(np.float16), name)
        casts.append(onnx.helper.make_node("Cast", [name], [weight.name], to=onnx.TensorProto.FLOAT))
        weight.CopyFrom(half)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def _quantized(graph: bytes) -> bytes:
    """The graph with int8 weights, a scale for each output channel, and fused as far as fits every processor."""
    import onnx
    from onnxruntime import GraphOptimizationLevel
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        quantized, fused = Path(folder) / "quantized.onnx", Path(folder) / "fused.onnx"
        settings = {"weight_type": QuantType.QInt8, "per_channel": True, "op_types_to_quantize": ["MatMul"]}
        quantize_dynamic(onnx.load_from_string(graph), quantized, **settings)
        level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        session(quantized.read_bytes(), graph_optimization_level=level, optimized_model_filepath=str(fused))
        return fused.read_bytes()


def _fixed(graph: bytes, inputs: list[tuple[Tensor, ...]]) -> bytes:
    """The graph with fixed scales, from the ranges of `inputs`, in place of those that follow what goes in."""
    import onnx

    model = onnx.load_from_string(graph)
    follow = [node for node in model.graph.node if node.op_type in ("DynamicQuantizeMatMul", "DynamicQuantizeLinear")]
    ranges = _ranges(model, {node.input[0] for node in follow}, inputs)
    nodes, quantized = [], set()
    for node in model.graph.node:
        if node not in follow:
            nodes.append(node)
            continue
        value = node.input[0]
        names = [f"{value} {what}" for what in ("int8", "scale", "zero")]
        if node.op_type == "DynamicQuantizeLinear":
            names = list(node.output)
        if names[0] not in quantized:
            quantized.add(names[0])
            model.graph.initializer.extend(_scale(*ranges[value], *names[1:]))
            nodes.append(onnx.helper.make_node("QuantizeLinear", [value, *names[1:]], names[:1]))
        if node.op_type == "DynamicQuantizeMatMul":
            weight, scale, zero, bias = [*node.input[1:], "", ""][:4]
            fed = [names[0], weight, names[1], scale, names[2], zero, bias]
            nodes.append(onnx.helper.make_node("MatMulIntegerToFloat", fed, node.output, domain="com.microsoft"))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def _ranges(model: Any, names: set[str], inputs: list[tuple[Tensor, ...]]) -> dict[str, tuple[float, float]]:
    """The least and the greatest number that each tensor of a graph holds."""
    import onnx

    probe = type(model)()
    probe.CopyFrom(model)
    given = {value.name for value in model.graph.input}
    inner = sorted(names - given)
    probe.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inner)
    runtime, found = session(probe.SerializeToString()), dict[str, tuple[float, float]]()
    for some in inputs:
        fed = named(runtime, some)
        for name, value in [*zip(inner, runtime.run(inner, fed) if inner else [], strict=True), *fed.items()]:
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, float(value.min())), max(high, float(value.max()))
    return found


def _scale(low: float, high: float, scale: str, zero: str) -> list[Any]:
    """The constants that map a range to 0…255, under these names."""
    import onnx

    step = max(HEADROOM * (high - low) / 255, 1e-8)
    constants = np.float32(step), np.uint8(np.clip(round(-HEADROOM * low / step), 0, 255))
    return [
        onnx.numpy_helper.from_array(np.asarray(constant), name)
        for constant, name in zip(constants, (scale, zero), strict=True)
    ]
