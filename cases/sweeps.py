"""What time itself does to cases: leases end, snoozes end, stopped steps go on, people are asked.

Nothing here touches a hold. Each sweep goes on when one row fails, and may run at any time.
"""

import structlog
from celery import shared_task

from cases import mandates, offboarding, queue, verification

log = structlog.get_logger("cases.sweeps")

SWEEPS = {
    "leases": queue.expire_leases,
    "snoozes": queue.wake_due,
    "actions": offboarding.sweep,
    "requests": mandates.announce,
    "verifications": verification.expire_due,
}


@shared_task(name="cases.sweep", ignore_result=True)
def sweep_cases() -> dict[str, int]:
    """Run every sweep and say what each did. One that breaks does not stop the others."""
    done = {}
    for name, function in SWEEPS.items():
        try:
            done[name] = function()
        except Exception:
            log.exception("sweep_failed", sweep=name)
    return done
