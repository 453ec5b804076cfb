"""A small portal with one of everything, for the sweeps that try every address as everybody.

For each kind of object there is one that the asking person holds (`own`), one that somebody else
holds (`other`) and one of a restricted case (`restricted`).
"""

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from cases.auth import tokens
from cases.models import (
    Account,
    ApiToken,
    Attachment,
    Case,
    Decision,
    EnrichmentJob,
    Finding,
    Hold,
    Indicator,
    ListEntry,
    ListVersion,
    Note,
    Relation,
    RelationMember,
    Ring,
    RingOverride,
    SanctionsList,
    ScreeningHit,
    Sighting,
    Trait,
    User,
    Verification,
    VerificationAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from cases.permissions import ROLES, sync_roles
from signals import detectors, keys, typology_store
from signals.models import (
    ActivityEvent,
    Detector,
    IntakeBatch,
    QuarantinedItem,
    RejectedItem,
)

NOBODY = "nobody"
SIGNED_IN = (NOBODY, *ROLES)
WHO = ("anonymous", "detector", *SIGNED_IN)
SIDES = ("own", "other", "restricted")
TYPOLOGY = Path(typology_store.__file__).parent / "typologies" / "dprk_itw"


@dataclass
class World:
    """The people, and the objects by kind, side and person."""

    people: dict[str, User]
    detector: Detector
    key: str
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)

    def one(self, kind: str, side: str, who: str) -> Any:
        """The object of `kind` on `side` of `who`; where there is just one, that one."""
        sides = self.objects[kind]
        found = sides.get(side, sides["other"])
        return found.get(who, found["*"]) if isinstance(found, dict) else found

    def body(self, written: dict[str, Any] | None, side: str, who: str) -> dict[str, Any]:
        """What a policy's `body` stands for when `who` asks for an object of `side`."""
        return {name: self._value(value, side, who) for name, value in (written or {}).items()}

    def _value(self, value: Any, side: str, who: str) -> Any:
        """`$soon`: in four hours. `$tomorrow`: that day. `$digest`: of the decision.
        `$colleague`: who may work on the case, too. `$kind`: the object of that kind on the
        same side, `$kind:side` on another."""
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        if value == "$soon":
            return (timezone.now() + timedelta(hours=4)).isoformat()
        if value == "$tomorrow":
            return (timezone.localdate() + timedelta(days=1)).isoformat()
        if value == "$digest":
            return self.one("decision", side, who).digest
        if value == "$colleague":
            queue = self.one("case", side, who).queue
            return "officer_two" if queue == "compliance" else "somebody"
        kind, _, other = value[1:].partition(":")
        found = self.one(kind, other or side, who)
        return getattr(found, "ref", None) or found.pk

    def client(self, who: str) -> Client:
        client = Client(raise_request_exception=False)
        if who in self.people:
            client.force_login(self.people[who])
        elif who == "detector":
            client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {self.key}"
        return client


def build() -> World:
    """Everything that an address may be about. A few hundred milliseconds."""
    sync_roles()
    people = {role: _person(role) for role in SIGNED_IN}
    people["somebody"] = _person("somebody", "senior")
    people["officer_two"] = _person("officer_two", "officer")
    detector = detectors.register(
        "/detectors/matrix", actor=None, name="Matrix", owner=people["engineer"]
    )
    world = World(people, detector, keys.make(detector, actor=None).text)
    typology_store.load(TYPOLOGY)
    _cases(world)
    _ring(world)
    _machines(world)
    return world


def _person(username: str, role: str | None = None) -> User:
    user = User.objects.create_user(username, f"{username}@example.com", "correct horse battery")
    role = role or username
    if role in ROLES:
        user.groups.add(Group.objects.get(name=role))
    return user


def _cases(world: World) -> None:
    somebody, officer = world.people["somebody"], world.people["officer_two"]
    own = {who: _case(f"fl-own-{who}", world.people[who]) for who in SIGNED_IN}
    own["*"] = own[NOBODY]
    cases = {
        "own": own,
        "other": _case("fl-other", somebody),
        "restricted": _case("fl-hidden", officer, restricted=True),
    }
    world.objects["case"] = cases
    world.objects["account"] = _each(cases, lambda case: case.account)
    for kind, make in (
        ("finding", _finding),
        ("verification", _verification),
        ("note", _note),
        ("attachment", _attachment),
        ("decision", _decision),
        ("hold", _hold),
        ("job", _job),
        ("hit", _hit),
    ):
        world.objects[kind] = _each(cases, make)


def _each(cases: dict[str, Any], make: Any) -> dict[str, Any]:
    """The same sides, with what `make` makes of each case."""
    made = {}
    for side, found in cases.items():
        if isinstance(found, dict):
            made[side] = {who: make(case) for who, case in found.items() if who != "*"}
            made[side]["*"] = made[side][NOBODY]
        else:
            made[side] = make(found)
    return made


