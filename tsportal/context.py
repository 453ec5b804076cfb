"""What every template knows without being told."""

from django.conf import settings
from django.http import HttpRequest


def demo(request: HttpRequest) -> dict[str, bool]:
    """`demo`: made-up people and no second factor here, and the page has to say so."""
    return {"demo": settings.DEMO}
