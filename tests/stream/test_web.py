"""The HTTP side, over real sockets."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from stream.errors import StreamgaugeError
from stream.health import TURN, Health
from stream.web.app import HEADERS, PAGE, create_app
from stream.web.server import WebServer

STATE: dict[str, Any] = {"events": 7, "faded": {"error": None, "log_loss": 0.25}}
NOTE = {"time": 1_000, "title": "drift: error", "text": "", "tags": ["streamgauge"]}
ALERT = {"id": "t1-7", "score": 0.9, "reasons": [{"feature": "amount", "contribution": 2.0}]}
ROUTES = [
    *PAGE,
    "/metrics",
    "/api/state",
    "/api/annotations",
    "/api/alerts",
    "/api/config",
    "/healthz",
    "/readyz",
]


class Service:
    """What the web side sees of the service, and a client of the web side."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.now = 0.0
        self.health = Health(clock=lambda: self.now)
        self.state: dict[str, Any] = {}
        self.client = httpx.Client(trust_env=False)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)


@pytest.fixture(scope="module")
def served() -> Iterator[Service]:
    service = Service()
    registry = service.registry
    Counter("streamgauge_events_processed", "Events.", registry=registry).inc(7)
    Gauge("streamgauge_learning_rate", "Rate.", ["arm"], registry=registry).labels("a").set(0.3)
    app = create_app(
        registry, lambda: service.state, lambda: [NOTE], lambda: [ALERT], service.health
    )
    with serving(WebServer(app, port=0)) as address, service.client:
        service.client.base_url = httpx.URL(address)
        yield service


@pytest.fixture
def service(served: Service) -> Service:
    served.now = 0.0
    served.health.turn()
    served.health.wait("starting")
    served.state = dict(STATE)
    return served


@contextmanager
def serving(server: WebServer) -> Iterator[str]:
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


@pytest.mark.parametrize("path", [*ROUTES, "/nowhere"])
def test_every_answer_has_the_headers(service: Service, path: str) -> None:
    answer = service.get(path)
    assert answer.headers.items() >= {name.lower(): text for name, text in HEADERS.items()}.items()
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ROUTES)
def test_nothing_can_be_changed(service: Service, path: str) -> None:
    answer = service.client.post(path)
    assert answer.status_code == 405
    assert answer.headers.items() >= {"x-content-type-options": "nosniff"}.items()


@pytest.mark.parametrize(
    ("path", "media_type", "holds"),
    [
        ("/", "text/html", "<h1>Streamgauge</h1>"),
        ("/page.css", "text/css", "prefers-color-scheme: dark"),
        ("/page.js", "text/javascript", "api/stream"),
        ("/chart.js", "text/javascript", "export function drawChart"),
        ("/format.js", "text/javascript", "export const percent"),
        ("/favicon.svg", "image/svg+xml", "<svg"),
    ],
)
def test_the_page_and_its_parts(service: Service, path: str, media_type: str, holds: str) -> None:
    answer = service.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert holds in answer.text


def test_the_page_needs_nothing_that_its_policy_forbids(service: Service) -> None:
    page = service.get("/").text
    for forbidden in ("<style", "style=", "<script>", "onclick", "data:", "http://", "https://"):
        assert forbidden not in page


def test_metrics_are_prometheus_text(service: Service) -> None:
    answer = service.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    samples = {sample.name: sample for family in families for sample in family.samples}
    assert samples["streamgauge_events_processed_total"].value == 7
    assert samples["streamgauge_learning_rate"].labels == {"arm": "a"}


def test_metrics_are_openmetrics_when_asked_for(service: Service) -> None:
    answer = service.get("/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = openmetrics.text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
    assert [family.name for family in families] == [
        "streamgauge_events_processed",
        "streamgauge_learning_rate",
    ]


@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain"])
def test_a_strange_version_gets_plain_metrics(service: Service, kind: str) -> None:
    answer = service.get("/metrics", accept=f"{kind}; version=strange")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_the_state_is_asked_anew_each_time(service: Service) -> None:
    service.health.took(1, 0)
    assert service.get("/api/state").json() == {
        **STATE,
        "alive": True,
        "waiting_for": "",
        "takes_labels": False,
    }
    service.state["events"] = 8
    assert service.get("/api/state").json()["events"] == 8


def test_drifts_are_annotations(service: Service) -> None:
    assert service.get("/api/annotations").json() == [NOTE]


def test_alive_until_the_loop_stalls(service: Service) -> None:
    answer = service.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    service.now = TURN
    answer = service.get("/healthz")
    assert (answer.status_code, answer.text) == (503, "no turn of the loop for 30 s\n")
    assert service.get("/api/state").json()["alive"] is False
    service.health.turn()
    assert service.get("/healthz").status_code == 200


def test_ready_once_records_are_processed(service: Service) -> None:
    answer = service.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "starting\n")
    service.health.wait("no broker at 127.0.0.1:9\n  trying again")
    answer = service.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "no broker at 127.0.0.1:9 trying again\n")
    assert service.get("/api/state").json()["waiting_for"] == service.health.waiting_for
    service.health.took(1, 0)
    answer = service.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")


