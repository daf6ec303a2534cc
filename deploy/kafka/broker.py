"""A real Apache Kafka on loopback, for tests, demos and ``make kafka``.

Maven brings the jars once, into a cache; from then on only Java is needed, and no network.
"""

import argparse
import base64
import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Self

HERE = Path(__file__).resolve().parent
READY = "Kafka Server started"  # Kafka logs it once the controller has let the broker serve
START_SECONDS = 60.0
STOP_SECONDS = 15.0

# Becomes Java, after it has asked the kernel to kill it when its parent dies, however that
# happens. A parent that died before the asking is noticed by its id.
LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class BrokerUnavailable(Exception):
    """Kafka cannot run on this machine; the message says in one line what is missing."""


def fetch(cache: Path | None = None) -> Path:
    """Return the folder with Kafka's jars, after downloading them if it is not there yet.

    Parameters
    ----------
    cache
        Where to keep them; by default ``$STREAMGAUGE_CACHE``, else ``~/.cache/streamgauge``.
    """
    pom = HERE / "pom.xml"
    version = re.findall("<kafka.version>(.+)</kafka.version>", pom.read_text())[0]
    root = cache or Path(os.environ.get("STREAMGAUGE_CACHE") or "~/.cache/streamgauge")
    jars = root.expanduser().absolute() / f"kafka-{version}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailable("Maven (mvn) not found: it is needed once, to download Kafka")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with (
        open(f"{jars}.lock", "w") as lock,
        tempfile.TemporaryDirectory(dir=jars.parent) as partial,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits; a dead one's lock falls away
        if not jars.is_dir():
            command = [maven, "--quiet", "--batch-mode", "--strict-checksums", f"--file={pom}"]
            command += ["dependency:copy-dependencies", f"-DoutputDirectory={partial}/jars"]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                # Maven's last lines are general advice: the first error says what went wrong.
                lines = (done.stdout + done.stderr).splitlines() or ["it said nothing"]
                why = next((line for line in lines if line.startswith("[ERROR]")), lines[-1])
                raise BrokerUnavailable(f"Maven could not download Kafka {version}: {why}")
            Path(partial, "jars").rename(jars)
    return jars


def _find_java() -> str:
    """Return the ``java`` of ``$JAVA_HOME``, else of ``$PATH``, if it is new enough."""
    path = os.environ.get("PATH", "")
    if home := os.environ.get("JAVA_HOME"):
        path = f"{home}/bin{os.pathsep}{path}"
    java = shutil.which("java", path=path)
    if java is None:
        raise BrokerUnavailable("Java not found: Kafka needs version 17 or later")
    shown = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', shown)
    if version is None or int(version[1]) < 17:
        raise BrokerUnavailable(f"{java} is too old: Kafka needs version 17 or later")
    return java


def _free_port(other_than: int | None = None) -> int:
    """Return a loopback port that nobody listens on.

    It lies below the range that the kernel hands to outgoing connections: in that range, a
    client that keeps dialling a dead broker's port can be given the very port, and is connected
    to itself. It is not drawn from `random`, which tests seed.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port != other_than:
                return port


class Broker:
    """One Kafka node, broker and controller at once, which only this machine can reach.

    As a context manager it runs inside the ``with``. It dies with this process.

    Parameters
    ----------
    data_dir
        Keeps data, log and settings; by default a temporary folder that `stop` removes.
    port, controller_port
        Free ones by default.
    extra
        Settings that outrank those in ``server.properties``.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        port: int | None = None,
        controller_port: int | None = None,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        port = port or _free_port(other_than=controller_port)
        self.bootstrap = f"127.0.0.1:{port}"
        self._ports = {"port": port, "controller_port": controller_port or _free_port(port)}
        self._extra = dict(extra)
        self._home = data_dir and data_dir.absolute()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel takes the *thread* that started Java for its parent, so one of ours starts it
        # and stays: `start` may be called on a thread that ends before the broker does.
        self._spawner: ThreadPoolExecutor | None = None

    @property
    def pid(self) -> int | None:
        """The broker's process id, or None when it is not running."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the broker, return once it serves, and go on with the data that is there.

        Raises
        ------
        BrokerUnavailable
            Something is missing on this machine.
        RuntimeError
            Kafka refused to start; the message ends with the last lines of its log.
        """
        if self._process:
            raise RuntimeError("this broker is running already")
        java, jars = _find_java(), fetch()
        if self._home is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="streamgauge-kafka-")
            self._home = Path(self._temporary.name)
        home = self._home
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        template = string.Template((HERE / "server.properties").read_text())
        extra = "".join(f"{name}={value}\n" for name, value in self._extra.items())
        (home / "server.properties").write_text(template.substitute(self._ports) + extra)
        jvm = [java, "-Xmx384m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]
        jvm += ["-XX:-UsePerfData", f"-Djava.io.tmpdir={home}/tmp"]  # no litter in /tmp
        jvm += [f"-Dlog4j2.configurationFile={(HERE / 'log4j2.properties').as_uri()}"]
        jvm += ["-classpath", f"{jars}/*"]
        try:
            with (home / "broker.log").open("wb") as log:
                if not (home / "logs" / "meta.properties").exists():
                    self._launch([*jvm, *_format_command()], home, log).wait(START_SECONDS)
                    self._end(signal.SIGKILL)
                self._launch([*jvm, "kafka.Kafka", "server.properties"], home, log)
            self._wait_until_ready(home / "broker.log")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the broker down in good order, and remove the data if it was in our own folder."""
        self._end(signal.SIGTERM)
        if self._temporary:
            self._temporary.cleanup()
            self._temporary = self._home = None

    def kill(self) -> None:
        """Kill the broker with SIGKILL; `start` brings it back, same address and same data."""
        self._end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait until the broker ends by itself, and return its exit status."""
        return self._process.wait() if self._process else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
