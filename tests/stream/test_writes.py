"""What needs the token, over HTTPS and real sockets."""

from __future__ import annotations

import hmac
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from stream import tls
from stream.commands import run
from stream.errors import BrokerError, ConfigError
from stream.health import Health
from stream.web import connections, writes
from stream.web.app import HEADERS, create_app
from stream.web.server import WebServer
from stream.web.settings import Http
from stream.web.writes import MOST_BYTES, Writes
from tests.certificates import authority, pair

TOKEN = "hunter2"
PATHS = ["/api/score", "/api/labels"]


def act(body: bytes) -> bytes:
    """What a write does, or how it fails."""
    if body == b"bad":
        raise ValueError("id: expected a text")
    if body == b"away":
        raise BrokerError("no answer from 127.0.0.1:9")
    if body == b"bug":
        raise KeyError("a secret of the inside")
    return b'"done"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("https")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    ours, ca = authority(folder, "ca")
    files = pair(ours, folder, "web", "127.0.0.1")
    shown = tls.server("http", str(files.certificate), str(files.key), "")
    app = create_app(
        CollectorRegistry(), dict, list, list, Health(), Writes(TOKEN, act, act), {"kind": "emails"}
    )
    server = WebServer(app, port=0, tls=shown)
    server.start()
    trust = tls.client("test", str(ca))
    with httpx.Client(base_url=server.address, verify=trust, trust_env=False) as known:
        yield known
    server.stop()


def post(client: httpx.Client, path: str, body: bytes, token: str = TOKEN) -> httpx.Response:
    answer = client.post(
        path, content=body, headers={b"Authorization": f"Bearer {token}".encode("latin-1")}
    )
    expected = {name.lower(): text for name, text in HEADERS.items()}
    assert answer.headers.items() >= expected.items()
    assert TOKEN not in answer.text
    return answer


def test_it_is_https(client: httpx.Client) -> None:
    assert str(client.base_url).startswith("https://127.0.0.1:")
    assert client.get("/healthz").text == "ok\n"
    stranger = httpx.Client(base_url=client.base_url, trust_env=False)
    with stranger, pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        stranger.get("/healthz")
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: me\r\n\r\n")
        assert b"ok" not in plain.recv(100)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_without_the_token(client: httpx.Client, path: str) -> None:
    refused = client.post(path, content=b"{}")
    assert (refused.status_code, refused.text) == (401, "the token is missing or wrong\n")
    for token in ("x", "hunter", "hunter22", "Hunter2", "\xff"):
        assert post(client, path, b"{}", token).status_code == 401
    assert post(client, path, b"{}").is_success
    assert client.get(path).status_code == 405


def test_the_token_is_compared_in_constant_time(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return hmac.compare_digest(a, b)

    monkeypatch.setattr(writes, "hmac", type("Noting", (), {"compare_digest": compare}))
    post(client, PATHS[0], b"{}", "wrong")
    assert compared == [(b"wrong", TOKEN.encode())]


@pytest.mark.parametrize("path", PATHS)
def test_no_body_is_too_large_for_the_memory(client: httpx.Client, path: str) -> None:
    assert post(client, path, b" " * MOST_BYTES).is_success

    def endless() -> Iterator[bytes]:
        for _ in range(4):
            yield b" " * (MOST_BYTES // 2)

    for body in (b" " * (MOST_BYTES + 1), endless()):
        answer = client.post(path, content=body, headers={"Authorization": f"Bearer {TOKEN}"})
        assert (answer.status_code, answer.text) == (413, f"more than {MOST_BYTES} bytes\n")


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"bad", 400, "id: expected a text\n"),
        (b"away", 503, "no answer from 127.0.0.1:9\n"),
        (b"bug", 500, "internal error, see the log of the service\n"),
    ],
)
def test_a_failure_shows_no_trace(
    client: httpx.Client, body: bytes, status: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = post(client, PATHS[0], body)
    assert (answer.status_code, answer.text) == (status, text)
    assert ("a secret of the inside" in caplog.text) == (status == 500)


def test_without_a_token_there_is_nothing_to_ask() -> None:
    app = create_app(CollectorRegistry(), dict, list, list, Health())
    paths = {getattr(route, "path", "") for route in app.routes}
    assert not paths & set(PATHS)


def test_one_connection_too_many_is_cut_off(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = WebServer(create_app(CollectorRegistry(), dict, list, list, Health()), port=0)
    monkeypatch.setattr(connections, "MOST", 3)
    server.start()
    port = int(server.address.rpartition(":")[2])
    ask = b"GET /healthz HTTP/1.1\r\nHost: me\r\n\r\n"
    opened = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(3)]
    try:
        for each in opened:
            each.sendall(ask)
            assert each.recv(15) == b"HTTP/1.1 200 OK"
        assert not answered(port, ask)
        opened.pop().close()
        deadline = time.monotonic() + 10
        while not answered(port, ask):  # until the server has noticed that one is gone
            assert time.monotonic() < deadline
    finally:
        for each in opened:
            each.close()
        server.stop()


def answered(port: int, ask: bytes) -> bytes:
    """What a new connection gets, if it gets anything."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(ask)
            return connection.recv(100)
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    ("host", "here"),
    [
        (Http().host, True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("example.com", False),
    ],
)
def test_whether_others_can_reach_it(host: str, here: bool) -> None:
    assert Http(host=host).stays_here == here


def test_a_token_in_clear_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    for host, certificate in [("127.0.0.1", ""), ("0.0.0.0", "c.pem")]:
        given = Http(
            host=host, token_env="TOKEN", certificate_file=certificate, key_file=certificate
        )
        assert run._token(given) == TOKEN
    run._token(Http(host="0.0.0.0"))
    assert caplog.text == ""
    run._token(Http(host="0.0.0.0", token_env="TOKEN"))
    assert 'http.host = "0.0.0.0": the token goes in clear' in caplog.text
    assert TOKEN not in caplog.text


def test_a_certificate_of_the_config_is_shown(folder: Path) -> None:
    files = pair(authority(folder, "ca-2")[0], folder, "web-2", "127.0.0.1", TOKEN)
    (folder / "password").write_text(TOKEN)
    certificate = str(files.certificate)
    assert run._tls(Http()) is None
    assert run._tls(Http(certificate_file=certificate, key_file=str(files.key)))
    locked = Http(certificate_file=certificate, key_file=str(files.locked),
                  key_password_file=str(folder / "password"))  # fmt: skip
    assert run._tls(locked)
    with pytest.raises(ConfigError, match=r'^http.key_file = "/no/such": No such file'):
        run._tls(Http(certificate_file=certificate, key_file="/no/such"))
