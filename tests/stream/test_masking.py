"""What people wrote is gone from a masked recording, and what a filter learns from it is not."""

from __future__ import annotations

import base64
import email
import json
import re
from email.message import EmailMessage
from pathlib import Path
from threading import Event

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream import build
from stream.config import parse
from stream.emails import EmailFields
from stream.events import Record
from stream.masking import Mask
from stream.record import record as write
from stream.sources.memory import MemorySource
from stream.sources.recording import RecordingSource
from stream.transactions import TransactionFields
from tests.stream.streams import email_stream, new_email_monitor, new_monitor, steps, stream

EMAILS = Mask(EmailFields(), "labels", [], b"salt")
SECRETS = ("Margarethe", "Ostermann", "golfclub", "invoice", "Zweibruecken", "confidential")


def mail(value: bytes, **headers: bytes) -> Record:
    return Record(value, "emails", 0, 0, 0, None, tuple(headers.items()))


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"] = '"Margarethe Ostermann" <margarethe@golfclub.example>'
    made["To"] = "ostermann@zweibruecken.example"
    made["Subject"] = "Confidential: the invoice für Margarethe"
    made["X-Mailer"] = "The Bat!"
    made.set_content("Dear Ostermann,\nthe invoice of 1,250 is confidential.\n", cte="base64")
    made.add_alternative(
        '<p class="invoice">Dear <b>Oster</b>mann, <a href="http://golfclub.example/invoice?'
        'who=margarethe">the&nbsp;invoice</a> <golfclub></p>',
        subtype="html",
        cte="quoted-printable",
    )
    made.add_attachment(
        b"confidential invoice " * 9, maintype="application", subtype="pdf",
        filename="invoice-ostermann.pdf",
    )  # fmt: skip
    return made


def test_nothing_that_was_written_is_left_of_a_message() -> None:
    raw = b"From margarethe@golfclub.example Mon Jun 25 13:11:28 2001\n" + message().as_bytes()
    masked = EMAILS.message(raw)

    again = email.message_from_bytes(masked.partition(b"\n")[2])
    texts = [str(v) for v in again.values()]
    for part in again.walk():
        payload = part.get_payload(decode=True)
        texts += [payload.decode("latin-1")] if isinstance(payload, bytes) else []
        texts += [str(value) for value in part.values()]
    whole = "\n".join([masked.decode("latin-1"), *texts]).lower()
    for secret in SECRETS:
        assert secret.lower() not in whole
    assert [part.get_content_type() for part in again.walk()] == [
        part.get_content_type() for part in message().walk()
    ]
    assert again["X-Mailer"] == "The Bat!"
    html = next(p for p in again.walk() if p.get_content_type() == "text/html")
    shown = html.get_payload(decode=True)
    assert isinstance(shown, bytes)
    assert re.search(rb'<p class="\w{7}">\w{4} <b>\w{5}</b>\w{4}, <a href="\w{4}://', shown)
    assert b"&nbsp;" in shown


def test_the_same_word_is_always_the_same_one() -> None:
    words = EMAILS.words(b"Invoice 1250 INVOICE 1250, invoice 77 " + b"a" * 40).split()
    assert words[0].lower() == words[2].lower().rstrip(b",") == words[4]
    assert words[0].istitle()
    assert words[2].isupper()
    assert words[1] == words[3].rstrip(b",")
    assert words[5].isdigit()
    assert len(words[6]) == 40
    assert words[6][:16] != words[6][16:32]
    assert Mask(EmailFields(), "labels", [], b"other").words(b"Invoice") != words[0]


@pytest.mark.parametrize("form", ["raw", "raw_base64", "text", "parts", "message"])
def test_all_forms_are_masked(form: str) -> None:
    raw = message().as_bytes()
    body: dict[str, object] = {"id": "Ostermann-1", "ts": 5}
    forms: dict[str, dict[str, object]] = {
        "raw": {"raw": raw.decode("latin-1")},
        "raw_base64": {"raw_base64": base64.b64encode(raw).decode()},
        "text": {"text": "Dear Ostermann, your invoice"},
        "parts": {
            "from": "ostermann@golfclub.example", "to": ["margarethe@golfclub.example"],
            "subject": "invoice", "headers": [["X-Note", "confidential"]], "body": "Zweibruecken",
        },
        "message": {},
    }  # fmt: skip
    body |= forms[form]
    if form == "message":
        given = mail(raw, id=b"Ostermann-1", ts=b"5", trace=b"golfclub")
    else:
        given = mail(msgspec.json.encode(body))
    masked = EMAILS.record(given)
    said = [masked.value, *(value for _, value in masked.headers)]
    if form == "raw_base64":
        said.append(base64.b64decode(json.loads(masked.value)["raw_base64"]))
    for secret in SECRETS:
        assert secret.lower().encode() not in b"\n".join(said).lower()
    label = EMAILS.record(Record(b'{"id":"Ostermann-1","label":1}', "labels", 0, 0, 0))
    of = json.loads(label.value)["id"]
    if form == "message":
        assert masked.headers == (("id", of.encode()), ("ts", b"5"))
    else:
        assert json.loads(masked.value)["id"] == of


@given(st.binary(max_size=200))
def test_any_bytes_are_masked(data: bytes) -> None:
    EMAILS.record(mail(data))
    EMAILS.record(mail(data, id=b"1"))
    EMAILS.message(b"Content-Type: text/html; charset=utf-16\n\n" + data)


def test_a_masked_recording_of_transactions_gives_the_same_scores(tmp_path: Path) -> None:
    records = [r for r in stream(900) if r.value.startswith(b"{")]
    fields = TransactionFields()
    mask = Mask(fields, "labels", fields.keys, b"salt").record
    out = tmp_path / "masked.jsonl"
    write(MemorySource(records, 100), new_monitor().codec, out, Event(), mask=mask)
    config = parse({}, "none")
    topics = config.kafka.topics
    source = RecordingSource([out], build.fields(config), topics.events, topics.labels)
    again: list[Record] = []
    while not source.exhausted:
        again += source.poll(0.0)
    plain, hidden = (steps(new_monitor(), each, 100) for each in (records, again))
    assert [s for o in hidden for s in o.scores] == [s for o in plain for s in o.scores]
    assert not {r.value for r in records} & {r.value for r in again}


def test_what_the_config_does_not_name_is_left_out() -> None:
    fields = TransactionFields()
    mask = Mask(fields, "labels", fields.keys, b"salt")
    event = {"id": 1, "ts": 5, "customer": "c1", "terminal": 7, "amount": 2.5, "holder": "Ost"}
    masked = json.loads(mask.record(Record(json.dumps(event).encode(), "events", 0, 0, 0)).value)
    assert set(masked) == {"id", "ts", "customer", "terminal", "amount"}
    assert (masked["ts"], masked["amount"]) == (5, 2.5)
    assert not {1, "c1", 7} & set(masked.values())


def test_a_masked_stream_of_mails_is_learned_as_well() -> None:
    records = email_stream(500)
    masked = [EMAILS.record(r) for r in records]
    plain, hidden = (steps(new_email_monitor(), each, 100) for each in (records, masked))
    losses = []
    for outcomes in (plain, hidden):
        labels = {
            int(n): int(y) for o in outcomes for n, y in zip(o.labelled, o.labels, strict=True)
        }
        said = [float(score) for o in outcomes for score in o.scores]
        losses.append(sum((said[n] > 0.5) != y for n, y in labels.items() if n > 100))
    assert losses[1] <= 2 * losses[0] + 5