def test_an_unknown_path_says_no_more_than_that(service: Service) -> None:
    for path in ("/nowhere", "/api", "/page.html", "/../app.py", "/%2e%2e/app.py"):
        answer = service.get(path)
        assert (answer.status_code, answer.text) == (404, "Not Found")


def test_a_failure_goes_to_the_log_and_not_to_the_client(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.state["events"] = float("nan")  # which is no JSON
    answer = service.get("/api/state")
    assert answer.status_code == 500
    assert answer.text == "internal error, see the log of the service\n"
    assert answer.headers.items() >= {name.lower(): text for name, text in HEADERS.items()}.items()
    assert "JSON compliant" in caplog.text
    assert service.get("/healthz").status_code == 200


def app() -> Any:
    return create_app(CollectorRegistry(), lambda: STATE, lambda: [NOTE], lambda: [ALERT], Health())


def test_signals_stay_the_programs_own() -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    with serving(WebServer(app(), port=0)):
        assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_scrape_leaves_no_line(service: Service, capfd: pytest.CaptureFixture[str]) -> None:
    service.get("/metrics")
    service.get("/nowhere")
    assert capfd.readouterr() == ("", "")


def test_stop_is_quick_with_nobody_there() -> None:
    server = WebServer(app(), port=0)
    server.start()
    assert seconds_to_stop(server) < 1.0
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.address, trust_env=False)
    server.stop()  # once more does no harm


def test_stop_is_quick_with_clients_connected() -> None:
    server = WebServer(app(), port=0)
    server.start()
    port = int(server.address.rpartition(":")[2])
    with (
        httpx.Client(base_url=server.address, trust_env=False) as idle,
        socket.create_connection(("127.0.0.1", port)) as silent,
        socket.create_connection(("127.0.0.1", port)) as slow,
    ):
        assert idle.get("/readyz").status_code == 503
        silent.sendall(b"GET /metr")
        assert seconds_to_stop(server) < 1.0
        assert slow.recv(1) == b""


def events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """Messages of a stream of server-sent events."""
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_the_figures_come_once_a_second_and_are_asked_for_once_for_all() -> None:
    asked = []

    def state() -> dict[str, Any]:
        asked.append(time.monotonic())
        return {"events": len(asked)}

    made = create_app(CollectorRegistry(), state, list, list, Health())
    with serving(WebServer(made, port=0)) as address, contextlib.ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=address, trust_env=False))
        answers = [stack.enter_context(client.stream("GET", "/api/stream")) for _ in range(8)]
        assert answers[0].headers["Content-Type"].startswith("text/event-stream")
        readers = [events(answer) for answer in answers]
        for _ in range(3):
            for reader in readers:
                assert next(reader)["events"] >= 1
    assert 3 <= len(asked) <= 5
    assert asked[2] - asked[0] > 1.5


def test_stop_is_quick_with_pages_open() -> None:
    server = WebServer(app(), port=0)
    server.start()
    with (
        httpx.Client(base_url=server.address, trust_env=False) as client,
        client.stream("GET", "/api/stream") as answer,
    ):
        assert next(events(answer))["events"] == 7
        assert seconds_to_stop(server) < 1.0


def test_the_last_alerts(service: Service) -> None:
    assert service.get("/api/alerts").json() == [ALERT]


def test_stop_is_quick_with_a_client_that_does_not_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = WebServer(app(), port=0)
    server.start()
    port = int(server.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as greedy:
        greedy.settimeout(0.2)
        with pytest.raises(TimeoutError):
            ask_without_end(greedy)
        assert seconds_to_stop(server) < 1.0
    assert caplog.text == ""


def test_stop_before_start_frees_the_port() -> None:
    server = WebServer(app(), port=0)
    server.stop()
    with serving(WebServer(app(), port=int(server.address.rpartition(":")[2]))) as address:
        assert address == server.address


def test_a_restart_takes_the_port_at_once() -> None:
    first = WebServer(app(), port=0)
    with serving(first), httpx.Client(base_url=first.address, trust_env=False) as client:
        client.get("/healthz")
    with serving(WebServer(app(), port=int(first.address.rpartition(":")[2]))) as address:
        assert httpx.get(f"{address}/healthz", trust_env=False).status_code == 200


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StreamgaugeError) as caught:
            WebServer(app(), port=port)
    line = f"http.port = {port}: in use on 127.0.0.1; choose another, or 0 for any that is free"
    assert str(caught.value) == line


@pytest.mark.parametrize("host", ["192.0.2.1", "no..host"])
def test_a_host_that_is_not_ours_is_one_clear_line(host: str) -> None:
    with pytest.raises(StreamgaugeError) as caught:
        WebServer(app(), host=host, port=0)
    assert str(caught.value).startswith(f'http.host = "{host}": not a')


def test_the_address_can_be_followed_when_listening_everywhere() -> None:
    with serving(WebServer(app(), host="0.0.0.0", port=0)) as address:
        assert address.startswith("http://127.0.0.1:")
        assert httpx.get(f"{address}/healthz", trust_env=False).text == "ok\n"


def ask_without_end(client: socket.socket) -> None:
    while True:
        client.sendall(b"GET /page.js HTTP/1.1\r\nHost: me\r\n\r\n" * 100)


def seconds_to_stop(server: WebServer) -> float:
    start = time.perf_counter()
    server.stop()
    return time.perf_counter() - start
