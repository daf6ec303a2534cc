"""Online models: mathematics only, deterministic, with no file, socket, clock or log.

Layout, in the order an event meets it::

    vectors.py      features of many events: a dense block and hashed pairs
    examples.py     vectors that wait for their labels
    given.py        scores as they were given, likewise
    scaler.py       online standardisation of the dense block
    schedules.py    learning rate schedules: pure functions ``step -> rate``
    optimizers.py   how a gradient and a rate become a weight change
    rules.py        one weight's step under each optimizer, compiled; stepping.py: a vector's
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
    ranking.py      ROC AUC and average precision; curves.py: at every threshold
    calibration.py  what a score means, by the labels that came (isotonic)
    cohorts.py      performance by the day of the event, and what was expected of it; cohort.py
    delays.py       how late labels come
    card_precision.py   frauds among each day's highest customers
    answering.py    an arm that answers drift by a copy on trial; answers.py: what the copy does
    drift/          drift detectors behind one convention
    fingerprint.py  all scores given, each chained to the ones before
    tail.py         how strange is strange: a streaming estimate of the upper tail
    strangeness.py  what a scorer without labels sees of events, and says
    half_space.py   half-space trees: where few events have been
    distance.py     a robust distance: far from the mean, by the covariance
    surprise.py     per-key surprise: unlike this customer
    next_value.py   the next-value error of series with a day and a week
    river_scorer.py River's detectors as scorers; river_next_value.py: its regressors, forecasters
    river_arm.py    River's classifiers as arms
    pickled.py      River's state as bytes, and back; pickled_forms.py: what it is made of
    detection.py    several scorers side by side, and one verdict; verdict.py: as an arm
    gate.py         until enough labels have come; rarity.py: the threshold until then
    lru.py          a bounded set of keys; hashmap.py: where a key lies
    state.py        how state leaves and comes back, without pickle
    settings.py     what parameters may be
    protocols.py    the contracts that the above obey
    compiled.py     how a function is compiled, said once

Nothing here imports from ``stream``.
"""
