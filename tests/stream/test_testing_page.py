"""docs/testing-your-model.md does what it says, from its first command to its last."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from stream.pytest_plugin import replay
from tests.live.service import streamgauge
from tests.stream.page import Page

PAGE = Path(__file__).parents[2] / "docs" / "testing-your-model.md"


def page(folder: Path) -> Page:
    (folder / "recordings").mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "CI"))
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return Page(PAGE, folder, {**environment, "COLUMNS": "80"})


@pytest.mark.slow
def test_every_block_of_the_page(tmp_path: Path) -> None:
    told = page(tmp_path)
    _, *others = told.blocks  # the first needs a broker, see below
    for block in others:
        told.carry_out(*block)
    kinds = [kind for kind, _ in others]
    assert {kind: kinds.count(kind) for kind in kinds} == {"console": 6, "toml": 1, "python": 2}


@pytest.mark.kafka
def test_the_block_that_makes_a_recording(kafka: str, tmp_path: Path) -> None:
    told = page(tmp_path)
    record, generate, config, *_ = told.blocks
    told.carry_out(*generate)
    told.carry_out(config[0], config[1].replace("broker:9092", kafka))
    made_up, of = tmp_path / "recordings" / "payments.jsonl.gz", tmp_path / "fraud.toml"
    plain = replay(made_up, of, label_delay="2h")
    played = streamgauge(
        "play", str(made_up), "--config", str(of), "--label-delay", "2h", "--pace", "0",
        "--create-topics",
    )  # fmt: skip
    assert played.returncode == 0, played.stderr
    told.carry_out(*record)
    masked = replay(made_up, of)
    assert len(masked.scores) == len(set(masked.ids)) == 20_000
    assert masked.ids != plain.ids
    assert masked.figures.labels == 20_000
