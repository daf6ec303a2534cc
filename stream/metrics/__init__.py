"""The service's numbers as Prometheus has them.

Counting is adding to plain numbers once for each poll; metric families are made when someone looks.
So a metric costs an event next to nothing, and a scrape does not depend on how much is remembered.
All names begin with ``streamgauge_``. Every label has a fixed set of values, which are all there
from the start, and none is an id, a key or an address; ids are exemplars only.

Layout::

    flow.py      records in, events and labels through, lag, latency
    alerts.py    alerts, their threshold and budget
    quality.py   prequential error and loss of what was given
    arms.py      what each arm does
    late.py      by the day of the event; what is expected of days without labels
    stages.py    where the loop's time goes
    saves.py     how snapshots fare
    mixes.py     what is taken in of other partitions' monitors
    buckets.py   a histogram with examples

Drifts are in `stream.drift_log`, and `stream.telemetry` puts all together.
"""
