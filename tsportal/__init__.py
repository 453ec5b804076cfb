"""The wiring: settings, addresses, Celery, the way in. Nothing of ours imports it."""

from tsportal.celery import app as celery_app

__all__ = ["celery_app"]
