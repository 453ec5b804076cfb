"""Names of the account and of who gets its money, against the sanctions lists in force."""

from cases.enrichment.outcome import Found, Hit, Outcome
from cases.enrichment.subject import Subject, digest
from cases.models import Account, ListEntry
from cases.screening import bands, engine
from cases.screening.entries import PERSON
from cases.screening.judge import ALERT, Match, Question
from cases.screening.matching import ENGINE
from cases.screening.names import normalise

# What platforms write when they do not know the holder.
_NOBODY = frozenset({"", "none", "unknown", "n a", "na", "null", "not given", "anonymous"})


def questions(subject: Subject) -> list[tuple[str, Question]]:
    """What of the account is asked: (what it is, the question). Exact repeats are asked once."""
    account = subject.account
    country = frozenset({account.claimed_country} if account.claimed_country else ())
    # A client may be a company or a person; a freelancer is a person until somebody says not.
    kind = PERSON if account.kind == Account.Kind.FREELANCER else ""
    asked: dict[tuple[str, frozenset[str]], tuple[str, Question]] = {}
    if account.display_name.strip():
        name = account.display_name.strip()
        mails = (("email", account.email),) if account.email else ()
        asked[name.casefold(), country] = (
            "account name", Question(name, kind, countries=country, identifiers=mails)
        )  # fmt: skip
    for name, where in subject.holders:
        if normalise(name) in _NOBODY:
            continue
        there = frozenset({where} if len(where) == 2 else ())
        asked.setdefault(
            (name.casefold(), there), ("payout holder", Question(name, "", countries=there))
        )
    for trait in subject.used("document_number"):
        # The platform sends numbers hashed; one hashed as we do can be compared with the lists.
        if len(trait.value) == 64:
            item = (("document_hash", trait.value),)
            asked[trait.value, frozenset()] = ("document", Question(identifiers=item))
    return list(asked.values())


class Sanctions:
    name = "sanctions"
    title = "Sanctions lists"
    version = "1"
    seconds = 60.0

    def wants(self, subject: Subject) -> bool:
        return bool(questions(subject))

    def inputs(self, subject: Subject) -> str:
        return digest(ENGINE, subject.lists, questions(subject))

    def look_at(self, subject: Subject) -> Outcome:
        lists, numbers = engine.current(), bands.in_force()
        asked = questions(subject)
        if not lists.versions:
            return Outcome("No sanctions list is loaded: nothing could be compared.")
        hits, best = [], {}
        for what, question in asked:
            for match in lists.ask(question, numbers)[:20]:
                text = question.name or question.identifiers[0][1]
                hits.append(Hit(match.key, text, what, match.score, match.band, match.explanation))
                if match.key not in best or match.order < best[match.key].order:
                    best[match.key] = match
        alerts = [match for match in best.values() if match.band == ALERT]
        names = f"{len(asked)} {'name' if len(asked) == 1 else 'names'}"
        against = ", ".join(f"{code} no. {v['number']}" for code, v in lists.versions.items())
        summary = f"{names} compared with {against}: "
        summary += f"{len(alerts)} to judge, {len(best) - len(alerts)} for a quiet look"
        return Outcome(
            (summary if best else f"{names} compared with {against}: nothing found")[:500],
            facts=[{"label": what, "value": q.name or "hashed"} for what, q in asked][:50],
            findings=self._findings(alerts, lists),
            hits=hits[:200],
        )

    def _findings(self, alerts: list[Match], lists: engine.Engine) -> list[Found]:
        uids = dict(
            ListEntry.objects.filter(pk__in=[m.key for m in alerts]).values_list("pk", "uid")
        )
        found = []
        for match in sorted(alerts, key=lambda m: m.order)[:20]:
            said = match.explanation
            code = said["list"]
            evidence = {
                "list": code,
                "uid": uids[match.key],
                "score": match.score,
                "matched_alias": match.listed_name,
                "dob_match": any(w.startswith("born on the same day") for w in said["for"]),
                "list_version": lists.versions[code]["published"],
            }
            if said["identifiers"]:
                evidence["second_identifier"] = said["identifiers"][0]["kind"]
            found.append(
                Found("intel.list_name_match", match.score, digest(code, uids[match.key]), evidence)
            )
        return found
