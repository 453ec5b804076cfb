"""An analyzer that keeps failing is left alone for a while, in all processes at once."""

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from cases.models import AnalyzerHealth
from cases.work import backoff

TRIPS_AFTER = 5
PROBE = timedelta(minutes=2)


def closed_until(analyzer: str):
    """None when the analyzer may be used now, else when to come back.

    After the pause one caller may try it (and only one, until it says how it went).
    """
    health = AnalyzerHealth.objects.filter(analyzer=analyzer).first()
    now = timezone.now()
    if health is None or health.paused_until is None:
        return None
    if health.paused_until > now:
        return health.paused_until
    probing = AnalyzerHealth.objects.filter(
        analyzer=analyzer, paused_until=health.paused_until
    ).update(paused_until=now + PROBE)
    return None if probing else now + PROBE


def succeeded(analyzer: str) -> None:
    AnalyzerHealth.objects.filter(analyzer=analyzer).exclude(failures=0, paused_until=None).update(
        failures=0, paused_until=None, last_error=""
    )


def failed(analyzer: str, error: str) -> None:
    """Count a failure; from the fifth in a row on the analyzer pauses, longer each time."""
    AnalyzerHealth.objects.get_or_create(analyzer=analyzer)
    AnalyzerHealth.objects.filter(analyzer=analyzer).update(
        failures=F("failures") + 1, last_error=error[:500], failed_at=timezone.now()
    )
    health = AnalyzerHealth.objects.get(analyzer=analyzer)
    if health.failures >= TRIPS_AFTER:
        pause = backoff(health.failures - TRIPS_AFTER + 1, base=30, cap=1800)
        AnalyzerHealth.objects.filter(analyzer=analyzer).update(paused_until=timezone.now() + pause)
