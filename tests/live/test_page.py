"""The live page in a real browser, before a service that lives on a real broker."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from stream.generate import Stream, transactions
from tests.live.browser import Watched, axe, chromium, violations
from tests.live.service import Service, Stage, eventually, free_port

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

DELAY = 3_600.0
TURNS = 3_000
TOKEN = "open-sesame"
SECTIONS = """\
kind = "transactions"
[features]
max_keys = 10000
[[challengers]]
name = "slow"
schedule = { name = "time", rate = 0.1, k = 0.01 }
"""
SIZES = {"phone": (390, 844), "wall": (1600, 900)}


def feed(stage: Stage, first: int, last: int) -> None:
    """Some of a stream, labels at once; from number 3,000 on what was fraud is none, and back."""
    made = list(transactions(Stream(events=last, fraud=0.05)))
    events, labels = [], []
    for n, event in enumerate(made[first:], start=first):
        at = round(event["ts"] * 1000)
        truth = event.pop("label") ^ (n >= TURNS)
        label = {"id": event["id"], "label": truth, "ts": event["ts"] + DELAY}
        events.append((json.dumps(event).encode(), 0, at))
        labels.append((json.dumps(label).encode(), 0, at))
    stage.produce("events", events)
    stage.produce("labels", labels)


def number(text: str) -> int:
    return int(re.sub(r"[^0-9]", "", text) or -1)


def pictures(page: Page, folder: Path) -> None:
    """The page in both sizes and both colours, as files to look at; nothing is cut off."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for name, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
            wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wider <= 0, f"{name}: {wider} pixels too wide"


