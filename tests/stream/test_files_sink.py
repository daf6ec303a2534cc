"""Files of outcomes: the same bytes however they were cut, and a name only for what is whole."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path

import pytest

from stream import messages
from stream.errors import StreamgaugeError
from stream.monitor import Outcome
from stream.outfile import OutFile
from stream.sinks import Sink
from stream.sinks.files import FileSink
from stream.sinks.memory import MemorySink
from tests.stream.streams import new_monitor, steps, stream, told


def outcomes(size: int = 100) -> list[Outcome]:
    return steps(new_monitor(), stream(600), size)


def write(sink: Sink, given: list[Outcome]) -> None:
    for outcome in given:
        sink.write(outcome)
    sink.flush()
    sink.close()


def test_writes_what_the_outcomes_say(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("scores.jsonl", "alerts.jsonl", "dead.jsonl")]
    given = outcomes()
    write(FileSink(*paths), given)
    expected = told(given)
    for path, name in zip(paths, ("scores", "alerts", "dead"), strict=True):
        assert path.read_bytes() == b"".join(line + b"\n" for line in expected[name])
        assert path.stat().st_size > 0
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_the_same_scores_are_the_same_bytes_even_compressed(tmp_path: Path) -> None:
    paths = [tmp_path / name / "scores.jsonl.gz" for name in ("a", "b", "c")]
    for path, size in zip(paths, (1, 7, 1_000), strict=True):
        path.parent.mkdir()
        write(FileSink(path), outcomes(size))
    packed = {path.read_bytes() for path in paths}
    assert len(packed) == 1
    (whole,) = packed
    assert whole[3:8] == bytes(5)  # no name and no time in the header
    lines = gzip.decompress(whole).splitlines()
    assert lines == told(outcomes())["scores"]


def test_a_name_means_a_whole_file(tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    scores.write_text("of an earlier run")
    first, *rest = outcomes()
    sink = FileSink(scores)
    sink.write(first)
    sink.flush()
    for outcome in rest:
        sink.write(outcome)
    assert scores.read_text() == "of an earlier run"
    sink.close()  # something went wrong, and no one said that this was all
    assert scores.read_text() == "of an earlier run"
    write(FileSink(scores), [first, *rest])
    assert len(scores.read_bytes().splitlines()) == sum(len(o.events) for o in [first, *rest])
    assert list(tmp_path.iterdir()) == [scores]


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "scores.jsonl")
    write(sink, outcomes())
    sink.close()
    assert (tmp_path / "scores.jsonl").stat().st_size > 0


def test_nothing_is_a_whole_file_too(tmp_path: Path) -> None:
    write(FileSink(tmp_path / "scores.jsonl"), [])
    assert (tmp_path / "scores.jsonl").read_bytes() == b""


def test_a_pipe_is_written_in_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    given = outcomes()
    write(FileSink(pipe), given)
    reader.join(10)
    assert got[0].splitlines() == told(given)["scores"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["", "missing/scores.jsonl"])
def test_what_cannot_be_written_is_one_line(name: str, tmp_path: Path) -> None:
    good, wrong = tmp_path / "good.jsonl", tmp_path / name
    with pytest.raises(StreamgaugeError, match=f"^{wrong}: (No such|Is a dir)[^\n]*$"):
        FileSink(good, wrong)  # the file that was opened first is closed again
    assert not good.exists()


def test_a_memory_sink_keeps_every_outcome() -> None:
    sink, given = MemorySink(), outcomes()
    write(sink, given)
    assert sink.outcomes == given
    assert sink.flushed == len(given)
    assert json.loads(messages.scores(given[0])[0])["id"] == 0


def test_a_link_is_written_through_and_stays_a_link(tmp_path: Path) -> None:
    """As /dev/stdout is, which a rename would take away from every other process."""
    target, link = tmp_path / "target.jsonl", tmp_path / "link"
    target.write_bytes(b"")
    link.symlink_to(target)
    out = OutFile(link)
    out.file.write(b"line\n")
    out.close(whole=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"line\n"
