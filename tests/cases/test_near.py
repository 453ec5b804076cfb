"""The hash index finds exactly what a comparison with every hash finds."""

import itertools
import random

import pytest

from cases import rules
from cases.models import Trait, TraitNear
from tests.signals.correlation import feed
from tests.signals.correlation.feed import fact

pytestmark = pytest.mark.django_db


def hashes(seed: int, count: int) -> list[int]:
    """Random hashes, half of them a few bits away from another."""
    rng = random.Random(seed)
    found: list[int] = []
    while len(found) < count:
        base = rng.getrandbits(64)
        if found and rng.random() < 0.5:
            base = rng.choice(found)
            for bit in rng.sample(range(64), rng.randint(1, 10)):
                base ^= 1 << bit
        found.append(base)
    return sorted(set(found), key=lambda _: rng.random())


@pytest.mark.parametrize(
    ("kind", "type_", "field"),
    [
        ("document_image", "document.submitted", "image_phash"),
        ("text", "proposal.submitted", "text_simhash"),
    ],
)
@pytest.mark.parametrize("size", [37, 900])
def test_index_and_full_scan_agree(kind, type_, field, size):
    feed.prepare()
    distance = rules.links().near[kind]
    values = hashes(size, 900)
    feed.post(
        [
            fact(type_, f"account/a{n}", **{field: f"{value:016x}"})
            for n, value in enumerate(values)
        ],
        size=size,
    )
    feed.work(items=size)

    scan = {
        (min(a, b), max(a, b)): (a ^ b).bit_count()
        for a, b in itertools.combinations(values, 2)
        if (a ^ b).bit_count() <= distance
    }
    value_of = {pk: int(value, 16) for pk, value in Trait.objects.values_list("pk", "value")}
    index = {
        (min(value_of[a], value_of[b]), max(value_of[a], value_of[b])): found
        for a, b, found in TraitNear.objects.values_list("a_id", "b_id", "distance")
    }
    assert scan
    assert index == scan


def test_ones_own_variants_cost_nothing_until_somebody_else_uses_one():
    feed.prepare()
    base = 0x0F0F0F0F0F0F0F0F
    own = [f"{base ^ (1 << bit):016x}" for bit in range(40)]
    feed.post([fact("proposal.submitted", "account/me", text_simhash=each) for each in own])
    feed.work()
    assert not TraitNear.objects.exists()
    feed.post([fact("proposal.submitted", "account/other", text_simhash=own[0])])
    feed.work()
    assert TraitNear.objects.count() == 39
    assert set(Trait.objects.filter(kind="text").values_list("sharers", flat=True)) == {2}
