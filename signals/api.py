"""What programs may read about signals and detectors: people by role, a detector about itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import django_filters as df
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers
from rest_framework.generics import get_object_or_404 as api_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import audit, context, permissions
from cases.api import problems
from cases.api.base import ListView, PersonView, Strict, VerbView
from cases.api.filters import FilterSet, choice, ref
from cases.models import Account
from signals import rejects, statistics
from signals.door import access, ids
from signals.door import views as door
from signals.door.problems import Problem
from signals.masking import masked
from signals.models import Detector, RejectedItem, Signal

_QUEUES = """
SELECT (SELECT count(*) FROM cases_enrichmentjob WHERE state IN ('waiting', 'running', 'failed')),
       (SELECT count(*) FROM cases_webhookdelivery WHERE state = 'waiting')
"""


class SignalOut(serializers.Serializer):
    """A signal as it came in."""

    id = serializers.SerializerMethodField()
    event_id = serializers.CharField()
    source = serializers.CharField(source="detector.source")
    typology = serializers.CharField(source="indicator.typology.code")
    type = serializers.CharField(source="indicator.code")
    account = serializers.CharField(source="account_ref")
    time = serializers.DateTimeField(source="occurred_at")
    received_at = serializers.DateTimeField()
    confidence = serializers.FloatField()
    weight = serializers.FloatField()
    fingerprint = serializers.CharField()
    detector_version = serializers.CharField()
    accommodation = serializers.BooleanField()
    shadow = serializers.BooleanField()
    sha256 = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()

    def get_id(self, signal: Signal) -> str:
        return ids.ulid(signal.pk)

    def get_sha256(self, signal: Signal) -> str:
        return bytes(signal.content_hash).hex()

    def get_evidence(self, signal: Signal) -> dict:
        return masked(signal.data.get("evidence") or {})


class DetectorOut(serializers.Serializer):
    """A detector, without its keys."""

    id = serializers.IntegerField(source="pk")
    source = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()
    off_reason = serializers.CharField()
    state_since = serializers.DateTimeField()
    typology = serializers.CharField()
    allowed_indicators = serializers.ListField(child=serializers.CharField())
    quota_per_minute = serializers.IntegerField(allow_null=True)
    quota_per_day = serializers.IntegerField(allow_null=True)


class RejectOut(serializers.Serializer):
    """A refused item, its body masked."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    received_at = serializers.DateTimeField()
    event_id = serializers.CharField()
    type = serializers.CharField()
    errors = serializers.JSONField()
    body = serializers.SerializerMethodField()
    truncated = serializers.BooleanField()
    replayed_at = serializers.DateTimeField(allow_null=True)
    replay_outcome = serializers.CharField()
    dismissed_at = serializers.DateTimeField(allow_null=True)

    def get_body(self, item: RejectedItem) -> str:
        return rejects.masked_body(item)


class MendIn(Strict):
    """Values to put at JSON pointers of the refused event, and pointers to take out."""

    changes = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)
    remove = serializers.ListField(child=serializers.CharField(max_length=400), required=False)


class DetectorFilter(FilterSet):
    kind = choice("kind", Detector.Kind.choices)
    state = choice("state", Detector.State.choices)
    source = ref("source")


class SignalFilter(FilterSet):
    account = ref("account_ref", required=True)
    type = ref("indicator__code")
    source = ref("detector__source")
    shadow = df.BooleanFilter(field_name="shadow")


class RejectFilter(FilterSet):
    waiting = df.BooleanFilter(method="only_waiting")

    def only_waiting(self, rows: Any, name: str, value: bool) -> Any:
        return rows.waiting() if value else rows


class WaitingOut(serializers.Serializer):
    waiting = serializers.IntegerField()


class StatusOut(serializers.Serializer):
    """How much is accepted and not yet worked in."""

    signals = WaitingOut()
    activity = WaitingOut()
    enrichment = WaitingOut()
    webhooks = WaitingOut()


class Signals(ListView):
    """Signals of one account, newest first. Looking is recorded."""

    serializer_class = SignalOut
    filterset_class = SignalFilter

    def get_queryset(self):
        rows = Signal.objects.visible_to(self.request.user)
        return rows.select_related("detector", "indicator__typology")

    def get(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        accounts = Account.objects.visible_to(request.user)
        account = accounts.filter(ref=request.query_params["account"]).first()
        if account is not None:
            audit.read(request.user, account, "signals", count=len(rows))
        elif rows:
            raise Http404
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)


