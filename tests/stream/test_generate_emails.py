"""Generated mails are real mails, the same ones everywhere."""

from __future__ import annotations

import email
import email.policy
import hashlib
import json
from collections import Counter
from itertools import pairwise

import pytest

from stream.generate_emails import MailStream, emails


def test_the_same_seed_gives_the_same_bytes() -> None:
    whole = json.dumps(list(emails(MailStream(events=300, seed=5))))
    assert hashlib.sha256(whole.encode()).hexdigest()[:16] == "0c79ad621c651c72"
    assert json.dumps(list(emails(MailStream(events=300, seed=6)))) != whole


def test_they_are_mails_of_many_forms() -> None:
    kinds: Counter[str] = Counter()
    encodings: Counter[str] = Counter()
    for mail in emails(MailStream(events=300)):
        raw = mail["raw"].encode("latin-1")
        read = email.message_from_bytes(raw, policy=email.policy.default)
        assert not read.defects
        for part in read.walk():
            assert not part.defects
            kinds[part.get_content_type()] += 1
            encodings[part["Content-Transfer-Encoding"]] += 1
            if not part.is_multipart():
                assert part.get_content()
    assert kinds.keys() == {
        "text/plain", "text/html", "multipart/alternative", "multipart/mixed",
        "application/octet-stream",
    }  # fmt: skip
    assert encodings.keys() == {None, "base64", "quoted-printable"}


def test_the_flow_is_as_asked_for() -> None:
    made = list(emails(MailStream(events=2_000, per_day=1_000.0, spam=0.3, seed=2)))
    assert all(a["ts"] <= b["ts"] for a, b in pairwise(made))
    assert (made[-1]["ts"] - made[0]["ts"]) / 86_400.0 == pytest.approx(2.0, rel=0.1)
    assert sum(mail["label"] for mail in made) / 2_000 == pytest.approx(0.3, abs=0.04)
    assert Counter(mail["source"] for mail in made).keys() == {"user", "trap"}
    assert len({mail["id"] for mail in made}) == 2_000


def test_spam_changes_its_ways() -> None:
    def share(word: str, drift_at: float | None) -> tuple[float, float]:
        stream = MailStream(events=1_000, drift_at=drift_at, spam=1.0)
        made = [word in mail["raw"] for mail in emails(stream)]
        return sum(made[:450]) / 450, sum(made[550:]) / 450

    before, after = share("pharmacy", None)
    assert before > 0.2
    assert after < 0.02
    assert share("pharmacy", float("inf"))[1] > 0.2
    assert share("parcel", 0.0)[0] > 0.2


@pytest.mark.parametrize("wrong", [{"events": 0}, {"per_day": -1.0}, {"spam": 1.1}], ids=str)
def test_what_cannot_be(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"^{name} = .*: expected a"):
        MailStream(**wrong)  # type: ignore[arg-type]
