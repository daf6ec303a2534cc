"""A real Apache Kafka on loopback, for tests, demos and ``make kafka``.

Maven brings the jars once, into a cache; from then on only Java is needed, and no network.
"""

import argparse
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
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Self

HERE = Path(__file__).resolve().parent
READY = "Kafka Server started"  # Kafka logs it once the controller has let the broker serve
START_SECONDS = 60.0
STOP_SECONDS = 15.0

# Small, and quick to start: the optimizing compiler costs more than it gains in a short life.
JVM = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
# Java works in the broker's folder, and what it would leave in the system's goes there too.
JVM += ["-XX:-UsePerfData", "-Djava.io.tmpdir=."]

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


class BrokerUnavailable(Exception):  # noqa: N818 - says what is so, as a skipped test's reason
    """Kafka cannot run on this machine; the message says in one line what is missing."""


def fetch(cache: Path | None = None) -> Path:
    """Return the folder with Kafka's jars; Maven downloads them if it is not there yet.

    Parameters
    ----------
    cache
        Holds that folder; by default ``$STREAMGAUGE_CACHE``, else ``~/.cache/streamgauge``.
    """
    pom = HERE / "pom.xml"
    version = re.findall("<kafka.version>(.+)</kafka.version>", pom.read_text())[0]
    root = cache or Path(os.environ.get("STREAMGAUGE_CACHE") or "~/.cache/streamgauge")
    jars = root.expanduser().absolute() / f"kafka-{version}"
    if jars.is_dir():
        return jars
    if shutil.which("mvn") is None:
        raise BrokerUnavailable("Maven (mvn) not found: it downloads Kafka, once")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with (
        jars.with_name(f"{jars.name}.lock").open("w") as lock,
        tempfile.TemporaryDirectory(dir=jars.parent) as partial,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits; a dead one's lock falls away
        if not jars.is_dir():
            command = ["mvn", "--quiet", "--batch-mode", "--strict-checksums", f"--file={pom}"]
            command += ["org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"]
            status, lines = _run([*command, f"-DoutputDirectory={partial}/jars"])
            if status:
                # Maven's last lines are general advice; its first error says what went wrong.
                errors = (line.partition("[ERROR] ")[2] for line in lines)
                why = next(filter(None, errors), lines[-1])
                raise BrokerUnavailable(f"Maven could not download Kafka {version}: {why}")
            Path(partial, "jars").rename(jars)
    return jars


def _find_java() -> str:
    """The ``java`` of ``$JAVA_HOME``, else of ``$PATH``, if it is new enough."""
    path = os.environ.get("PATH", "")
    if home := os.environ.get("JAVA_HOME"):
        path = f"{home}/bin{os.pathsep}{path}"
    java = shutil.which("java", path=path)
    if java is None:
        raise BrokerUnavailable("Java 17 or later not found: Kafka runs on it")
    version = re.search(r'version "(\d+)', "".join(_run([java, "-version"])[1]))
    if version is None or int(version[1]) < 17:
        raise BrokerUnavailable(f"Java 17 or later not found: {java} is older, or broken")
    return java


def _run(command: list[str], cwd: Path | None = None) -> tuple[int, list[str]]:
    """Run a command to its end; return its status and the lines it printed, at least one."""
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, (done.stdout + done.stderr).splitlines() or ["it said nothing"]


def _format(java: list[str], home: Path) -> None:
    """Make the files of a new cluster."""
    tool = ["kafka.tools.StorageTool", "format", "--standalone", "--config=server.properties"]
    status, lines = _run([*java, *tool, f"--cluster-id={secrets.token_urlsafe(16)}"], cwd=home)
    if status:
        raise RuntimeError("\n".join(["Kafka could not format its folder:", *lines]))


def _free_port(*other_than: int | None) -> int:
    """A loopback port that nobody listens on.

    It lies below the range that the kernel hands to outgoing connections: in that range, a
    client that keeps dialling a dead broker's port can be given that very port, and is then
    connected to itself. It is not drawn from `random`, which tests seed.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in other_than:
                return port


class Broker:
    """One Kafka node, broker and controller at once, which only this machine can reach.

    As a context manager it runs inside the ``with``. It never outlives this object or process.

    Parameters
    ----------
    data_dir
        Keeps data, log and settings; by default a temporary folder that `stop` removes.
    port, controller_port
        Free ones by default.
    extra
        Settings that outrank those in ``server.properties``.
    listeners
        Further ones beside the plain one, by name, each with its protocol: ``{"TLS": "SSL"}``. What
        they need is for `extra` to say, under ``listener.name.tls.``.

    Attributes
    ----------
    bootstrap
        Address of the plain listener.
    addresses
        Of the further ones, by name.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        port: int | None = None,
        controller_port: int | None = None,
        extra: Mapping[str, str] = MappingProxyType({}),
        listeners: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        port = port or _free_port(controller_port)
        controller_port = controller_port or _free_port(port)
        taken = [port, controller_port]
        for _ in listeners:
            taken.append(_free_port(*taken))
        self.bootstrap = f"127.0.0.1:{port}"
        self.addresses = {
            name: f"127.0.0.1:{number}" for name, number in zip(listeners, taken[2:], strict=True)
        }
        self._ports = {"port": port, "controller_port": controller_port}
        self._further = {
            "listeners": "".join(f",{name}://{at}" for name, at in self.addresses.items()),
            "protocols": "".join(f",{name}:{protocol}" for name, protocol in listeners.items()),
        }
        self._extra = dict(extra)
        self._home = data_dir and data_dir.absolute()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._spawner: ThreadPoolExecutor | None = None

    @property
    def pid(self) -> int | None:
        """The broker's process id, or None when it is not running."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the broker, on the data that is there, and return once it serves.

        Raises
        ------
        BrokerUnavailable
            Something is missing on this machine.
        RuntimeError
            Kafka did not start; the message ends with the last lines of its log.
        """
        if self._process:
            raise RuntimeError("this broker is running already")
        # Our own folder is on the class path for log4j2.properties.
        java = [_find_java(), *JVM, "-classpath", f"{HERE}{os.pathsep}{fetch()}/*"]
        if self._home is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="streamgauge-kafka-")
            self._home = Path(self._temporary.name)
        self._home.mkdir(parents=True, exist_ok=True)
        template = string.Template((HERE / "server.properties").read_text())
        extra = "".join(f"{name}={value}\n" for name, value in self._extra.items())
        filled = template.substitute(self._ports, **self._further)
        (self._home / "server.properties").write_text(filled + extra)
        try:
            if not (self._home / "logs" / "meta.properties").exists():
                _format(java, self._home)
            self._launch([*java, "kafka.Kafka", "server.properties"], self._home)
        except BaseException:
            self.kill()
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the broker down in good order; a data folder of our own goes with it."""
        self._end(signal.SIGTERM)
        if self._temporary:
            self._temporary.cleanup()
            self._temporary = self._home = None

    def kill(self) -> None:
        """Kill the broker with SIGKILL; `start` brings it back, same address and same data."""
        self._end(signal.SIGKILL)

    def wait(self) -> None:
        """Wait until the broker ends by itself, which it should not."""
        if self._process:
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self, java: list[str], home: Path) -> None:
        """Start Java and return when Kafka is ready."""
        # For the kernel the parent is a *thread*, the one that starts the process. So one of our
        # own starts it and stays: the caller's may end before the broker does.
        self._spawner = ThreadPoolExecutor(max_workers=1)
        log = home / "broker.log"
        with log.open("wb") as output:
            self._process = self._spawner.submit(
                subprocess.Popen,
                [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *java],
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the terminal's Ctrl-C is for us, not for Java
            ).result()
        deadline = time.monotonic() + START_SECONDS
        while READY not in (text := log.read_text(errors="replace")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                last = text.splitlines()[-15:]
                raise RuntimeError("\n".join(["Kafka did not start; its log ends:", *last]))
            time.sleep(0.02)

    def _end(self, how: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(how)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._spawner:
            self._spawner.shutdown()
            self._spawner = None


def main() -> None:
    """Run a broker in the foreground until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=9092, help="for clients (%(default)s)")
    parser.add_argument("--data", type=Path, help="keeps the data; by default nothing does")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # unwinds the `with`, which stops the broker
    try:
        with Broker(arguments.data, arguments.port) as broker:
            print(f"Kafka serves on {broker.bootstrap}; Ctrl-C stops it.", flush=True)
            broker.wait()
            sys.exit("Kafka ended by itself.")
    except (BrokerUnavailable, RuntimeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
