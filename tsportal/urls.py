"""Every address of the portal.

`/livez`, `/readyz` and `/metrics` are answered by `tsportal.health` before this list is asked.
Posts to the door (`/api/v1/signals/`, `/api/v1/activity/`) come past the middleware: `wsgi.py`.
"""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path

from cases.api.views import schema
from tsportal import csp

# The admin has no way in of its own: a password alone must not pass beside the second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# What allauth offers to sites where people join by themselves. Here an administrator says who
# somebody is: no signing up, no other address or account to be known by.
CLOSED = (
    *("signup/", "email/", "3rdparty/", "3rdparty/signup/"),
    *("social/signup/", "social/connections/"),
)


@login_not_required
def closed(request: HttpRequest) -> HttpResponse:
    raise Http404


urlpatterns = [
    path("api/v1/", include("signals.api_urls")),
    path("api/v1/", include("cases.api.urls")),
    path("api/schema/", schema.Schema.as_view(), name="api-schema"),
    path("api/docs/", schema.docs, name="api-docs"),
    path("csp-report/", csp.report, name="csp-report"),
    *(path(f"sign-in/{page}", closed) for page in CLOSED),
    path("sign-in/", include("allauth.urls")),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("", include("signals.urls")),
    path("", include("cases.urls")),
]

handler403 = "cases.views.errors.refused"
handler404 = "cases.views.errors.not_found"
handler500 = "cases.views.errors.broken"
