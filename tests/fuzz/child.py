"""One target under atheris: `python -m tests.fuzz.child NAME [libFuzzer's options]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
# Lines of these count as reached. Compiled modules are left alone: numba could not compile what
# atheris puts in.
GUIDED = {
    "stream.codec", "stream.config", "stream.emails", "stream.journal", "stream.measurements",
    "stream.messages", "stream.security", "stream.snapshot_file", "stream.snapshot_header",
    "stream.snapshot_tree", "stream.sources.recording", "stream.timestamps",
    "stream.transactions", "models.pickled", "models.pickled_forms",
}  # fmt: skip
EVERY = 500  # inputs between two words on how far it is


def _others() -> Iterator[str]:
    """All other modules of ours, since atheris can be told packages only."""
    for package in ("stream", "models"):
        for file in (ROOT / package).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            if name not in GUIDED:
                yield name


def main() -> None:
    """Fuzz, and end as libFuzzer does: 0, or the input that broke the promise in a file."""
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(["stream", "models", "tomllib"], list(_others())):
        # The hook has to be there first.
        from stream import build  # noqa: PLC0415
        from tests.fuzz.seeds import seeds  # noqa: PLC0415
        from tests.fuzz.targets import KINDS, TARGETS, settings  # noqa: PLC0415
    target = TARGETS[name]()
    if name in KINDS:  # else an input that needs something compiled would count as slow
        build.warm_up(settings(name))
    for seed in seeds(name):
        target(seed)
    done = 0

    def one(data: bytes) -> None:
        nonlocal done
        target(data)
        done += 1
        if done % EVERY == 0:
            print(done, flush=True)  # noqa: T201 - read by the parent

    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
