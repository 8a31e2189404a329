"""A second device on a computer that has none: its tensors compute what they would here, but say that they are
elsewhere, are no arrays of numpy's, and do not meet tensors that are here, as on a GPU."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

NAME = "meta"  # of the kinds of devices that torch knows, one that every build of it can name and derive on
aten = torch.ops.aten
MOVING = (aten._to_copy.default, aten.copy_.default, aten._local_scalar_dense.default)
INDEXING = (aten.index.Tensor, aten.index_put.default, aten.index_put_.default)  # indices may lie here: so on GPUs


class Elsewhere(Tensor):
    """``inner``, on the other device."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Elsewhere:
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=NAME, requires_grad=inner.requires_grad
        )

    def __init__(self, inner: Tensor):
        self.inner = inner

    def __tensor_flatten__(self):  # by these two Module.to keeps the parameters that an optimizer knows
        return ["inner"], None

    @staticmethod
    def __tensor_unflatten__(inner, *_):
        return Elsewhere(inner["inner"])

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return computed(function, args, kwargs or {})


def computed(function: Any, args: tuple, kwargs: dict) -> Any:
    """An operation where its tensors are, or where it is asked for.

    Raises:
        RuntimeError: some of its tensors are here and some elsewhere.
    """
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = any(isinstance(tensor, Elsewhere) for tensor in tensors)
    here = any(not isinstance(tensor, Elsewhere) and tensor.dim() for tensor in tensors)  # numbers go anywhere
    if there and here and function not in (*MOVING, *INDEXING):
        raise RuntimeError(f"{function}: tensors on two devices")
    asked = kwargs.get("device")
    inside = tree_map(lambda leaf: leaf.inner if isinstance(leaf, Elsewhere) else leaf, (args, kwargs))
    to_there = there if asked is None else torch.device(asked).type == NAME
    found = function(*inside[0], **inside[1] | ({} if asked is None else {"device": torch.device("cpu")}))
    if not to_there:
        return found
    found = tree_map(lambda leaf: Elsewhere(leaf) if isinstance(leaf, Tensor) else leaf, found)
    return return_and_correct_aliasing(function, args, kwargs, found) if there else found


class _Operations(TorchDispatchMode):
    """What is made there without tensors of there."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return computed(function, args, kwargs or {})


class _Literals(TorchFunctionMode):
    """From Python's numbers and to them, which torch does by other means than operations."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is Tensor.tolist and isinstance(args[0], Elsewhere):
            return args[0].inner.tolist()
        if function in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return function(*args, **kwargs).to(device)
        return function(*args, **kwargs)


@contextmanager
def second_device(patch) -> Iterator[torch.device]:
    """What is trained is trained there; ``patch``: pytest's, until the end of the test."""
    device, autocast, swap = torch.device(NAME), torch.autocast, torch.utils.swap_tensors
    patch.setattr(Accelerator, "device", device)
    patch.setattr(torch, "autocast", lambda kind, **options: autocast("cpu" if kind == NAME else kind, **options))
    # Module.to, of what is there already and has learned: nothing is to be done, and torch would not
    patch.setattr(torch.utils, "swap_tensors", lambda one, other: isinstance(one, Elsewhere) or swap(one, other))
    adam = importlib.import_module("torch.optim.adam")  # torch.optim hides its own
    patch.setattr(adam, "_device_dtype_check_for_fused", lambda *_: None)
    with _Operations(), _Literals():
        yield device
