"""What a decision rests on, in one canonical form, so that a change of it can be named."""

import hashlib
import json
from typing import Any

from django.db.models import Q

from cases.models import Case, Link

_WORDS = {
    "findings": "findings",
    "score": "the score",
    "verifications": "verifications",
    "ring": "the ring",
    "links": "links to other accounts",
    "hits": "screening hits",
    "hold": "the hold on payouts",
}
_WALLED = ("hits", "hold")


def gather(case: Case) -> dict[str, Any]:
    """The evidence on the account of `case` as it is now. Reads only; equal facts, equal form.

    Numbers are text and lists are ordered by id, so that the digest does not depend on the order
    of arrival. Shadow findings are not evidence.
    """
    account = case.account
    account.refresh_from_db(fields=["score", "score_policy", "ring"])
    findings = account.findings.filter(shadow=False).order_by("id")
    verifications = account.verifications.order_by("id").prefetch_related("attempts")
    links = Link.objects.filter(Q(a=account) | Q(b=account)).order_by("a_id", "b_id")
    hold = account.holds.filter(live=True).first()
    return {
        "account": account.ref,
        "findings": {
            str(row.pk): {
                "code": row.code,
                "points": str(row.points),
                "withdrawn": row.withdrawn,
                "accommodation": row.accommodation,
            }
            for row in findings
        },
        "score": {
            "value": str(account.score),
            "policy": account.score_policy.version if account.score_policy else None,
        },
        "verifications": {
            str(row.pk): {
                "step": row.step,
                "outcome": row.outcome,
                "accommodation": row.accommodation,
                "attempts": [
                    [a.number, a.outcome, a.face_matches_document, a.second_review_agrees]
                    for a in sorted(row.attempts.all(), key=lambda each: each.number)
                ],
            }
            for row in verifications
        },
        "ring": sorted(account.ring.members.values_list("ref", flat=True)) if account.ring else [],
        "links": {
            str(link.b_id if link.a_id == account.pk else link.a_id): str(link.strength)
            for link in links
        },
        "hits": {
            str(hit.pk): {"state": hit.state, "score": str(hit.score)}
            for hit in account.screening_hits.order_by("id")
        },
        "hold": hold.level if hold else "normal",
    }


def before_the_wall(evidence: dict[str, Any]) -> dict[str, Any]:
    """`evidence` for who stands there: without screening's hits, and a hold is a hold."""
    shown = {name: value for name, value in evidence.items() if name != "hits"}
    if shown.get("hold") in ("compliance_hold", "blocked_property", "returned_to_client"):
        shown["hold"] = "soft_hold"
    return shown


def digest(evidence: dict[str, Any]) -> str:
    """SHA-256 of the canonical form."""
    body = json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What is different, in words for the person who was about to sign.

    Who reads them may stand before the wall: of screening and of the hold they say that it
    changed, not how.
    """
    said = []
    for name, words in _WORDS.items():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name in _WALLED:
            said.append(f"{words} changed")
        elif isinstance(old, dict) and isinstance(new, dict) and name != "score":
            said.append(f"{words}: {_counted(old, new)}")
        elif name == "score":
            said.append(f"the score went from {old['value']} to {new['value']}")
        else:
            said.append(f"{words} changed from {len(old)} to {len(new)} accounts")
    return said


def _counted(old: dict, new: dict) -> str:
    counts = {
        "new": len(new.keys() - old.keys()),
        "gone": len(old.keys() - new.keys()),
        "changed": sum(old[key] != new[key] for key in old.keys() & new.keys()),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
