"""Addresses of the API for people, below `/api/v1/`."""

from django.urls import path, register_converter

from cases.api.acknowledgements import Acknowledgements
from cases.api.views import (
    accounts,
    case_verbs,
    case_writes,
    cases,
    decision_verbs,
    decisions,
    findings,
    holds,
    people,
    ring_verbs,
    rings,
    verification_verbs,
    verifications,
)


class RefConverter:
    """A reference as the platform or the portal gives them: printable, bounded, no slash."""

    regex = r"[^/\x00-\x20\x7f]{1,128}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class IdConverter:
    """A number that fits the database."""

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


app_name = "api"
register_converter(RefConverter, "ref")
register_converter(IdConverter, "id")

urlpatterns = [
    path("acknowledgements/", Acknowledgements.as_view(), name="acknowledgements"),
    path("me/", people.Me.as_view(), name="me"),
    path("accounts/", accounts.AccountList.as_view(), name="accounts"),
    path("accounts/<ref:ref>/", accounts.AccountDetail.as_view(), name="account"),
    path("accounts/<ref:ref>/hold/", holds.SetHold.as_view(), name="account-hold"),
    path("findings/", findings.FindingList.as_view(), name="findings"),
    path("findings/<id:pk>/", findings.FindingDetail.as_view(), name="finding"),
    path("hold-requests/", holds.HoldRequestList.as_view(), name="hold-requests"),
    path("hold-requests/<id:pk>/confirm/", holds.Confirm.as_view(), name="hold-confirm"),
    path("hold-requests/<id:pk>/refuse/", holds.Refuse.as_view(), name="hold-refuse"),
    path("rings/", rings.RingList.as_view(), name="rings"),
    path("rings/<id:pk>/", rings.RingDetail.as_view(), name="ring"),
    path("rings/<id:pk>/pin/", ring_verbs.Pin.as_view(), name="ring-pin"),
    path("rings/<id:pk>/cut/", ring_verbs.Cut.as_view(), name="ring-cut"),
    path("rings/<id:pk>/decline/", ring_verbs.Decline.as_view(), name="ring-decline"),
    path("rings/<id:pk>/undo/", ring_verbs.Undo.as_view(), name="ring-undo"),
    path("cases/", cases.CaseList.as_view(), name="cases"),
    path("cases/claim-next/", case_verbs.ClaimNext.as_view(), name="claim-next"),
    path("cases/<ref:ref>/", cases.CaseDetail.as_view(), name="case"),
    path("cases/<ref:ref>/claim/", case_verbs.Claim.as_view(), name="case-claim"),
    path("cases/<ref:ref>/renew/", case_verbs.Renew.as_view(), name="case-renew"),
    path("cases/<ref:ref>/release/", case_verbs.Release.as_view(), name="case-release"),
    path("cases/<ref:ref>/assign/", case_verbs.Assign.as_view(), name="case-assign"),
    path("cases/<ref:ref>/snooze/", case_verbs.Snooze.as_view(), name="case-snooze"),
    path("cases/<ref:ref>/escalate/", case_verbs.Escalate.as_view(), name="case-escalate"),
    path("cases/<ref:ref>/return/", case_verbs.Return.as_view(), name="case-return"),
    path("cases/<ref:ref>/note/", case_writes.WriteNote.as_view(), name="case-note"),
    path("cases/<ref:ref>/propose/", case_writes.Propose.as_view(), name="case-propose"),
    path("decisions/", decisions.DecisionList.as_view(), name="decisions"),
    path("decisions/<id:pk>/", decisions.DecisionDetail.as_view(), name="decision"),
    path("decisions/<id:pk>/approve/", decision_verbs.Approve.as_view(), name="approve"),
    path("decisions/<id:pk>/reject/", decision_verbs.Reject.as_view(), name="reject"),
    path("decisions/<id:pk>/withdraw/", decision_verbs.Withdraw.as_view(), name="withdraw"),
    path("verifications/", verifications.VerificationList.as_view(), name="verifications"),
    path(
        "verifications/<id:pk>/",
        verifications.VerificationDetail.as_view(),
        name="verification",
    ),
    path(
        "verifications/<id:pk>/attempts/",
        verification_verbs.RecordAttempt.as_view(),
        name="verification-attempts",
    ),
    path(
        "verifications/<id:pk>/attempts/<id:number>/review/",
        verification_verbs.ReviewAttempt.as_view(),
        name="verification-review",
    ),
]
