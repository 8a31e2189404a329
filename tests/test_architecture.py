"""The architecture of docs/architecture.md holds: who imports whom, no circles, nothing too long to read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FILE, LONGEST_FUNCTION = 500, 60  # lines
FOLDERS = ("rtvc", "benchmarks", "experiments", "examples", "tests")
FILES = sorted([*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))])
# What each room may import besides itself; "flat" is rtvc/*.py, which travels to the Hub as one folder of code.
ALLOWED = {
    "flat": (),
    "loading": ("flat",),
    "front": ("flat", "loading"),  # rtvc/__init__.py, the public names
    "hub": ("flat", "loading", "front"),
    "page": ("flat", "loading", "front"),
    "serve": ("flat", "loading", "front", "page"),  # of the page its limits, which need no gradio
    "batch": ("flat", "loading", "front"),
    "speechd": ("flat", "loading", "front"),
    "evaluation": ("flat", "loading", "front", "hub", "page"),  # of the page its pictures of speech
    "training.data": ("flat", "loading", "front", "evaluation", "training"),
    "training": ("flat", "loading", "front", "hub", "evaluation", "training.data"),
    "training.stages": ("flat", "loading", "front", "hub", "evaluation", "training", "training.data"),
    # what train.py calls
    "training.command": ("flat", "loading", "front", "training", "training.data", "training.stages"),
    "cli": ("flat", "loading", "front", "hub", "evaluation", "serve", "speechd", "batch"),
    "app": ("flat", "loading", "front", "page"),
    "train": ("training.command",),
}
CLIMBS = {  # imports by name, at run time, that may go upwards
    ("rtvc.pipeline", "rtvc.hub"): "transformers' Pipeline.push_to_hub, which a published pipeline does without",
}


@cache
def modules() -> dict[str, Path]:
    """Dotted name → file, of the package and of the two scripts beside it."""
    files = [path for path in FILES if path.parts[len(ROOT.parts)] == "rtvc"]
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}
    return named | {name: ROOT / f"{name}.py" for name in ("app", "train")}


def room(module: str) -> str:
    """Where a module lies: a key of ALLOWED."""
    parts = module.split(".")
    if parts == ["rtvc"]:
        return "front"
    if parts[0] != "rtvc":
        return parts[0]
    names = (".".join(parts[1:3]), parts[1])
    return next((name for name in names if name in ALLOWED), "flat" if len(parts) == 2 else parts[1])


def imports(module: str) -> Iterator[str]:
    """The modules of this repository that a module imports, within functions and by name too; not for type checkers."""
    path = modules()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    nodes = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = {one.value for one in node.args if isinstance(one, ast.Constant)} & set(modules())
            yield from (name for name in names if (module, name) not in CLIMBS)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            found = {f"{source}.{alias.name}" for alias in node.names}
            yield from (name if name in modules() else source for name in found if {name, source} & set(modules()))


@cache
def graph() -> dict[str, set[str]]:
    return {module: set(imports(module)) - {module} for module in modules()}


@pytest.mark.parametrize("name", ALLOWED)
def test_a_room_imports_only_those_below_it(name):
    mine = {module: others for module, others in graph().items() if room(module) == name}
    assert mine, "there is such a room"
    wrong = [
        f"{module} imports {other}"
        for module, others in sorted(mine.items())
        for other in sorted(others)
        if room(other) not in (name, *ALLOWED[name])
    ]
    assert wrong == []


def test_every_module_lies_in_a_room():
    assert [module for module in modules() if room(module) not in ALLOWED] == []


def test_no_module_imports_itself_over_others():
    """Imports within functions count: put there, they hide a circle, they do not open it."""
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join([*way[way.index(module) :], module])
        if module not in done:
            for other in sorted(graph()[module]):
                visit(other, (*way, module))
            done.add(module)

    for module in modules():
        visit(module, ())


def test_imports_within_functions_name_files_that_exist():
    """A file that moved was still imported by its old name where an evaluation draws pictures, and nowhere else."""
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rtvc" and not node.level:
                wrong += [f"{path.name}: {node.module}"] if node.module not in modules() else []
    assert wrong == []


def test_training_data_does_not_know_the_loop():
    """It is drawn by whoever learns from it; `ALLOWED` lets it use the rest of the training's room."""
    data = [module for module in graph() if room(module) == "training.data"]
    assert [module for module in data if "rtvc.training.loop" in graph()[module]] == []


def test_no_file_is_too_long():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_too_long():
    found = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    found[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert found == {}
