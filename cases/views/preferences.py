"""How the console looks and listens for this person."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from cases.forms import PreferencesForm


def preferences(request: HttpRequest) -> HttpResponse:
    """Theme, density, keys and time zone; kept with the person, so that every browser has them."""
    form = PreferencesForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Preferences saved.")
        answer = redirect("cases:preferences")
        # Known before sign-in too, so that the first page does not flash in the other theme.
        answer.set_cookie(
            "theme",
            form.cleaned_data["theme"],
            max_age=365 * 24 * 3600,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
        return answer
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "cases/preferences.html", {"form": form}, status=status)
