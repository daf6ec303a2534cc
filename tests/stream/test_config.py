"""Every mistake in a config gives one line: file, key, value, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.build import monitor
from stream.config import Config, load, parse
from stream.errors import ConfigError
from stream.learners import OPTIMIZERS, SCHEDULES

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"

SECTIONS = (
    "alerts, challengers, decision, detection, drift, email, features, fields, http, input, kafka, "
    "kind, labels, log, metrics, model, partitions, reasons, service, snapshot"
)
FEATURES = "aggregates, hash_bits, max_keys, max_window_events, scale_limit, windows"
ANY_SCHEDULE = f"{', '.join(sorted(SCHEDULES))}, or module:Class"
ANY_OPTIMIZER = f"{', '.join(sorted(OPTIMIZERS))}, or module:Class"
TOPICS = "alerts, dead_letters, drifts, events, journal, labels, models, scores"
DURATION = "expected a duration such as 30s, 1.5h or 7d"
WATCHERS = "adwin, page-hinkley, ddm, eddm, hddm-a, hddm-w, kswin"
HTTP = (
    "certificate_file, host, key_file, key_password_env, key_password_file, port, token_env, "
    "token_file"
)
NO_PASSWORD = "expected no password; fsspec finds it in the environment"
INPUT = "max_future, max_record_bytes"
FOREIGN = "no such key with kind ="
RISING = "expected rising lengths above 0, such as 1d, 7d, 30d"


def test_the_examples_are_the_defaults() -> None:
    assert load(EXAMPLES / "transactions.toml") == Config()
    assert load(EXAMPLES / "emails.toml") == parse({"kind": "emails"}, "none")
    assert load(EXAMPLES / "metrics.toml") == parse({"kind": "metrics"}, "none")


def test_the_example_of_texts_differs_in_a_few_keys() -> None:
    given = parse({"kind": "emails"}, "none")
    texts = load(EXAMPLES / "sms.toml")
    assert texts.fields.ts == ""
    same = {"fields", "email", "kafka", "labels"}
    assert {n for n in Config.__struct_fields__ if getattr(texts, n) != getattr(given, n)} <= same


def test_defaults_of_a_kind_lie_under_what_the_file_says() -> None:
    got = parse({"kind": "emails"}, "none")
    assert got.kafka.topics.events == "emails"
    assert got.kafka.topics.labels == "labels"
    assert got.input.max_record_bytes == 4 * 2**20
    kafka = {"topics": {"labels": "truth"}, "group": "mine"}
    model = {"schedule": {"name": "time", "k": 1e-4}, "l2": 0.1}
    got = parse({"kind": "emails", "kafka": kafka, "model": model}, "none")
    assert (got.kafka.topics.events, got.kafka.topics.labels) == ("emails", "truth")
    assert got.kafka.group == "mine"
    assert got.model.schedule == {"name": "time", "k": 1e-4}  # taken whole
    assert parse({}, "none") == Config()


def test_journal_and_snapshots_are_the_group_s_own() -> None:
    got = parse({"kafka": {"group": "g"}}, "none")
    assert got.kafka.topics.journal == "g-journal"
    assert got.snapshot.url == "snapshots/g"
    assert got.kafka.topics.names[-1] == "g-journal"
    got = parse({"kafka": {"topics": {"journal": "j"}}, "snapshot": {"url": ""}}, "none")
    assert (got.kafka.topics.journal, got.snapshot.url) == ("j", "")


def test_a_transaction_is_not_kept_open_for_an_hour() -> None:
    with pytest.raises(ConfigError, match=r"kafka.*commit_interval.*expected at most 10m"):
        parse({"kafka": {"commit_interval": "1h"}}, "none")
    parse({"kafka": {"commit_interval": "1h", "delivery": "at-least-once"}}, "none")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1", f"x = 1: no such key; allowed are {SECTIONS}"),
        ("[features]\nwindow = ['1d']",
         f'features.window = ["1d"]: no such key; allowed are {FEATURES}'),
        ("[kafka.topics]\nscore = 'a'",
         f'kafka.topics.score = "a": no such key; allowed are {TOPICS}'),
        ("kafka = 5", "kafka = 5: expected a table, got a whole number"),
        ("[kafka]\nbootstrap = 5", "kafka.bootstrap = 5: expected a text, got a whole number"),
        ("[kafka]\ngroup = ''", 'kafka.group = "": expected a text of length >= 1'),
        ("[http]\nport = '80'", 'http.port = "80": expected a whole number, got a text'),
        ("[http]\nport = 65536", "http.port = 65536: expected a whole number <= 65535"),
        ("[labels]\nmax_early = 0", "labels.max_early = 0: expected a whole number >= 1"),
        ("[labels]\nmax_early = true",
         "labels.max_early = true: expected a whole number, got true or false"),
        ("[alerts]\nbudget = 1.0", "alerts.budget = 1.0: expected a number < 1.0"),
        ("[alerts]\nbudget = nan", "alerts.budget = NaN: expected a number > 0.0"),
        ('[features]\naggregates = "slid\\ning"',
         'features.aggregates = "slid\\ning": expected one of decayed, sliding'),
        ("[features]\naggregates = 5", "features.aggregates = 5: expected one of decayed, sliding"),
        ("[drift]\ndetectors = ['adwin', 'stepd']",
         f'drift.detectors = "stepd": expected one of {WATCHERS}'),
        ("[drift]\ndetectors = 'adwin'",
         'drift.detectors = "adwin": expected a list, got a text'),
        ("[drift]\ndetectors = ['adwin', 'adwin']",
         'drift.detectors = ["adwin", "adwin"]: expected each one once'),
        ("[labels]\nttl = 'soon: now'", f'labels.ttl = "soon: now": {DURATION}'),
        ("[labels]\nttl = true", f"labels.ttl = true: {DURATION}, got true or false"),
        ("[kafka]\nmax_wait = -1", "kafka.max_wait = -1: expected a duration from 0 to 8000 years"),
        ("[input]\nmax_future = 1" + 400 * "0",
         f"input.max_future = 1{56 * '0'}...: expected a duration from 0 to 8000 years"),
        ("[features]\nwindows = ['7d', '1d']", f'features.windows = ["7d", "1d"]: {RISING}'),
        ("[features]\nwindows = ['24h', '1d']", f'features.windows = ["24h", "1d"]: {RISING}'),
        ("[features]\nwindows = ['0s']", f'features.windows = ["0s"]: {RISING}'),
        ("[features]\nwindows = ['1x']", f'features.windows = ["1x"]: {DURATION}'),
        ("[features]\nwindows = []", "features.windows = []: expected a list of length >= 1"),
        ("[features]\nwindows = ['1d', 7]",
         "features.windows = 7: expected a text, got a whole number"),
        ("[kafka.topics]\nscores = 'labels'",
         "kafka.topics: labels named twice: expected different topics"),
        ("[fields]\nnumeric = ['amount']",
         "fields: amount named twice: expected a field for one use only"),
        ("[fields]\nts = ''", 'fields.ts = "": expected a text of length >= 1'),
        ("[kafka]\nsecurity = 'sasl_ssl'",
         'kafka.security = "sasl_ssl": expected a table, got a text'),
        ("[http]\ntoken = 'hunter2'",
         f"http.token: no such key; allowed are {HTTP}"),
        ("[snapshot]\nurl = 'ftp://me:hunter2@host/x'",
         f'snapshot.url = "ftp://...@host/x": {NO_PASSWORD}'),
        ("kind = 'mail'", 'kind = "mail": expected one of transactions, emails, metrics'),
        ("kind = ['emails']", 'kind = ["emails"]: expected one of transactions, emails, metrics'),
        ("kind = 'emails'\nkafka = 5", "kafka = 5: expected a table, got a whole number"),
        ("kind = 'emails'\n[kafka]\ntopics = 5",
         "kafka.topics = 5: expected a table, got a whole number"),
        ("kind = 'emails'\n[fields]\namount = 'x'",
         f'fields.amount = "x": {FOREIGN} "emails"; allowed are id, label, source, ts'),
        ("kind = 'emails'\n[features]\nwindows = ['1d']",
         f'features.windows = ["1d"]: {FOREIGN} "emails"; allowed are scale_limit'),
        ("[email]\nmax_bytes = 100",
         f'email: {FOREIGN} "transactions"; allowed are {SECTIONS.replace("email, ", "")}'),
        ("[input]\nformat = 'message'",
         f'input.format = "message": {FOREIGN} "transactions"; allowed are {INPUT}'),
        ("kind = 'emails'\n[fields]\nid = 'text'",
         "fields: text named twice: expected a field for one use only"),
        ("[fields]\nsource = 'label'",
         "fields: label named twice: expected a field for one use only"),
        ("kind = 'emails'\n[email]\nwindows = ['7d', '1d']",
         f'email.windows = ["7d", "1d"]: {RISING}'),
        ("kind = 'emails'\n[email]\nmax_bytes = 100_000",
         "email.max_bytes = 100000: expected a whole number <= 4096"),
        ("[model]\noptimizer = 'sgd'", 'model.optimizer = "sgd": expected a table, got a text'),
        ("[model", "not TOML: Expected ']' at the end of a table declaration (at end of document)"),
    ],
    ids=lambda text: text.rpartition("\n")[2][:25],
)  # fmt: skip
def test_a_mistake_is_one_line(text: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {line}"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ({"schedule": {"name": "linear"}},
         f'schedule.name = "linear": expected one of {ANY_SCHEDULE}'),
        ({"optimizer": {}}, f"optimizer.name: expected one of {ANY_OPTIMIZER}"),
        ({"optimizer": {"name": ["sgd"]}},
         f'optimizer.name = ["sgd"]: expected one of {ANY_OPTIMIZER}'),
        ({"optimizer": {"name": "adagrad", "rho": 0.9}},
         "optimizer.rho = 0.9: no such key; adagrad has eps"),
        ({"optimizer": {"name": "sgd", "eps": 1}}, "optimizer.eps = 1: no such key; sgd has none"),
        ({"schedule": {"name": "step"}}, "schedule.rate: missing, and step needs it"),
        ({"schedule": {"name": "constant", "rate": "0.1"}},
         'schedule.rate = "0.1": expected a finite number'),
        ({"schedule": {"name": "constant", "rate": True}},
         "schedule.rate = true: expected a finite number"),
        ({"schedule": {"name": "constant", "rate": 10**400}},
         f"schedule.rate = 1{56 * '0'}...: expected a finite number"),
        ({"schedule": {"name": "constant", "rate": 0}},
         "schedule.rate = 0: expected a number above 0"),
        ({"schedule": {"name": "time", "rate": 1, "floor": 2}},
         "schedule.floor = 2: expected a number from 0 to rate"),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistake_in_the_model_is_one_line(model: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        monitor(parse({"model": model}, "mine.toml"))
    assert str(caught.value) == f"model.{line}"


def test_a_file_that_is_none(tmp_path: Path) -> None:
    missing, latin = tmp_path / "missing.toml", tmp_path / "latin.toml"
    latin.write_bytes("kind = 'Zürich'".encode("latin-1"))
    expected = {
        missing: "No such file or directory",
        latin: "not UTF-8 text",
        tmp_path: "Is a directory",
    }
    for path, reason in expected.items():
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: {reason}"


def test_overrides_outrank_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[kafka]\nbootstrap = 'a:1'\ngroup = 'mine'")
    got = load(path, {"kafka.bootstrap": "b:2", "kafka.topics.scores": "s", "http.port": 0})
    assert (got.kafka.bootstrap, got.kafka.group) == ("b:2", "mine")
    assert (got.kafka.topics.scores, got.http.port) == ("s", 0)
    path.write_text("kafka = 5")
    with pytest.raises(ConfigError, match=r"kafka = 5: expected a table"):
        load(path, {"kafka.topics.scores": "s"})
