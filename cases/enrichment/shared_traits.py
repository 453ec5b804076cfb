"""Who else uses what this account uses, with counts: the plain facts behind links."""

from collections import defaultdict

from cases.enrichment.outcome import Outcome
from cases.enrichment.subject import Subject, digest
from cases.models import Sighting

# Over this many a trait says where somebody is, not who: it is counted and not listed.
CROWD = 50
MOST_ACCOUNTS = 30


class SharedTraits:
    name = "shared_traits"
    title = "Shared traits"
    version = "1"
    seconds = 20.0

    def wants(self, subject: Subject) -> bool:
        return bool(subject.traits)

    def inputs(self, subject: Subject) -> str:
        return digest(sorted((t.trait, t.sharers, t.infrastructure) for t in subject.traits))

    def look_at(self, subject: Subject) -> Outcome:
        traits = {t.trait: t for t in subject.traits}
        quiet = {pk for pk, t in traits.items() if t.sharers > CROWD or t.infrastructure}
        others: dict[str, list[int]] = defaultdict(list)
        rows = (
            Sighting.objects.filter(trait__in=traits.keys() - quiet)
            .exclude(account=subject.account)
            .values_list("account__ref", "trait_id")
            .order_by("account__ref", "trait_id")
        )
        for ref, trait in rows[:5_000]:
            others[ref].append(trait)
        ranked = sorted(others.items(), key=lambda item: (-len(item[1]), item[0]))
        facts = [
            {
                "label": ref,
                "account": ref,
                "value": ", ".join(
                    f"{traits[pk].kind.replace('_', ' ')} ({traits[pk].sharers} accounts)"
                    for pk in shared[:8]
                ),
                "count": len(shared),
            }
            for ref, shared in ranked[:MOST_ACCOUNTS]
        ]
        if quiet:
            kinds = sorted({traits[pk].kind.replace("_", " ") for pk in quiet})
            facts.append(
                {
                    "label": "not counted",
                    "value": f"{len(quiet)} known or crowded: {', '.join(kinds)}",
                }
            )
        accounts = f"{len(others)} other {'account' if len(others) == 1 else 'accounts'}"
        if not others:
            return Outcome(f"None of {len(traits)} traits is shared with anybody", facts=facts)
        shared = len({pk for found in others.values() for pk in found})
        return Outcome(f"{shared} of {len(traits)} traits are shared with {accounts}", facts=facts)
