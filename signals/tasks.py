"""The background jobs of this app, gathered here for Celery to find."""

from signals.correlation.tasks import correlate

__all__ = ["correlate"]
