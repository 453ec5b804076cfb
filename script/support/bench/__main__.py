"""Run benches by name: `python -m support.bench`, called by `script/bench`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import signal
import sys
import traceback
from pathlib import Path

from support import say
from support.bench.context import Context, drop, fresh
from support.bench.figures import Figure, table
from support.places import places
from support.say import Failed
from support.services import services

_NOT_BENCHES = {"__main__", "context", "figures"}


def names() -> list[str]:
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(
        each.name for each in found
        if each.name not in _NOT_BENCHES and not each.name.startswith("_")
    )  # fmt: skip


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/bench",
        description="Figures of speed, each beside its yardstick from the same run. "
        f"Benches: {', '.join(names()) or 'none'}.",
    )
    parser.add_argument("name", nargs="*", help="which; all when none is named")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, minutes in all")
    parser.add_argument("--json", action="store_true", help="lines of JSON, no table")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(given)
    unknown = set(asked.name) - set(names())
    if unknown:
        parser.error(f"no bench is called {', '.join(sorted(unknown))}")
    return asked


def main(given: list[str]) -> int:
    asked = arguments(given)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    said = sys.stdout
    if asked.json:
        sys.stdout = sys.stderr  # what is measured goes to stdout alone
    figures: list[Figure] = []
    failed = []
    try:
        with services(places("bench"), quiet_stop=True) as running:
            for name in asked.name or names():
                say.line(f"{name} (seed {asked.seed}{', quick' if asked.quick else ''})")
                ctx = Context(running, quick=asked.quick, seed=asked.seed, name=name)
                try:
                    fresh(ctx)
                    found = importlib.import_module(f"support.bench.{name}").run(ctx)
                # One bench that fails must not cost the figures of the others.
                except Exception as exc:
                    failed.append(name)
                    words = exc.what if isinstance(exc, Failed) else traceback.format_exc()
                    say.line(f"  {name} failed: {words}\n{getattr(exc, 'advice', '')}")
                    continue
                finally:
                    drop(ctx)
                figures += found
                if asked.json:
                    print(*(each.line() for each in found), sep="\n", file=said, flush=True)
    except KeyboardInterrupt:
        return 130
    except Failed as failure:
        return say.report(failure)
    if not asked.json:
        say.line()
        say.line(table(figures))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