def labels_by_hand(url: str, token: str, body: bytes) -> int:
    """Status of a label sent to the service."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    path = f"{url}/api/labels"
    return httpx.post(path, content=body, headers=headers, trust_env=False).status_code


def asks_for_scores(stage: Stage, service: Service) -> None:
    """An event is scored as the service would score it next, and it is not learned."""
    made = list(transactions(Stream(events=5_001, fraud=0.05)))[5_000]
    at = round(made["ts"] * 1000)
    del made["label"]
    before = service.state()

    def ask(body: bytes, token: str = TOKEN) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{service.url}/api/score"
        return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30)

    assert ask(b"{}", "wrong").status_code == 401
    assert ask(b"{}").json()["reason"] == "missing_field"
    event = json.dumps(made).encode()
    first, second = ask(event).json(), ask(event).json()
    assert first == second
    assert len(first["reasons"]) >= 5
    assert service.state()["fingerprint"] == before["fingerprint"]
    stage.produce("events", [(event, 0, at)])
    given = json.loads(stage.read("scores", 5_001)[-1].value)
    assert {name: first[name] for name in given} == given


def gives_feedback(page: Page, stage: Stage, url: str, identity: str) -> None:
    """By the button of the alert that is open, and by hand; what is wrong goes nowhere."""
    alert = page.locator("#alert-list details[open]")
    said = alert.locator("[role=status]")
    before = len(stage.read("labels", 5_000))
    alert.get_by_role("button", name="False alarm").click()
    page.fill("#token", "wrong")
    page.get_by_role("button", name="Send").click()
    expect(said).to_contain_text("the token is missing")
    alert.get_by_role("button", name="False alarm").click()
    page.fill("#token", TOKEN)
    page.get_by_role("button", name="Send").click()
    expect(said).to_have_text("noted")
    alert.get_by_role("button", name="It was one").click()  # the token is remembered
    expect(said).to_have_text("noted")
    for token, body, status in (
        ("", b'{"id":"a","label":1}', 401), ("wrong", b'{"id":"a","label":1}', 401),
        (TOKEN, b"?", 400), (TOKEN, b'{"id":"a"}', 400), (TOKEN, b'{"id":"a","label":2}', 400),
        (TOKEN, b'{"id":"","label":1}', 400), (TOKEN, b'{"id":"a","label":1,"x":1}', 400),
        (TOKEN, b"[" * 4_000, 400), (TOKEN, b" " * 1_100_000, 413),
    ):  # fmt: skip
        assert labels_by_hand(url, token, body) == status, body[:50]
    records = stage.read("labels", before + 2)
    assert len(records) == before + 2
    assert [json.loads(record.value) for record in records[before:]] == [
        {"id": identity, "label": 0, "source": "page"},
        {"id": identity, "label": 1, "source": "page"},
    ]


def test_the_page_shows_what_the_service_does(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGE_TOKEN", TOKEN)
    stage, port = Stage(kafka, tmp_path, sections=SECTIONS), free_port()
    source = axe(tmp_path)
    settings = ("--set", f"http.port={port}", "--set", "http.token_env=PAGE_TOKEN")
    with (
        chromium(tmp_path / "profile") as browser,
        stage.service(*settings) as service,
    ):
        service.wait_until_ready()
        watched = Watched(browser.new_page())
        page = watched.page
        page.goto(service.url)
        expect(page.locator("#status")).to_have_text("Ready", timeout=20_000)
        expect(page.locator("#no-alerts")).to_be_visible()

        feed(stage, 0, 1_900)
        expect(page.locator("#events")).to_have_text("1,900", timeout=30_000)
        expect(page.locator("#right")).to_contain_text("error")
        feed(stage, 1_900, 5_000)
        expect(page.locator("#events")).to_have_text("5,000", timeout=30_000)
        expect(page.locator("#recent")).to_contain_text("drift of error", timeout=10_000)
        expect(page.locator("#drift")).to_contain_text(re.compile(r"\d+ drift"))
        assert page.locator("#error-chart .drift").count() >= 1

        alerts = page.locator("#alert-list details")
        shown = alerts.count()
        assert shown == min(100, number(watched.text("#alerts")))
        first = alerts.first
        assert first.locator("table").is_hidden()
        first.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(first.locator("table")).to_be_visible()
        rows = first.locator("tbody tr")
        assert rows.count() >= 5
        logit = sum(
            float(text.replace("\u2212", "-").replace("+", ""))
            for text in first.locator("tbody td:last-child").all_inner_texts()
        )
        score = float(first.locator(".score").inner_text())
        assert 0.0 < score <= 1.0  # as shown, rounded
        assert logit > 0.0 or score < 0.5
        identity = first.locator(".id").inner_text()
        assert watched.complaints == []
        asks_for_scores(stage, service)
        expect(page.locator("#events")).to_have_text("5,001", timeout=10_000)
        gives_feedback(page, stage, service.url, identity)
        watched.complaints.clear()  # the browser notes each answer of 401
        page.fill("#alert-filter", identity)
        expect(page.locator("#alert-list details .id")).to_have_text([identity])
        page.fill("#alert-filter", "no such reason")
        expect(page.locator("#no-alerts")).to_be_visible()
        page.fill("#alert-filter", "")
        expect(alerts).to_have_count(min(100, number(watched.text("#alerts"))))
        expect(page.locator("#arms")).to_contain_text("champion (leads)")
        expect(page.locator("#rate-legend span")).to_have_text(["champion", "slow"])
        said = page.locator("#rate-chart").get_attribute("aria-label")
        assert said
        assert "champion 0.300, slow 0.00" in said
        expect(page.locator("#fingerprint")).to_contain_text(service.state()["fingerprint"])

        expect(page.locator("#scores")).to_contain_text("threshold")
        told = service.get("/api/config").json()
        assert told["challengers"][0]["name"] == "slow"
        assert TOKEN not in json.dumps(told)

        page.emulate_media(color_scheme="light")
        assert violations(page, source) == []
        page.click("#theme")
        page.click("#theme")
        expect(page.locator("#theme")).to_have_text("Colours: dark")
        assert violations(page, source) == []
        page.click("#theme")
        pictures(page, tmp_path)

        assert {urlsplit(url).netloc for url in watched.requests} == {f"127.0.0.1:{port}"}
        assert watched.complaints == []

        assert service.signal(signal.SIGTERM) == 0, service.log
        expect(page.locator("#status")).to_have_text("Stale", timeout=10_000)
        with stage.service(*settings) as again:
            expect(page.locator("#status")).to_have_text("Ready", timeout=40_000)
            eventually(lambda: page.locator("#events").inner_text() == "5,001", "its figures", 20)
            assert TOKEN not in again.log
            assert again.signal(signal.SIGTERM) == 0, again.log
