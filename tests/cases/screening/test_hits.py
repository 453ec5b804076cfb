"""`cases/screening/hits.py`: found once, judged by people, by two where it counts."""

from dataclasses import dataclass, field

import pytest
from django.conf import settings

from cases.models import AuditEvent, HitDecision, ListEntry, ScreeningHit
from cases.permissions import Denied
from cases.screening import hits, lists
from tests.cases.screening.test_lists import changed, without

pytestmark = pytest.mark.django_db
State = ScreeningHit.State
OFAC = settings.BASE_DIR / "demo" / "lists" / "ofac_advanced.xml"


@dataclass
class Found:
    entry: int
    screened: str = "Marek Dolny"
    screened_kind: str = "account name"
    score: float = 0.95
    band: str = "alert"
    explanation: dict = field(default_factory=dict)


@pytest.fixture
def entry():
    lists.load("ofac_advanced", OFAC, actor=None)
    return ListEntry.objects.get(uid="900001")


@pytest.fixture
def hit(entry, make_account):
    (made,) = hits.keep(make_account(display_name="Marek Dolny"), [Found(entry.pk)])
    return made


@pytest.fixture
def quiet(entry, make_account):
    (made,) = hits.keep(make_account(), [Found(entry.pk, score=0.65, band="review")])
    return made


def state(hit):
    return ScreeningHit.objects.get(pk=hit.pk).state


def test_the_same_pair_is_one_hit(hit, entry):
    assert hits.keep(hit.account, [Found(entry.pk), Found(entry.pk, score=0.9)]) == []
    assert ScreeningHit.objects.count() == 1


def test_not_the_same_over_the_score_takes_two(hit, sam, kim):
    hits.decide(hit, actor=sam, same=False, reason="born 1951, ours 1994")
    assert state(hit) == State.OPEN
    with pytest.raises(hits.NotAllowed, match="second person"):
        hits.decide(hit, actor=sam, same=False, reason="again")

    decision = hits.decide(hit, actor=kim, same=False, reason="I see it so too")

    assert state(hit) == State.NOT_SAME
    assert (decision.made_by, decision.second_by) == (sam, kim)
    verbs = list(AuditEvent.objects.filter(object_type="screeninghit").values_list("verb", "wall"))
    assert ("hit.proposed", True) in verbs
    assert ("hit.decided", True) in verbs


def test_not_the_same_below_the_score_takes_one(quiet, sam):
    hits.decide(quiet, actor=sam, same=False, reason="another country")
    assert state(quiet) == State.NOT_SAME


def test_the_same_takes_effect_at_once_even_against_a_proposal(hit, sam, kim):
    hits.decide(hit, actor=sam, same=False, reason="no")
    hits.decide(hit, actor=kim, same=True, reason="the passport agrees")
    assert state(hit) == State.SAME


def test_a_correction_takes_two(hit, sam, kim):
    hits.decide(hit, actor=sam, same=True, reason="them")
    hits.decide(hit, actor=sam, same=False, reason="I was wrong")
    assert state(hit) == State.SAME
    hits.decide(hit, actor=kim, same=False, reason="yes")
    assert state(hit) == State.NOT_SAME


def test_a_judged_pair_stays_judged_until_a_side_changes(quiet, entry, sam):
    hits.decide(quiet, actor=sam, same=False, reason="no")

    assert hits.keep(quiet.account, [Found(entry.pk)]) == []
    renamed = hits.keep(quiet.account, [Found(entry.pk, screened="Marek P. Dolny")])

    assert [h.state for h in renamed] == [State.OPEN]
    assert state(quiet) == State.NOT_SAME


def test_a_changed_entry_is_judged_anew_and_the_undecided_hit_gives_way(hit, entry, tmp_path):
    text = OFAC.read_text().replace("<Year>1951</Year>", "<Year>1952</Year>")
    path = tmp_path / "next.xml"
    path.write_text(text)
    lists.load("ofac_advanced", path, actor=None)
    changed = ListEntry.objects.get(uid="900001", ended=None)

    (new,) = hits.keep(hit.account, [Found(changed.pk)])

    assert (state(hit), new.state) == (State.SUPERSEDED, State.OPEN)


