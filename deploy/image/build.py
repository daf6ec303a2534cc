"""`python -m deploy.image.build`: the Dockerfile as it is into an image, without a Docker engine.

Debian's `mmdebstrap` makes a base image that has Python, once, and its `buildah` builds on that
one, with layers that it keeps. Needs root, as both do here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEBIAN = "bookworm"
BASE = f"localhost/streamgauge-base:{DEBIAN}"
IMAGE = "localhost/streamgauge:test"
PACKAGES = "python3,python3-venv,ca-certificates"
BUILD = ["buildah", "bud", "--isolation", "chroot", "--format", "docker"]  # which has HEALTHCHECK
# So that pip trusts in the build whom it trusts on this machine, as behind a company's proxy.
TRUST = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")


def base(cache: Path) -> None:
    """Make the base image, if it is not there."""
    if subprocess.run(["buildah", "inspect", BASE], capture_output=True, check=False).returncode:
        tar = cache / f"{DEBIAN}.tar"
        if not tar.exists():
            partial = tar.with_suffix(".part.tar")
            options = ["--quiet", "--variant=minbase", f"--include={PACKAGES}"]
            _run("mmdebstrap", *options, DEBIAN, partial)
            partial.rename(tar)
        recipe = cache / "Dockerfile.base"
        recipe.write_text(f"FROM scratch\nADD {tar.name} /\n", encoding="utf-8")
        _run(*BUILD, "--quiet", "--tag", BASE, "--file", recipe, cache)


def image(cache: Path) -> None:
    """Build ours on it; the layers of an earlier build serve where nothing has changed."""
    base(cache)
    mounts = [f"--volume={path}:{path}:ro" for path in TRUST if Path(path).exists()]
    options = ["--layers", "--network", "host", *mounts, "--build-arg", f"PYTHON_IMAGE={BASE}"]
    _run(*BUILD, *options, "--tag", IMAGE, ROOT)


def _run(*command: str | Path) -> None:
    status = subprocess.run(command, check=False).returncode
    if status:
        sys.exit(f"{command[0]} ended with {status}")


def main(arguments: Sequence[str]) -> None:
    """Build, and say what it is called."""
    if arguments:
        sys.exit(__doc__)
    missing = [program for program in ("mmdebstrap", "buildah") if not shutil.which(program)]
    if missing:
        sys.exit(f"not installed: apt-get install {' '.join(missing)}")
    if os.geteuid():
        sys.exit("only root may do this: it mounts file systems")
    cache = Path(os.environ.get("STREAMGAUGE_CACHE") or "~/.cache/streamgauge").expanduser()
    cache = cache / "image"
    cache.mkdir(parents=True, exist_ok=True)
    image(cache)
    print(IMAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
