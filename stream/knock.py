"""Whether the broker is who we think, and lets us in: asked once, by hand, before any client.

A client tries again whatever the broker says, and what it says is lost on the way: kafka-python
throws away the last words of a connection that is closed after them. So this connects, and names
the key of the config that a refusal is about.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

from kafka.errors import IllegalSaslStateError, KafkaError, KafkaProtocolError, for_code
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from stream.config import Kafka
from stream.credentials import Credentials
from stream.errors import BrokerError, BrokerRefusedError
from stream.kafka_python_security import security
from stream.security import Security

KEY = "kafka.security"
PATIENCE = 5.0  # seconds for each answer
BLOCK = 65_536  # bytes read at a time
WRONG_NAME = (62, 64)  # OpenSSL's numbers: not this host name, not this address


def knock(kafka: Kafka, credentials: Credentials) -> None:
    """Return if a broker that can be reached lets us in, or says nothing, or if there is none.

    Raises
    ------
    BrokerRefusedError
        If it does not, naming the key to mend.
    BrokerError
        If all that can be reached hang up without a word: they may be starting.
    """
    silence = None
    for server in kafka.bootstrap.split(","):
        host, _, port = server.strip().rpartition(":")
        host = host.strip("[]")
        try:
            connection = socket.create_connection((host, int(port)), PATIENCE)
        except (OSError, ValueError, OverflowError):
            continue  # who cannot be reached is for the client to say
        with connection:
            try:
                _enter(connection, host, credentials)
            except _Refused as refused:
                if credentials.tokens:
                    credentials.tokens.forget()
                raise BrokerRefusedError(f"{server.strip()} {refused}") from None
            except ConnectionError:
                expected = f"perhaps {_protocol(credentials.security)} is not what it expects"
                silence = BrokerError(f"{server.strip()} hangs up: {expected}")
                continue
            except (KafkaError, OSError):
                pass  # no word on us; the client will see
            return
    if silence:
        raise silence


class _Refused(Exception):  # noqa: N818 - ends a sentence that begins with the broker's address
    pass


def _enter(connection: socket.socket, host: str, credentials: Credentials) -> None:
    s = credentials.security
    try:
        if credentials.context:
            connection = credentials.context.wrap_socket(connection, server_hostname=host)
        with connection:
            talk = _Talk(connection)
            if s.sasl:
                _authenticate(talk, s, security(credentials))
            # Who is let in may ask this. It is asked without SASL too: a certificate is refused at
            # the first read only, and so is somebody who should have given a name.
            talk.ask(MetadataRequest[4](topics=[], allow_auto_topic_creation=False))
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in WRONG_NAME:
            why = f"has a certificate of another name than {host}, see kafka.bootstrap"
        else:
            ca = f'{KEY}.ca_file = "{s.ca_file}"' if s.ca_file else f"the system, or {KEY}.ca_file,"
            why = f"has a certificate that {ca} does not vouch for"
        raise _Refused(f"{why}: {error.verify_message}") from None
    except ssl.SSLEOFError:
        raise ConnectionError from None
    except KafkaProtocolError:
        raise _Refused(f"talks otherwise: {_protocol(s)} is not what it expects") from None
    except ssl.SSLError as error:
        reason = (error.reason or "").lower().replace("_", " ")
        if "alert" not in reason:
            raise _Refused(f"does not talk TLS: {_protocol(s)} is not what it expects") from None
        with_what = f' = "{s.certificate_file}"' if s.certificate_file else ", which is not set"
        alert = reason.rpartition("alert ")[2]
        raise _Refused(f"refused {KEY}.certificate_file{with_what}: {alert}") from None


def _authenticate(talk: _Talk, s: Security, settings: dict[str, Any]) -> None:
    """Give a name and prove it. What the broker says of it is not told: it may quote a token."""
    offer = talk.ask(SaslHandshakeRequest[1](mechanism=s.mechanism))
    if for_code(offer.error_code) is IllegalSaslStateError:
        raise _Refused(f"wants no name: {_protocol(s)} is not what it expects")
    if s.mechanism not in offer.mechanisms:
        has = ", ".join(offer.mechanisms) or "none"
        raise _Refused(f'refused {KEY}.mechanism = "{s.mechanism}": it has {has}')
    mechanism = get_sasl_mechanism(s.mechanism)(host="", **settings)
    while not mechanism.is_done():
        answer = talk.ask(SaslAuthenticateRequest[1](mechanism.auth_bytes()))
        if answer.error_code:
            raise _Refused(f"refused us{_by(s)}")
        try:
            mechanism.receive(answer.auth_bytes)
        except ValueError:  # SCRAM works both ways
            raise _Refused(f"could not prove that it knows the password{_by(s)}") from None
    if not mechanism.is_authenticated():
        raise _Refused(f"refused us{_by(s)}")


def _by(s: Security) -> str:
    """Who we said we are, and where the proof of it came from."""
    if s.token_command:
        return f' with a token of {KEY}.token_command = ["{s.token_command[0]}", ...]'
    kind, where = ("file", s.password_file) if s.password_file else ("env", s.password_env)
    return f' as {KEY}.username = "{s.username}" with {KEY}.password_{kind} = "{where}"'


def _protocol(s: Security) -> str:
    return f'{KEY}.protocol = "{s.protocol}"'


class _Talk:
    """Requests and answers over a connection, one at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._words = KafkaProtocol(client_id="streamgauge", receive_message_max_bytes=2**20)

    def ask(self, request: Any) -> Any:
        """The answer to a request."""
        self._words.send_request(request)
        self._connection.sendall(self._words.send_bytes())
        while True:
            heard = self._connection.recv(BLOCK)
            if not heard:
                raise ConnectionError
            for _, answer in self._words.receive_bytes(heard):
                return answer
