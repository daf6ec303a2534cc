"""Online models: mathematics only, deterministic, with no file, socket, clock or log.

Layout, in the order an event meets it::

    vectors.py      features of many events: a dense block and hashed pairs
    examples.py     vectors that wait for their labels
    given.py        scores as they were given, likewise
    scaler.py       online standardisation of the dense block
    schedules.py    learning rate schedules: pure functions ``step -> rate``
    optimizers.py   how a gradient and a rate become a weight change
    rules.py        one weight's step under each optimizer, compiled
    kernels.py      the compiled inner loops of scoring and learning
    logistic.py     online logistic regression on those kernels
    plugged.py      the same on an optimizer of the user's own
    river_model.py  the same done by River, for comparison
    arms.py         who decides, when several models score the same events
    mixture.py      all of them, weighted by how well each has predicted
    switch.py       one, until a sequential test says that another is better
    balance.py      a limit to a class's share of what is learned
    alerting.py     which events are alerts, when several rules must agree
    allowance.py    so many alerts a day and no more; silence.py: when scores have fallen for good
    budget.py       the alert threshold that keeps a budget
    ceiling.py      the alert threshold that keeps a ceiling on false alerts
    minimum_labels.py   no alert before enough labels of both classes
    histogram.py    logits that fade, and how many lie above an edge
    binomial.py     exact confidence bounds of a rate
    prequential.py  error and loss of scores as they were given
    ranking.py      ROC AUC and average precision
    calibration.py  what a score means, by the labels that came (isotonic)
    cohorts.py      performance by the day of the event, and what was expected of it; cohort.py
    delays.py       how late labels come
    card_precision.py   frauds among each day's highest customers
    answering.py    an arm that answers drift by a copy on trial; answers.py: what the copy does
    drift/          drift detectors behind one convention
    fingerprint.py  all scores given, each chained to the ones before
    state.py        how state leaves and comes back, without pickle
    settings.py     what parameters may be
    protocols.py    the contracts that the above obey
    compiled.py     how a function is compiled, said once

Nothing here imports from ``stream``.
"""
