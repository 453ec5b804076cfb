"""Programs that run under us: started, watched, and stopped with us however we end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support.places import Places
from support.say import Failed

PR_SET_PDEATHSIG = 1
# What the other programs need until they are gone.
FOUNDATIONS = ("postgres", "valkey")
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass
class Child:
    """One running program, how it wants to be asked to stop, and where its words go."""

    name: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    log: Path
    patience: float = 20.0
    asked: bool = False

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self) -> None:
        """Ask to stop, once: some programs take a second request for impatience."""
        if self.alive and not self.asked:
            self.asked = True
            self.process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Ask, wait, insist. Returns when the program is gone."""
        if self.alive:
            self.ask()
            try:
                self.process.wait(self.patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def last_words(self, lines: int = 12) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


@dataclass
class Children:
    """All of them."""

    places: Places
    running: list[Child] = field(default_factory=list)

    def start(
        self,
        name: str,
        command: list[str],
        *,
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        as_owner: bool = False,
        cwd: Path | None = None,
        patience: float = 20.0,
    ) -> Child:
        """Start a program. It dies when we die, even by SIGKILL; its output goes to its log."""
        log = self.places.logs / f"{name}.log"
        user = self.places.as_owner if as_owner else {}
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches us alone, and we stop all in order.
                start_new_session=True,
                preexec_fn=_die_with(os.getpid(), stop_signal),
                **user,
            )
        child = Child(name, process, stop_signal, log, patience)
        self.running.append(child)
        return child

    def stop(self, child: Child) -> None:
        child.stop()
        self.running.remove(child)

    def stop_all(self) -> None:
        """Programs all at once, then what they stand on: the broker and the database."""
        base = [child for child in self.running if child.name in FOUNDATIONS]
        programs = [child for child in self.running if child.name not in FOUNDATIONS]
        for child in programs:
            child.ask()
        for child in (*reversed(programs), *reversed(base)):
            child.stop()
        self.running.clear()

    def dead(self) -> Child | None:
        """The first that ended without being asked."""
        return next((child for child in self.running if not child.alive), None)


def _die_with(parent: int, stop_signal: signal.Signals) -> Callable[[], None]:
    """Run in the child before its program: the kernel asks it to stop once its parent is gone."""

    def arrange() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(stop_signal))
            if os.getppid() != parent:
                os._exit(1)

    return arrange


def wait_until(
    ready: Callable[[], bool], child: Child | None, what: str, *, within: float | None = None
) -> None:
    """Wait for `ready`. Fails at once when the program it depends on has ended."""
    started = time.monotonic()
    while not ready():
        if child is not None and not child.alive:
            raise Failed(
                f"{what} ended at its start (code {child.process.returncode}).",
                f"{child.last_words()}\nAll of its words: {child.log}",
            )
        if within is not None and time.monotonic() - started > within:
            words = f"{child.last_words()}\nAll of its words: {child.log}" if child else ""
            raise Failed(f"{what} is not ready after {within:.0f} s.", words)
        time.sleep(0.03)


def is_running(pid: int, *words: str) -> bool:
    """Whether `pid` is alive, is no zombie, and has all of `words` in its command line."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return False
            said = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return False
    else:
        command = ["ps", "-o", "command=", "-p", str(pid)]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return all(word in said for word in words)
