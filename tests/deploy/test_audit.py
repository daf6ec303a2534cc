"""The audit tells apart: fine, bad, and not asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy import audit


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_service_that_knows_the_bad_release_is_asked() -> None:
    with answering(json.dumps({"vulns": [{"id": "PYSEC-2019-217"}]}).encode()) as url:
        assert audit.silent(url) == ""


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"vulns": []}'])
def test_a_service_that_knows_nothing_is_no_good_news(body: bytes) -> None:
    with answering(body) as url:
        assert "knows nothing bad" in audit.silent(url)


def test_a_service_that_is_not_there_is_named() -> None:
    assert audit.silent("http://127.0.0.1:1/").startswith("http://127.0.0.1:1/ cannot be reached")


def test_what_is_installed_is_what_is_pinned() -> None:
    pins = audit.pinned(audit.PINS.read_text())
    here = audit.installed()
    assert "kafka-python" in here
    assert "streamgauge" not in here
    # Extras that are not of `dev` may be installed in another version by hand, nothing else.
    assert [line for line in audit.unpinned(here, pins) if "nothing is pinned" not in line] == []
    assert audit.unfit() == []


def test_a_package_of_another_version_is_found() -> None:
    pins = audit.pinned("# comment\nTyping_Extensions==1.0\nplotly==7\n")
    assert audit.unpinned({"typing-extensions": "1.1", "plotly": "7"}, pins) == [
        "typing-extensions 1.1 is installed, 1.0 is pinned"
    ]
