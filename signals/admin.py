"""Detectors and what came in, in the admin: read here, change on the pages that record it.

The one thing made here is a key, through the same verb as everywhere (`signals.keys`).
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signals import keys
from signals.masking import masked, pretty
from signals.models import (
    ActivityEvent,
    Detector,
    DetectorKey,
    IntakeBalance,
    IntakeBatch,
    RejectedItem,
    Signal,
)


class ReadOnly(admin.ModelAdmin):
    """Rows that no form may touch."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AboutDetectors(ReadOnly):
    """Open to whoever may see detectors."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("signals.view_detector")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


class AboutAccounts(ReadOnly):
    """Open to whoever may see cases; names and contacts stay masked."""

    exclude = ("data", "extensions", "content_hash")
    readonly_fields = ("payload",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("cases.view_case")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description="data (masked)")
    def payload(self, row: Signal | ActivityEvent) -> str:
        return pretty(masked(row.data))[0]


@admin.register(Detector)
class DetectorAdmin(AboutDetectors):
    list_display = ("source", "name", "kind", "state", "owner", "created")
    list_filter = ("kind", "state")
    search_fields = ("source", "name")
    actions = ("rotate_key",)

    @admin.action(description="Rotate the key of one detector (the key is shown once)")
    def rotate_key(self, request: HttpRequest, chosen: Any) -> HttpResponse | None:
        """Answered with the key in the page itself: a message would be stored in the session."""
        if len(chosen) != 1:
            self.message_user(request, "Choose one detector.", messages.ERROR)
            return None
        new = keys.rotate(chosen[0], actor=request.user)
        context = {**self.admin_site.each_context(request), "new_key": new, "detector": chosen[0]}
        return render(request, "signals/admin_key.html", context)

    def get_actions(self, request: HttpRequest) -> dict:
        actions = super().get_actions(request)
        if not request.user.has_perm("signals.manage_detector"):
            actions.pop("rotate_key", None)
        return actions


@admin.register(DetectorKey)
class DetectorKeyAdmin(AboutDetectors):
    list_display = ("prefix", "detector", "created_at", "expires_at", "revoked_at", "last_used_at")
    exclude = ("secret_hash",)
    list_select_related = ("detector",)


@admin.register(IntakeBalance)
class IntakeBalanceAdmin(AboutDetectors):
    list_display = ("day", "detector", "kind", "received", "accepted", "duplicate", "rejected")
    list_filter = ("kind",)
    list_select_related = ("detector",)
    ordering = ("-day",)


@admin.register(IntakeBatch)
class IntakeBatchAdmin(AboutDetectors):
    list_display = ("id", "kind", "detector", "received_at", "count", "done_at")
    list_select_related = ("detector",)
    ordering = ("-id",)


@admin.register(RejectedItem)
class RejectedItemAdmin(AboutDetectors):
    list_display = ("id", "detector", "kind", "received_at", "codes", "replay_outcome")
    exclude = ("body", "event_id", "errors")
    list_select_related = ("detector",)
    ordering = ("-id",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("signals.manage_detector")


@admin.register(Signal)
class SignalAdmin(AboutAccounts):
    list_display = ("id", "detector", "account_ref", "weight", "confidence", "received_at")
    list_select_related = ("detector",)
    ordering = ("-id",)


@admin.register(ActivityEvent)
class ActivityEventAdmin(AboutAccounts):
    list_display = ("id", "detector", "type", "subject_ref", "occurred_at")
    list_select_related = ("detector",)
    ordering = ("-id",)
