"""A container of an image as an engine would run it, as far as the kernel alone can.

Namespaces of its own for mounts and processes, the root read-only, a folder as the volume, a tmpfs
at /tmp, the image's user without any capability, its environment and its command, which is process
1. The network is the machine's. What an engine adds (cgroups, seccomp, a network) is not there.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

ENTER = Path(__file__).with_name("enter.sh")


def inspect(image: str) -> dict[str, Any]:
    """The image's config, as Docker has it."""
    about = json.loads(_out("buildah", "inspect", "--type", "image", image))
    config = about["Docker"]["config"]
    assert isinstance(config, dict)
    return config


class Container:
    """One container.

    Parameters
    ----------
    image
        What `buildah` calls it.
    volume
        A folder of the machine, in the place of the image's volume.
    log
        Where its output goes.
    command
        In the place of the image's; the entry point stays.
    mounts
        Files of the machine to be seen at places of the container, to be read.
    environment
        Beside the image's.
    """

    def __init__(
        self,
        image: str,
        volume: Path,
        log: Path,
        command: Sequence[str] | None = None,
        mounts: Mapping[Path, str] = MappingProxyType({}),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.config = inspect(image)
        self._image, self._log = image, log
        (place,) = self.config["Volumes"]
        self._binds = {str(volume): place, **{str(here): there for here, there in mounts.items()}}
        self._command = [*self.config["Entrypoint"], *(command or self.config["Cmd"])]
        own = [f"{name}={value}" for name, value in environment.items()]
        user, _, group = self.config["User"].partition(":")
        self._as = ["env", "-i", "-C", self.config["WorkingDir"], *self.config["Env"], *own]
        self._as += ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        self._as += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]

    def __enter__(self) -> Self:
        self._name = _out("buildah", "from", self._image)
        root = _out("buildah", "mount", self._name)
        binds = [f"{here}:{there}" for here, there in self._binds.items()]
        isolate = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [*isolate, ENTER, root, *binds, "--", *self._as, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # and with it process 1, so all of them
        self._process.wait()
        _out("buildah", "rm", self._name)

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command inside, as the same user."""
        inside = ["nsenter", "--mount", "--pid", "--root", "--target", str(self._first)]
        return subprocess.run(
            [*inside, *self._as, *command], capture_output=True, text=True, check=False
        )

    def signal(self, name: str) -> None:
        """Send a signal to its process 1."""
        _out("kill", "-s", name, str(self._first))

    def wait(self, seconds: float) -> int:
        """Its exit status."""
        return self._process.wait(seconds)

    @property
    def _first(self) -> int:
        """Its process 1, as the machine sees it."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        while not (found := children.read_text().split()):
            time.sleep(0.01)
        return int(found[0])


def _out(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout.strip()
