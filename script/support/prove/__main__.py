"""Run proofs by name: `python -m support.prove`, called by `script/prove`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable

from support import say
from support.bench.context import Context, drop, fresh
from support.places import places
from support.prove import claims, kill_web, kill_worker, moves
from support.prove.accounts import Accounts
from support.prove.people import Tally
from support.say import Failed
from support.services import services

PROOFS: dict[str, Callable[..., Accounts | Tally]] = {
    "claims": claims.run,
    "kill-web": kill_web.run,
    "kill-worker": kill_worker.run,
    "moves": moves.run,
}


def main(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="script/prove",
        description="Kill things at random moments while clients post and retry, then count. "
        "Ends with 0 only when nothing is lost, duplicated, unaccounted, orphaned or unaudited.",
    )
    parser.add_argument("proof", nargs="+", choices=sorted(PROOFS))
    parser.add_argument(
        "--kills",
        type=int,
        default=200,
        help="the size: for claims 500 claims each, for moves 50 pairs each",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="lines of JSON on stdout, no table")
    asked = parser.parse_args(given)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    clean = True
    said = sys.stdout
    if asked.json:
        sys.stdout = sys.stderr
    try:
        with services(places("prove"), quiet_stop=True) as running:
            for name in asked.proof:
                say.line(f"{name}: {asked.kills} kills, seed {asked.seed}")
                ctx = Context(running, quick=False, seed=asked.seed, name="prove")
                fresh(ctx)
                accounts = PROOFS[name](ctx, kills=asked.kills)
                sys.stdout, kept = said, sys.stdout
                accounts.tell(as_json=asked.json)
                sys.stdout = kept
                clean = clean and accounts.clean
                drop(ctx)
    except KeyboardInterrupt:
        return 130
    except Failed as failure:
        return say.report(failure)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
