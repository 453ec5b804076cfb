"""The background jobs of this app, under the names that workers and schedules know.

Each is written beside the function that it runs; they are gathered here for Celery to find.
"""

from cases.enrichment.jobs import enrich, sweep_jobs
from cases.enrichment.list_changes import screen_list_changes, sweep_list_changes
from cases.sweeps import sweep_cases
from cases.webhooks import deliver as deliver_webhook
from cases.webhooks import sweep as sweep_webhooks

__all__ = [
    "deliver_webhook",
    "enrich",
    "screen_list_changes",
    "sweep_cases",
    "sweep_jobs",
    "sweep_list_changes",
    "sweep_webhooks",
]
