"""What an account shows besides its own columns: its case, its hold, its score line by line."""

from django.db.models import F

from cases import scores
from cases.masking import mask
from cases.models import Account, Case, Hold, User
from cases.models.sight import sees_compliance

ON_HOLD = Hold.Level.SOFT
FREE = (Hold.Level.NORMAL, Hold.Level.RELEASED)


def fill(accounts: list[Account], user: User) -> None:
    """Put `shown_case` and `shown_hold` to each account: two queries for a page."""
    ids = [account.pk for account in accounts]
    # The newest closed one first; an open one replaces it.
    cases = (
        Case.objects.visible_to(user)
        .filter(account__in=ids)
        .order_by(F("closed_at").desc(nulls_last=True), "-id")
        .values_list("account_id", "ref", "closed_at")
    )
    shown: dict[int, str] = {}
    for account_id, ref, closed_at in cases:
        if closed_at is None:
            shown[account_id] = ref
        else:
            shown.setdefault(account_id, ref)
    holds = dict(
        Hold.objects.visible_to(user)
        .filter(account__in=ids, live=True)
        .values_list("account_id", "level")
    )
    behind = sees_compliance(user)
    for account in accounts:
        account.shown_case = shown.get(account.pk)
        account.shown_hold = hold_shown(holds.get(account.pk, Hold.Level.NORMAL), behind)


def hold_shown(level: str, behind_the_wall: bool) -> str:
    """Before the wall one sees that payouts are on hold, not how far compliance has gone."""
    if behind_the_wall or level in FREE:
        return str(level)
    return ON_HOLD.value


def fill_detail(account: Account, user: User) -> None:
    """As `fill`, with the score's lines and the masked personal data."""
    fill([account], user)
    account.shown_lines = [_line(each) for each in scores.score_lines(account)]
    account.masked_name = mask(account.display_name, "name")
    account.masked_email = mask(account.email, "email")
    account.masked_phone = mask(account.phone, "phone")


def _line(line: scores.ScoreLine) -> dict:
    finding = line.finding
    return {
        "family": line.family,
        "code": finding.code,
        "title": line.title,
        "detector": finding.detector,
        "finding": finding.pk,
        "weight": finding.weight,
        "confidence": finding.confidence,
        "points": finding.points,
        "share": line.share,
        "counted": line.line_points,
        "why": line.why,
        "reason": line.reason,
        "innocent": line.innocent,
    }
