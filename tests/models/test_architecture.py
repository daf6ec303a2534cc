"""`models` is mathematics: no arrow to `stream`, and no way to the world."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import models

FILES = sorted(Path(models.__file__).parent.rglob("*.py"))
FORBIDDEN = {
    "stream", "tests", "deploy", "benchmarks",
    "os", "io", "sys", "time", "random", "socket", "logging", "pathlib", "datetime",
    "pickle", "secrets", "subprocess", "threading", "uuid",
}  # fmt: skip
# Bytes in memory, behind a list of what is known: see there.
ALLOWED = {"pickled.py": {"io", "pickle"}}
WORLDLY = {"open", "print", "input", "exec", "eval", "hash", "default_rng", "__import__"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def test_there_are_files_to_look_at() -> None:
    assert {"kernels.py", "logistic.py", "schedules.py"} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_is_mathematics(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    used = {name.split(".")[0] for name in imported(tree)} - ALLOWED.get(file.name, set())
    assert used & FORBIDDEN == set()
    assert set(named(tree)) & WORLDLY == set()


def test_sees_what_it_looks_for() -> None:
    tree = ast.parse("def f():\n  import os.path as p\n  from stream.x import y\n  open(y.hash)")
    assert set(imported(tree)) == {"os.path", "stream.x"}
    assert set(named(tree)) == {"open", "y", "hash"}
