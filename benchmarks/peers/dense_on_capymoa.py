"""CapyMOA's learners on dense vectors: scored, then learned, one after another."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np

# Only the peers' environment has it, so nothing here knows its types.
capymoa: Any = {name: import_module(f"capymoa.{name}") for name in ("base", "classifier", "stream")}
moa: Any = import_module("moa.classifiers.functions")


def seconds(learner: Any, x: Any, y: Any) -> float:
    """How long one takes for all."""
    stream = capymoa["stream"].NumpyStream(x, y, target_type="categorical")
    made = learner(stream.schema)
    began = time.perf_counter()
    while stream.has_more_instances():
        instance = stream.next_instance()
        made.predict_proba(instance)
        made.train(instance)
    return time.perf_counter() - began


LEARNERS = {
    "SGD": lambda schema: capymoa["base"].MOAClassifier(moa.SGD(), schema=schema, CLI="-o LOGLOSS"),
    "Hoeffding tree": capymoa["classifier"].HoeffdingTree,
}

if __name__ == "__main__":
    given = np.load(sys.argv[1])
    for learner in LEARNERS.values():
        seconds(learner, given["x"][:5_000], given["y"][:5_000])
    print(json.dumps({name: seconds(learner, **given) for name, learner in LEARNERS.items()}))
