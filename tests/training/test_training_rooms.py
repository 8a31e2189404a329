"""The rooms of the training: who may use whom, no circles, and nothing too large to read at once."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "rtvc").rglob("*.py")
}
TRAINING = {name: path for name, path in MODULES.items() if name.startswith("rtvc.training")}


def used(name: str) -> set[str]:
    """The modules of rtvc that a module imports, inside its functions too."""
    path, found = MODULES[name], set()
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            found |= {f"{base}.{part.name}" if f"{base}.{part.name}" in MODULES else base for part in node.names}
        elif isinstance(node, ast.Import):
            found |= {part.name for part in node.names}
    return (found & set(MODULES)) - {name, "rtvc"}


def test_nothing_that_clones_or_evaluates_uses_the_training():
    assert [name for name in MODULES if name not in TRAINING and used(name) & set(TRAINING)] == []


def test_data_knows_neither_the_loop_nor_a_stage():
    wrong = {"rtvc.training.loop"} | {name for name in TRAINING if name.startswith("rtvc.training.stages")}
    assert [name for name in TRAINING if name.startswith("rtvc.training.data") and used(name) & wrong] == []


def test_no_room_of_the_training_is_reached_from_itself():
    TopologicalSorter({name: used(name) & set(TRAINING) for name in TRAINING}).prepare()  # raises CycleError


@pytest.mark.parametrize("name", sorted(TRAINING))
def test_files_and_functions_can_be_read_at_once(name):
    text = TRAINING[name].read_text(encoding="utf-8")
    assert text.count("\n") <= 500
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if node.end_lineno - node.lineno >= 60] == []
