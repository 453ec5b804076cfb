"""The pages about detectors and the catalogue, and the fragments that case pages ask for."""

from django.urls import URLPattern, URLResolver

app_name = "signals"
urlpatterns: list[URLPattern | URLResolver] = []
