"""One proof: all runs, clients post, victims are killed at random moments, all is counted."""

from __future__ import annotations

import random
import time

from support import programs, say
from support.bench.context import Context
from support.demo import wait_worked_in
from support.prove import kills as killing
from support.prove.accounts import Accounts, settle
from support.prove.clients import Clients
from support.say import Failed

SOURCE = "/detectors/demo"


def run(
    ctx: Context,
    *,
    proof: str,
    kills: int,
    victims: list[str],
    main_share: float,
    pause: float = 0.0,
) -> Accounts:
    rng = random.Random(f"{ctx.seed}/{proof}")
    started = time.monotonic()
    with ctx.web() as web, ctx.workers() as workers:
        running = [web.program, *workers]
        targets = [each for each in running if each.name in victims]
        clients = Clients(
            web.port, ctx.keys[SOURCE], SOURCE, ctx.seed, accounts=2000, pause=pause or 0.2
        )
        clients.start()
        try:
            hits = _kill(ctx, rng, clients, running, targets, kills, main_share)
        finally:
            clients.stop()
        say.line(f"  {kills} kills ({hits['main']} main processes, {hits['child']} children)")
        with say.step("Waiting until everything is worked in"):
            killing.bring_back(running, ctx.services.children)
            _settle_down(ctx, web.port, running)
        return settle(
            ctx.database_url,
            clients.log,
            proof=proof,
            seed=ctx.seed,
            kills=kills,
            seconds=time.monotonic() - started,
        )


def _kill(
    ctx: Context,
    rng: random.Random,
    clients: Clients,
    running: list[programs.Program],
    targets: list[programs.Program],
    kills: int,
    main_share: float,
) -> dict[str, int]:
    """Kill at moments that nobody can foresee; between two kills something was acknowledged."""
    hits = {"main": 0, "child": 0}
    for number in range(kills):
        seen = clients.acknowledged
        until = time.monotonic() + 60
        time.sleep(rng.expovariate(2.0))
        while clients.acknowledged == seen:
            killing.bring_back(running, ctx.services.children)
            if time.monotonic() > until:
                raise Failed("The web server did not come back within a minute.")
            time.sleep(0.05)
        victim = rng.choice(targets)
        # Only what is up and at work is worth killing; a program still starting has no children.
        while not killing.has_children(victim):
            killing.bring_back(running, ctx.services.children)
            if time.monotonic() > until + 60:
                raise Failed(f"{victim.name} did not come back within two minutes.")
            time.sleep(0.05)
        hits[killing.kill_one(victim, rng, main_share=main_share)] += 1
        time.sleep(0.05)
        killing.bring_back(running, ctx.services.children)
        if (number + 1) % 20 == 0:
            say.line(f"  {number + 1} kills, {clients.acknowledged:,} events acknowledged")
    return hits


def _settle_down(ctx: Context, port: int, running: list[programs.Program]) -> None:
    until = time.monotonic() + 600
    while True:
        killing.bring_back(running, ctx.services.children)
        try:
            wait_worked_in(port, ctx.people["auditor"]["token"], within=20)
        except Failed as failure:
            if time.monotonic() > until:
                raise failure
        else:
            return
