"""A network that ONNX Runtime computes in place of a part of RTVC-7: what optimised models are made of.

`rtvc.optimized` makes them; this file is all that using them takes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn


class OnnxPart(nn.Module):
    """A network that ONNX Runtime computes, in place of the part of RTVC-7 that was exported: its inputs and outputs.

    ``size``: bytes of the graph, which the model file holds as ``graph``: uint8 (size,).
    """

    graph: Tensor

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("graph", torch.zeros(size, dtype=torch.uint8))
        self._session: onnxruntime.InferenceSession | None = None

    def forward(self, *inputs: Tensor) -> Any:
        """Tensors in the order of the part's own ``forward``; a tensor, or a tuple of them."""
        opened = self.open()
        outputs = opened.run(None, named(opened, inputs))
        outputs = [torch.from_numpy(output).to(inputs[0].device) for output in outputs]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def open(self) -> onnxruntime.InferenceSession:
        """The graph, read once; an exception of ONNX Runtime's if it is damaged."""
        self._session = self._session or session(self.graph.cpu().numpy().tobytes())
        return self._session

    def inverse(self, *inputs: Tensor) -> Tensor:
        """The flow's way back, which is what is exported of it."""
        return self(*inputs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}  # a session cannot be copied; the copy opens its own


def session(graph: bytes, **options: Any) -> onnxruntime.InferenceSession:
    """A graph, ready to run with as many threads as torch has; ``options``: of ``SessionOptions``."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the parts take turns, torch among them
    settings.log_severity_level = 3
    settings.enable_cpu_mem_arena = False  # six sessions would keep six; without, 10 MB less and no slower
    for name, value in options.items():
        setattr(settings, name, value)
    return onnxruntime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])


def named(session: onnxruntime.InferenceSession, inputs: Sequence[Tensor]) -> dict[str, np.ndarray]:
    """What a graph is fed with: its inputs are called input0, input1 …; those it does not use are not among them.

    A graph computes in float32, whatever type the rest of the model has.
    """
    fed = {value.name: inputs[int(value.name.removeprefix("input"))] for value in session.get_inputs()}
    return {
        name: (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy() for name, tensor in fed.items()
    }
