"""Known holes in what is installed: `make audit`.

Three questions, of which the last needs a service that knows advisories: do the installed packages
fit together, are they the pinned ones, and is anything bad known of those. Whether that service
knows anything is tried first, on a release that is known to be bad: a mirror that answers with
nothing would else pass for good news.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "constraints.txt"
TOOL = ROOT / ".venv-audit"
AUDITOR = "pip-audit==2.10.1"
SERVICE = "https://api.osv.dev/v1/query"
# CVE-2019-10906 and others
KNOWN_BAD = {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.10"}
OURS = "streamgauge"
TOOLS = {"pip", "setuptools", "wheel"}  # come with the virtual environment


def main() -> None:
    """Say what is known; exit with 1 if that is bad, or in CI if it could not be asked for."""
    problems = [*unfit(), *unpinned(installed(), pinned(PINS.read_text()))]
    for problem in problems:
        print(problem)
    print(f"packages that fit together, as pinned in {PINS.name}: {'no' if problems else 'yes'}")
    silence = silent(SERVICE)
    if silence:
        print(f"known holes: NOT ASKED FOR. {silence}")
        sys.exit(1 if problems or os.environ.get("CI") else 0)
    sys.exit(1 if holes() or problems else 0)


def unfit() -> list[str]:
    """What pip finds amiss between the installed packages."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines() if done.returncode else []


def installed() -> dict[str, str]:
    """Versions of what is installed here, ourselves and the tools aside."""
    found = {_plain(each.metadata["Name"]): each.version.lstrip("v") for each in distributions()}
    return {name: version for name, version in found.items() if name not in {OURS, *TOOLS}}


def pinned(text: str) -> dict[str, str]:
    """Versions in a constraints file."""
    lines = (line.partition("==") for line in text.splitlines() if not line.startswith("#"))
    return {_plain(name): version for name, _, version in lines if version}


def unpinned(here: Mapping[str, str], pins: Mapping[str, str]) -> list[str]:
    """Which of the installed packages are not the pinned ones.

    >>> unpinned({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "1"})
    ['b 2 is installed, 1 is pinned', 'c 3 is installed, nothing is pinned']
    """
    return [
        f"{name} {version} is installed, {pins.get(name, 'nothing')} is pinned"
        for name, version in sorted(here.items())
        if pins.get(name) != version
    ]


def silent(url: str) -> str:
    """Why a service that should know of a bad release is of no use; empty if it knows."""
    try:
        answer = httpx.post(url, json=KNOWN_BAD, timeout=10, follow_redirects=True)
        known = answer.json().get("vulns")
    except httpx.HTTPError as error:
        return f"{url} cannot be reached: {error}"
    except (ValueError, AttributeError):
        known = None
    return "" if known else f"{url} knows nothing bad of a release that is known to be bad"


def holes() -> bool:
    """Whether pip-audit, which runs in an environment of its own, knows of any."""
    if not TOOL.is_dir():
        subprocess.run([sys.executable, "-m", "venv", TOOL], check=True)
        subprocess.run([TOOL / "bin" / "pip", "install", "--quiet", AUDITOR], check=True)
    options = [
        "--no-deps",
        "--disable-pip",
        "--progress-spinner=off",
        "--vulnerability-service=osv",
    ]
    command = [str(TOOL / "bin" / "pip-audit"), f"--requirement={PINS}", *options]
    return subprocess.run(command, check=False).returncode != 0


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
