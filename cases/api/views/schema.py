"""What the API is, for programs and for people: OpenAPI, and a page of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.throttling import UserRateThrottle

from cases.api import openapi as _openapi  # noqa: F401 (tells the generator about tokens)
from cases.api import problems
from cases.auth.tokens import PersonalToken


@extend_schema(exclude=True)
class Schema(SpectacularAPIView):
    """OpenAPI 3 as YAML, or as JSON with `Accept: application/json`; for signed-in people."""

    authentication_classes = [PersonalToken, SessionAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes = [UserRateThrottle]
    http_method_names = ["get", "head"]

    def get_exception_handler(self):
        return problems.exception_handler


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The schema as a page to try it on; everything on it comes from this host."""
    return render(request, "api/docs.html")