def _case(ref: str, holder: User, **fields: Any) -> Case:
    now = timezone.now()
    account = Account.objects.create(
        ref=ref,
        kind="freelancer",
        display_name="Ada Example",
        email="ada@example.org",
        phone="+15550100200",
        score=Decimal("9.00"),
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT cases_next_ref()")
        number = cursor.fetchone()[0]
    compliance = holder.groups.filter(name="officer").exists()
    return Case.objects.create(
        ref=number,
        account=account,
        typology_code="dprk_itw",
        state="in_compliance" if compliance else "in_review",
        queue="compliance" if compliance else "review",
        state_since=now,
        opened_at=now,
        due_at=now + timedelta(days=2),
        score_at_opening=Decimal("9.00"),
        assignee=holder,
        claimed_until=now + timedelta(hours=1),
        fence=1,
        **fields,
    )


def _finding(case: Case) -> Finding:
    now = timezone.now()
    return Finding.objects.create(
        account=case.account,
        indicator=Indicator.objects.filter(weight__gte=4).first(),
        typology_code="dprk_itw",
        code="login.many_ips_short_window",
        family="login",
        detector="/detectors/matrix",
        fingerprint="f1",
        weight=5,
        confidence=Decimal("0.9"),
        points=Decimal("4.5"),
        best_event="e1",
        evidence={"ip": "203.0.113.7"},
        first_at=now,
        last_at=now,
    )


def _verification(case: Case) -> Verification:
    now = timezone.now()
    step = Verification.objects.create(
        account=case.account,
        case=case,
        typology_code="dprk_itw",
        step="video_authentication",
        trigger="request",
        requested_at=now,
        due_at=now + timedelta(days=3),
    )
    VerificationAttempt.objects.create(
        verification=step, number=1, channel="video", held_at=now, outcome="inconclusive"
    )
    return step


def _note(case: Case) -> Note:
    return Note.objects.create(case=case, author=case.assignee, text="Looked at the passport.")


def _attachment(case: Case) -> Attachment:
    content = b"a letter"
    return Attachment.objects.create(
        case=case,
        added_by=case.assignee,
        name="letter.txt",
        content_type="text/plain",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
    )


def _decision(case: Case) -> Decision:
    return Decision.objects.create(
        case=case,
        outcome="cleared",
        reason_code="no_findings",
        reason="Nothing there.",
        digest="0" * 64,
        score=3,
        needs_second=False,
        state="withdrawn",
        proposed_by=case.assignee,
        proposed_at=timezone.now(),
    )


def _hold(case: Case) -> Hold:
    return Hold.objects.create(
        account=case.account,
        case=case,
        level="soft_hold",
        reason="Until the video authentication.",
        set_by=case.assignee,
        set_at=timezone.now(),
    )


def _job(case: Case) -> EnrichmentJob:
    return EnrichmentJob.objects.create(
        key=f"matrix:{case.pk}",
        analyzer="sanctions",
        analyzer_version="1",
        account=case.account,
        case=case,
        reason="matrix",
        state="dead",
        due_at=timezone.now(),
    )


def _hit(case: Case) -> ScreeningHit:
    listed, _ = SanctionsList.objects.get_or_create(code="matrix", defaults={"title": "Matrix"})
    version, _ = ListVersion.objects.get_or_create(list=listed, number=1, source="x", sha256="0")
    entry, _ = ListEntry.objects.get_or_create(
        list=listed, uid="1", defaults={"kind": "person", "primary_name": "A", "first": version}
    )
    return ScreeningHit.objects.create(
        account=case.account,
        entry=entry,
        list_version=version,
        screened="Ada Example",
        screened_kind="account name",
        score=Decimal("0.9"),
        band="alert",
        engine="x",
        pair_hash=f"{case.pk}",
        found_at=timezone.now(),
    )


def _ring(world: World) -> None:
    ring = Ring.objects.create(size=2)
    members = [world.one("account", "other", "*"), world.one("account", "own", "analyst")]
    Account.objects.filter(pk__in=[each.pk for each in members]).update(ring=ring)
    override = RingOverride.objects.create(
        kind="pin",
        account=members[0],
        other=members[1],
        reason="Same laptop.",
        made_by=world.people["somebody"],
    )
    world.objects["ring"] = {"other": ring}
    world.objects["override"] = {"other": override}
    now = timezone.now()
    trait = Trait.objects.create(kind="device", value="dev-1", sharers=2)
    relation = Relation.objects.create(ref="rel-1", kind="household", changed_at=now)
    for each in members:
        Sighting.objects.create(account=each, trait=trait, first_at=now, last_at=now)
        RelationMember.objects.create(relation=relation, account=each)
    world.objects["trait"] = {"other": trait}
    world.objects["relation"] = {"other": relation}


def _machines(world: World) -> None:
    reject = RejectedItem.objects.create(
        detector=world.detector,
        kind="signals",
        received_at=timezone.now(),
        codes=["out_of_range"],
        errors=[{"pointer": "/data/confidence", "code": "out_of_range", "detail": "above 1"}],
        body="{}",
    )
    endpoint = WebhookEndpoint.objects.create(name="platform", url="https://hooks.example.com/in")
    delivery = WebhookDelivery.objects.create(
        public_id="msg_matrix",
        endpoint=endpoint,
        event_type="hold.set",
        payload={},
        order_key="fl-other",
        state="dead",
        due_at=timezone.now(),
    )
    world.objects |= {
        "detector": {"other": world.detector},
        "reject": {"other": reject},
        "aside": {"other": _set_aside(world.detector)},
        "endpoint": {"other": endpoint},
        "delivery": {"other": delivery},
        "user": {
            "own": dict(world.people) | {"*": world.people[NOBODY]},
            "other": world.people["somebody"],
        },
        "key": {"other": world.detector.keys.get()},
        "token": {
            "own": {who: _token(user) for who, user in world.people.items()}
            | {"*": _token(world.people[NOBODY])},
            "other": _token(world.people["somebody"]),
        },
    }


def _set_aside(detector: Detector) -> QuarantinedItem:
    now, pk = timezone.now(), uuid.uuid4()
    batch = IntakeBatch.objects.create(
        kind="activity", detector=detector, received_at=now, count=1, first_id=pk, last_id=pk,
        done_at=now,
    )  # fmt: skip
    ActivityEvent.objects.create(
        pk=pk, batch=batch, detector=detector, event_id="aside", type="account.registered",
        subject_kind="account", subject_ref="fl-aside", occurred_at=now, received_at=now,
        content_hash=b"0" * 32, data={"email": "ada@example.org"},
    )  # fmt: skip
    return QuarantinedItem.objects.create(
        batch=batch, kind=batch.kind, item_id=pk, error="DataError: no time"
    )


def _token(user: User) -> ApiToken:
    return tokens.make(user, "matrix")[0]


def routes() -> list[str]:
    """Every address of the portal, as its pattern is written."""

    def walk(patterns: list, before: str = "") -> list[str]:
        found = []
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                found += walk(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern):
                found.append(route)
        return found

    return list(dict.fromkeys(walk(get_resolver().url_patterns)))


# Which object an address is about, by how it begins; the longest beginning wins.
ABOUT = {
    "accounts/": ("account", "ref"),
    "cases/": ("case", "ref"),
    "rings/": ("ring", "pk"),
    "decisions/": ("decision", "pk"),
    "findings/": ("finding", "pk"),
    "verifications/": ("verification", "pk"),
    "holds/": ("hold", "pk"),
    "notes/": ("note", "pk"),
    "detectors/": ("detector", "pk"),
    "detectors/quarantine/": ("aside", "pk"),
    "rejects/": ("reject", "pk"),
    "people/": ("user", "pk"),
    "webhooks/": ("endpoint", "pk"),
    "webhooks/messages/": ("delivery", "public_id"),
    "tokens/": ("token", "pk"),
    "deliveries/": ("delivery", "pk"),
    "receivers/": ("endpoint", "pk"),
    "enrichment/": ("job", "pk"),
    "hits/": ("hit", "pk"),
}
PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")


def kind_of(route: str) -> tuple[str, str] | None:
    """The kind of object in the route's first place, and by which field it is named."""
    if not PLACE.search(route):
        return None
    path = PLACE.split(route)[0].removeprefix("api/v1/")
    best = max((start for start in ABOUT if start in path), key=len, default=None)
    return ABOUT[best] if best else None


# What stands in the further places of an address.
NAMED = {
    "item": lambda world: world.objects["reject"]["other"].pk,
    "prefix": lambda world: world.objects["key"]["other"].prefix,
    "typology": lambda world: "dprk_itw",
    "code": lambda world: "login.many_ips_short_window",
}


def fill(route: str, world: World, side: str, who: str) -> str:
    """The route as an address, with an object of `side` in its first place."""
    about = kind_of(route)
    places = list(PLACE.finditer(route))
    address = re.sub(r"\^|\$|\(\?P<\w+>[^)]*\)", lambda m: "x" if "(" in m[0] else "", route)
    for number, place in enumerate(places):
        converter, name = place[1], place[2]
        if name == "number":
            value = 1
        elif number == 0 and about:
            value = getattr(world.one(about[0], side, who), about[1])
        elif name in NAMED:
            value = NAMED[name](world)
        elif name in world.objects:
            value = world.one(name, side, who).pk
        else:
            value = 1 if converter in ("int", "id") else "x"
        address = address.replace(place[0], str(value), 1)
    return "/" + address
