"""The API for people's programs."""

from django.urls import URLPattern, URLResolver, path

from cases.api.acknowledgements import Acknowledgements

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("acknowledgements/", Acknowledgements.as_view(), name="acknowledgements"),
]
