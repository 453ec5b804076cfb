"""The account's wallets against listed ones: exactly, on every list in force."""

from cases.enrichment.outcome import Found, Hit, Outcome
from cases.enrichment.subject import Subject, digest
from cases.models import ListIdentifier
from cases.screening import engine
from cases.screening.entries import normal_identifier
from cases.screening.judge import ALERT
from cases.screening.matching import ENGINE


class Wallets:
    name = "wallets"
    title = "Listed wallets"
    version = "1"
    seconds = 20.0

    def wants(self, subject: Subject) -> bool:
        return bool(subject.used("wallet"))

    def inputs(self, subject: Subject) -> str:
        return digest(subject.lists, sorted(t.value for t in subject.used("wallet")))

    def look_at(self, subject: Subject) -> Outcome:
        versions = engine.versions_in_force()
        asked = {normal_identifier("wallet", t.value): t.value for t in subject.used("wallet")}
        rows = ListIdentifier.objects.filter(
            kind="wallet", normal__in=asked, entry__ended=None
        ).values_list("normal", "note", "entry_id", "entry__list__code", "entry__primary_name")
        hits: dict[tuple[int, str], Hit] = {}
        findings: dict[str, Found] = {}
        for normal, ticker, entry, code, listed in rows:
            if code not in versions:
                continue
            version = versions[code]
            explanation = {
                "asked": asked[normal], "listed": listed, "primary": listed, "kind": "wallet",
                "rule": "the same wallet", "for": [f"the same wallet address ({ticker})"],
                "against": [], "tokens": [], "list": code, "version": version, "engine": ENGINE,
                "identifiers": [{"kind": "wallet", "value": asked[normal]}], "band": ALERT,
            }  # fmt: skip
            hits[entry, normal] = Hit(entry, asked[normal], "wallet", 1.0, ALERT, explanation)
            evidence = {
                "address": asked[normal], "chain": ticker, "hops": 0, "provider": code,
                "list_version": version["published"],
            }  # fmt: skip
            findings.setdefault(
                normal, Found("payout.wallet_listed", 1.0, digest(normal), evidence)
            )
        count = f"{len(asked)} {'wallet' if len(asked) == 1 else 'wallets'} compared"
        found = f"{len(findings)} listed" if findings else "none is listed"
        return Outcome(f"{count}: {found}", findings=list(findings.values()), hits=[*hits.values()])
