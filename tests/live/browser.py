"""Debian's Chromium, driven by Playwright: what a page shows, asks for and complains of."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def miss(why: str) -> None:
    """Skip a test; in CI nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def chromium(folder: Path, **options: Any) -> Iterator[BrowserContext]:
    """A browser with a profile of its own."""
    program = shutil.which("chromium")
    if not program:
        miss("not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(folder), executable_path=program, headless=True, args=FLAGS, **options
        )
        try:
            yield context
        finally:
            context.close()


class Watched:
    """A page, with all that it asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._asked)
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self._said("error", str(error)))

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()


def axe(folder: Path) -> str:
    """The source of axe-core, from npm."""
    command = ["npm", "install", "--silent", "--no-save", "--prefix", str(folder), "axe-core@4"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        miss(f"no axe-core from npm: {error}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(page: Page, source: str) -> list[str]:
    """What axe-core finds wrong, by the rules of WCAG 2.1 A and AA and its best practices."""
    page.evaluate(source)
    found = page.evaluate("() => axe.run(document)")
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
