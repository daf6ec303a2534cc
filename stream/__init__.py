"""Everything that touches the world, around a core that does not.

Layout, in the order a record meets it::

    sources/        where records come from: topics, recordings, lists
    codec.py        bytes into events and labels, or dead letters with a reason
    transactions.py, emails.py, measurements.py
                    what an event of each kind holds
    label_limits.py how many labels a source may give in a time
    labels.py       late labels meet waiting examples: the order of work
    features/       events into vectors, from earlier records only
    monitor.py      the whole core in one place: records in, an outcome out
    drifts.py       what drifts, told once an episode; drift_log.py keeps and shows it
    late_labels.py  performance by day, and what is expected of it
    workings.py     what an outcome's scores came from
    messages.py     outcomes as bytes
    sinks/          where outcomes go: topics, files, lists
    telemetry.py    outcomes into Prometheus metrics; each family is in metrics/
    service.py      the loop, and the only place that orders effects
    shard.py        what one monitor reads and where its outcomes go; kafka_shard.py between topics
    membership.py   whose turn it is in the consumer group; assignor.py gives one worker everything
    delivery.py     outputs and offsets in one transaction, or one after the other
    journal.py      the order in which records were taken, beside the outputs
    recovery.py     the way back to the last commit, proved by the fingerprint of all scores
    checkpoint.py   a folder of snapshots: the last few, and on start the newest that is whole
    snapshot_file.py  snapshots as bytes, with checksums; their header and tree beside it
    folders/        where snapshots lie: on this machine, or wherever fsspec reaches
    forked.py       something done in a copy of this process, which has its memory as it is now
    web/            the live page, /metrics, /healthz, /readyz
    logs.py         lines for a person, or as JSON; bursts.py: of dead letters
    feedback.py     labels from the live page; questions.py: scores of events that are not learned
    secret.py       from files and the environment
    security.py     how broker and service know each other; credentials, tls, tokens beside it
    knock.py        whether the broker lets us in, asked once by hand
    kafka_python_security.py, librdkafka_security.py
                    credentials in the words of these clients
    disclosed.py    what of a config anybody may see
    history.py      the stream again from a snapshot on, in the order of the journal
    replay.py       a recording or a history through the same core; report.py: as a page
    explain.py      why a past event got its score
    undo.py         a source's labels taken back; without.py beside it
    compare.py      a grid of arms over a recording; grid, workers and charts beside it
    generate.py     a seeded stream of transactions; play and record beside it
    generate_emails.py, generate_metrics.py
                    the same of mails, and of measurements
    config.py       TOML into validated values; section.py: what its tables are
    build.py        values into parts: the one place that knows all names
    learners.py, scorers.py
                    the same of arms, and of what needs no labels; named.py reads {name = "..."}
    errors.py       what can go wrong, and whose it is to mend
    plugins.py      schedules and optimizers of the user's own
    pytest_plugin.py    a fixture that replays, for tests of the user's own
    outfile.py      a file that is whole or not there
    cli.py          the command line; what each command does is in commands/

The learning is in the package `models`, which knows nothing of this one.
"""

__version__ = "0.1.0"
