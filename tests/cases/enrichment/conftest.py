"""An analyzer to order, in place of the real ones, and an account that it wants."""

import pytest

from cases.enrichment import jobs, registry
from cases.enrichment.outcome import Outcome
from cases.models import EnrichmentJob


class Ordered:
    """Does what the test says."""

    name, title, version, seconds = "ordered", "Ordered", "1", 5.0

    def __init__(self):
        self.looked = 0
        self.does = lambda subject: Outcome("all is well")
        self.stamp = "a"

    def wants(self, subject):
        return bool(subject.account.display_name)

    def inputs(self, subject):
        return self.stamp

    def look_at(self, subject):
        self.looked += 1
        return self.does(subject)


@pytest.fixture
def analyzer(monkeypatch):
    made = Ordered()
    monkeypatch.setattr(registry, "ANALYZERS", {made.name: made})
    return made


@pytest.fixture
def bell(monkeypatch):
    """Ids that workers were rung for; no broker is there."""
    rung = []
    monkeypatch.setattr(jobs.enrich, "nudge", lambda pk: rung.append(pk) or True)
    return rung


@pytest.fixture
def make_job(make_case, analyzer, bell):
    def make(**fields) -> EnrichmentJob:
        case = make_case()
        case.account.display_name = "Marek Dolny"
        case.account.save()
        (job,) = jobs.request(case, reason="test")
        if fields:
            EnrichmentJob.objects.filter(pk=job.pk).update(**fields)
            job.refresh_from_db()
        return job

    return make