class OneSignal(PersonView):
    """One signal, by the id that the door answered with. Looking is recorded."""

    serializer_class = SignalOut

    def get(self, request: Request, ulid: str) -> Response:
        rows = Signal.objects.visible_to(request.user)
        rows = rows.select_related("detector", "indicator__typology")
        signal = api_object_or_404(rows, pk=_uuid(ulid))
        accounts = Account.objects.visible_to(request.user)
        account = api_object_or_404(accounts, ref=signal.account_ref)
        audit.read(request.user, account, "signal", signal=ulid)
        return Response(self.shown(SignalOut, signal))


class Detectors(ListView):
    """All detectors."""

    needs = permissions.VIEW_DETECTORS
    serializer_class = DetectorOut
    filterset_class = DetectorFilter
    orderings = {"source": ("source", "id")}

    def get_queryset(self):
        return Detector.objects.visible_to(self.request.user)


class OneDetector(PersonView):
    """A detector with its balance per day, its quota and how often it was right."""

    needs = permissions.VIEW_DETECTORS
    serializer_class = DetectorOut

    def get(self, request: Request, pk: int) -> Response:
        rows = Detector.objects.visible_to(request.user)
        detector = api_object_or_404(rows, pk=pk)
        return Response(
            self.shown(DetectorOut, detector)
            | statistics.report(detector)
            | {"by_indicator": statistics.by_indicator(detector)}
        )


class Rejects(ListView):
    """Refused items of a detector, for who may mend them."""

    needs = permissions.MANAGE_DETECTORS
    serializer_class = RejectOut
    filterset_class = RejectFilter

    def get_queryset(self):
        rows = RejectedItem.objects.visible_to(self.request.user)
        return rows.filter(detector_id=self.kwargs.get("pk"))

    def get(self, request: Request, pk: int) -> Response:
        api_object_or_404(Detector.objects.visible_to(request.user), pk=pk)
        return super().get(request)


class Replay(VerbView):
    """Send a refused item again, mended; it passes the same checks as at the door."""

    needs = permissions.MANAGE_DETECTORS
    serializer_class = MendIn

    def answer(self, request: Request, pk: int, reject: int) -> Response:
        rows = RejectedItem.objects.visible_to(request.user)
        item = api_object_or_404(rows, pk=reject, detector_id=pk)
        body = self.read(request)
        changes = dict(body.get("changes", {}))
        changes |= dict.fromkeys(body.get("remove", []), rejects.REMOVE)
        try:
            receipt = rejects.replay(item, actor=request.user, changes=changes)
        except rejects.NotReplayable as exc:
            return Response(
                problems.problem(request, 409, "not_replayable", str(exc)),
                status=409,
                content_type=problems.MEDIA_TYPE,
            )
        refused = receipt.rejected == receipt.received
        answer = {**receipt.counts(), "results": receipt.results}
        return Response(answer, status=422 if refused else 200)


class Status(PersonView):
    """What is accepted and not yet worked in."""

    needs = None
    serializer_class = StatusOut

    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute(_QUEUES)
            enrichment, webhooks = cursor.fetchone()
        waiting = {**statistics.waiting(), "enrichment": enrichment, "webhooks": webhooks}
        return Response({name: {"waiting": count} for name, count in waiting.items()})


@login_not_required
def detector_self(request: HttpRequest) -> HttpResponse:
    """A detector's own balance, precision and quota, for its key. A switched-off one may look."""
    try:
        if request.method not in ("GET", "HEAD"):
            raise Problem(405, "method", "This address is read.", headers={"Allow": "GET, HEAD"})
        caller = access.caller_of(request.headers.get("Authorization", ""), datetime.now(UTC))
    except Problem as problem:
        return problem.response(request.path, context.request_id())
    detector = get_object_or_404(Detector, pk=caller.id)
    return JsonResponse(statistics.report(detector))


_list_signals = Signals.as_view()


@csrf_exempt
@login_not_required
def signals(request: HttpRequest) -> HttpResponse:
    """One address: detectors post here, people read here."""
    if request.method in ("GET", "HEAD"):
        return _list_signals(request)
    return door.signals(request)


# The generator of the description looks for the view behind an address here.
signals.cls, signals.initkwargs = Signals, {}  # type: ignore[attr-defined]


def _uuid(ulid: str) -> UUID:
    try:
        return ids.from_ulid(ulid)
    except ValueError as exc:
        raise Http404 from exc
