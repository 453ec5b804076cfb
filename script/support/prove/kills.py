"""Whom to kill: the processes of a program, found through the kernel, by their ids."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

from support import programs
from support.children import Children, is_running


def children_of(pid: int) -> list[int]:
    """The living children of `pid`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(stat.parent.name))
    return sorted(found)


def has_children(program: programs.Program) -> bool:
    return program.child is not None and bool(children_of(program.child.process.pid))


def kill_one(program: programs.Program, rng: random.Random, *, main_share: float) -> str:
    """SIGKILL one process of `program`: its main one in `main_share` of the cases, else a child."""
    assert program.child is not None
    main = program.child.process.pid
    below = children_of(main)
    target = main if rng.random() < main_share or not below else rng.choice(below)
    with suppress(ProcessLookupError):
        os.kill(target, signal.SIGKILL)
    return "main" if target == main else "child"


def bring_back(running: list[programs.Program], children: Children) -> int:
    """Start again what ended; how many that were."""
    again = 0
    for program in running:
        child = program.child
        if child is not None and not child.alive:
            below = children_of(child.process.pid)
            children.stop(child)
            for pid in below:  # a worker notices its master's death; it is not waited for
                with suppress(ProcessLookupError):
                    if is_running(pid):
                        os.kill(pid, signal.SIGTERM)
            program.start(children)
            again += 1
    return again