def test_an_entry_that_was_delisted_meanwhile_makes_no_hit(entry, make_account):
    entry.ended = entry.first
    entry.save()
    assert hits.keep(make_account(), [Found(entry.pk)]) == []


@pytest.mark.parametrize("who", ["rita", "ana", "lee", "aud", "adm", "olu"])
def test_only_officers_decide(hit, who, request):
    with pytest.raises(Denied):
        hits.decide(hit, actor=request.getfixturevalue(who), same=False, reason="x")
    assert not HitDecision.objects.exists()


def test_a_decision_needs_a_reason(hit, sam):
    with pytest.raises(hits.NotAllowed, match="reason"):
        hits.decide(hit, actor=sam, same=True, reason="  ")


def test_what_changed_since_the_page_was_shown_is_not_decided(hit, sam, kim):
    hits.decide(hit, actor=sam, same=True, reason="them")
    with pytest.raises(hits.NotAllowed, match="faster"):
        hits.decide(hit, actor=kim, same=False, reason="no", state_seen="open")


@pytest.fixture
def relisted(hit, entry, tmp_path):
    """Load the list without the party, then with it again; the entry as it is listed then."""

    def load_both(meanwhile=lambda: None):
        lists.load("ofac_advanced", changed(tmp_path, without("900001")), actor=None)
        meanwhile()
        back = tmp_path / "back.xml"
        back.write_text(OFAC.read_text() + "\n")
        lists.load("ofac_advanced", back, actor=None)
        again = ListEntry.objects.get(uid="900001", ended=None)
        assert again.content_hash == entry.content_hash
        return again

    return load_both


def test_a_party_that_is_listed_again_as_it_was_opens_its_hit_again(
    hit, entry, relisted, make_case, sam
):
    case = make_case(account=hit.account)
    hits.decide(hit, actor=sam, same=True, reason="the passport agrees")
    again = relisted()
    assert state(hit) == State.DELISTED

    (opened,) = hits.keep(hit.account, [Found(again.pk, score=0.9)])

    assert opened.pk == hit.pk
    opened.refresh_from_db()
    assert (opened.state, opened.delisted_at, opened.entry) == (State.OPEN, None, again)
    assert opened.list_version == again.first != hit.list_version
    assert float(opened.score) == 0.9
    assert [d.reason for d in opened.decisions.all()] == ["the passport agrees"]
    event = AuditEvent.objects.get(verb="hit.reopened")
    assert (event.case, event.account, event.wall) == (case, hit.account, True)
    assert event.data["before"]["state"] == "delisted"
    assert hits.keep(hit.account, [Found(again.pk)]) == []
    hits.decide(opened, actor=sam, same=True, reason="still them")
    assert state(hit) == State.SAME


def test_a_pair_that_was_judged_when_delisted_stays_judged(hit, relisted, sam, kim):
    def judged():
        hits.decide(hit, actor=sam, same=False, reason="born 1951")
        hits.decide(hit, actor=kim, same=False, reason="yes")

    again = relisted(judged)

    assert hits.keep(hit.account, [Found(again.pk)]) == []
    assert state(hit) == State.NOT_SAME


def test_an_entry_that_changes_back_opens_the_hit_on_its_earlier_form(hit, tmp_path):
    other = tmp_path / "other.xml"
    other.write_text(OFAC.read_text().replace("<Year>1951</Year>", "<Year>1952</Year>"))
    back = tmp_path / "back.xml"
    back.write_text(OFAC.read_text() + "\n")
    found = []
    for path in (other, back):
        lists.load("ofac_advanced", path, actor=None)
        now = ListEntry.objects.get(uid="900001", ended=None)
        found += hits.keep(hit.account, [Found(now.pk)])

    assert [each.pk == hit.pk for each in found] == [False, True]
    assert [state(each) for each in found] == [State.SUPERSEDED, State.OPEN]
