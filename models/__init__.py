"""Online models: mathematics only, deterministic, with no file, socket, clock or log.

Layout, in the order an event meets it::

    vectors.py      features of many events: a dense block and hashed pairs
    scaler.py       online standardisation of the dense block
    schedules.py    learning rate schedules: pure functions ``step -> rate``
    optimizers.py   how a gradient and a rate become a weight change
    rules.py        one weight's step under each optimizer, compiled
    kernels.py      the compiled inner loops of scoring and learning
    logistic.py     online logistic regression on those kernels
    river_model.py  the same job done by River, for comparison
    budget.py       the alert threshold that keeps a budget
    prequential.py  error and loss of scores as they were given
    ranking.py      ROC AUC and average precision
    drift.py        River's drift detectors behind one convention
    protocols.py    the contracts that the above obey
    compiled.py     how a function is compiled, said once

Nothing here imports from ``stream``.
"""
