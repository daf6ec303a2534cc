"""Who is no help in saying why: nobody, somebody who is silent, and somebody who hangs up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from stream import knock
from stream.commands import run
from stream.config import Kafka
from stream.credentials import Credentials
from stream.errors import BrokerError, BrokerRefusedError
from stream.security import Security
from tests.live.service import free_port

ALERT = b"\x15\x03\x03\x00\x02\x02\x50"  # what TLS says to who does not talk TLS


@contextmanager
def answering(act: Callable[[socket.socket], object]) -> Iterator[str]:
    """The address of a server that does this to each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    act(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def ask(bootstrap: str) -> None:
    knock.knock(Kafka(bootstrap=bootstrap), Credentials(Security()))


def test_nobody_there_is_for_the_client_to_say() -> None:
    for bootstrap in (f"127.0.0.1:{free_port()}", "no..host:1", "no port", ":", "127.0.0.1:99999"):
        ask(bootstrap)


def test_somebody_who_hangs_up_may_be_starting_and_is_waited_for() -> None:
    with answering(lambda connection: connection.recv(1_000)) as bootstrap:
        with pytest.raises(BrokerError, match=r"hangs up: perhaps kafka\.security") as told:
            ask(bootstrap)
        assert not isinstance(told.value, BrokerRefusedError)
        run._knock(Kafka(bootstrap=bootstrap))
        with pytest.raises(BrokerError, match="hangs up"):  # nor does the one who is away
            ask(f"127.0.0.1:{free_port()}, {bootstrap}")


def test_somebody_who_talks_otherwise_is_named_with_the_key() -> None:
    with (
        answering(
            lambda connection: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x50")
        ) as bootstrap,
        pytest.raises(BrokerRefusedError, match=r"talks otherwise: kafka\.security\.protocol"),
    ):
        ask(bootstrap)


def test_somebody_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knock, "PATIENCE", 0.1)
    done = threading.Event()
    with answering(lambda _: done.wait(5)) as bootstrap:
        ask(bootstrap)
        done.set()
