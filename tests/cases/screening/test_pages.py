"""Screening by hand, a hit, the lists, and the enrichment panel of a case."""

import pytest
from django.urls import reverse
from django.utils import timezone

from cases.enrichment import jobs
from cases.models import AuditEvent, EnrichmentJob, ScreeningHit, ScreeningRecord
from cases.screening import engine, hits, lists
from cases.screening.judge import Question
from tests.cases.screening.test_lists import OFAC, Found

pytestmark = pytest.mark.django_db


@pytest.fixture
def listed():
    return lists.load("ofac_advanced", OFAC, actor=None).version


@pytest.fixture
def hit(listed, make_account):
    match = engine.current().ask(Question("Marek Dolny", "person"))[0]
    (made,) = hits.keep(make_account(display_name="Marek Dolny"), [Found(match)])
    return made


@pytest.fixture
def as_officer(client, sam):
    client.force_login(sam)
    return client


def search(client, **data):
    return client.post(reverse("cases:screening"), data)


def test_a_search_shows_why_and_is_recorded(as_officer, listed, sam):
    page = search(as_officer, name="Noh Tae-joon", birth="1986-07-09", nationality="North Korea")

    text = page.content.decode()
    assert "Ro Tae Jun" in text
    assert "all 3 Korean syllables agree" in text
    assert "born on the same day" in text
    record = ScreeningRecord.objects.get()
    assert (record.asked_by, record.hits) == (sam, 1)
    assert record.versions["ofac_sdn"]["number"] == 1
    event = AuditEvent.objects.get(verb="screening.asked")
    assert "Tae" not in str(event.data)


def test_nothing_found_is_recorded_too(as_officer, listed):
    page = search(as_officer, name="Elin Wyndam")
    assert "nothing found" in page.content.decode()
    assert ScreeningRecord.objects.get().hits == 0


@pytest.mark.parametrize("data", [{}, {"name": "A", "birth": "yesterday"}, {"kind": "person"}])
def test_a_search_that_asks_nothing_is_refused(as_officer, listed, data):
    assert search(as_officer, **data).status_code == 422
    assert not ScreeningRecord.objects.exists()


def test_a_wallet_is_searched_exactly(as_officer, listed):
    page = search(as_officer, wallet="0x00000000000000000000000000000000000d0001")
    assert "the same wallet" in page.content.decode()


def test_a_hit_is_decided_on_its_page(as_officer, client, hit, kim):
    url = reverse("cases:screening_hit", args=[hit.pk])
    shown = as_officer.get(url).content.decode()
    assert "Marek Dolny" in shown
    assert "DOLNI Marek" in shown
    body = {"same": "no", "reason": "born 1951", "state_seen": "open"}

    assert as_officer.post(url, body).status_code == 302
    assert as_officer.post(url, body).status_code == 409
    client.force_login(kim)
    assert "Waits for a second person" in client.get(url).content.decode()
    assert client.post(url, body).status_code == 302

    hit.refresh_from_db()
    assert hit.state == ScreeningHit.State.NOT_SAME


def test_opening_a_hit_is_recorded(as_officer, hit, sam):
    as_officer.get(reverse("cases:screening_hit", args=[hit.pk]))
    assert AuditEvent.objects.filter(verb="read", actor=sam, wall=True).exists()


def test_the_page_of_a_delisted_entry_says_so(as_officer, hit):
    hit.entry.ended = hit.list_version
    hit.entry.save()
    page = as_officer.get(reverse("cases:screening_hit", args=[hit.pk]))
    assert "no longer listed" in page.content.decode()


def test_the_lists_page_shows_versions(as_officer, listed, client):
    page = as_officer.get(reverse("cases:screening_lists")).content.decode()
    assert "in force" in page
    assert listed.sha256[:12] in page


def test_an_auditor_reads_and_does_not_search(client, aud, hit):
    client.force_login(aud)
    assert client.get(reverse("cases:screening")).status_code == 200
    assert search(client, name="Anybody").status_code == 403
    assert not ScreeningRecord.objects.exists()


def test_the_panel_shows_results_failures_and_a_retry(
    client, rita, make_case, make_account, listed
):
    case = make_case(account=make_account(display_name="Elin Wyndam"))
    (job,) = jobs.request(case, reason="test")
    jobs.run(job.pk)
    EnrichmentJob.objects.create(
        key="x", analyzer="network", analyzer_version="1", account=case.account, case=case,
        reason="t", state="dead", attempts=5, due_at=timezone.now(), error="<b>timed out</b>",
    )  # fmt: skip
    client.force_login(rita)

    page = client.get(reverse("cases:case_enrichment", args=[case.ref])).content.decode()

    assert "nothing found" in page
    assert "&lt;b&gt;timed out" in page
    assert "Try again" in page
    dead = EnrichmentJob.objects.get(key="x")
    retry = reverse("cases:enrichment_retry", args=[dead.pk])
    again = client.post(retry, headers={"HX-Request": "true"})
    assert again.status_code == 200
    assert "waiting" in again.content.decode()
    assert client.post(retry, headers={"HX-Request": "true"}).status_code == 409


def test_looking_again_asks_only_for_what_changed(client, rita, make_case, make_account, listed):
    case = make_case(account=make_account(display_name="Elin Wyndam"))
    client.force_login(rita)
    url = reverse("cases:enrichment_again", args=[case.ref])

    client.post(url, headers={"HX-Request": "true"})
    second = client.post(url, headers={"HX-Request": "true"}).content.decode()

    assert "Nothing changed" in second
    assert EnrichmentJob.objects.count() == 1
