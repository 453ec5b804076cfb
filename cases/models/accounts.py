"""Accounts of the platform, what they use, and what ties them to each other."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from cases.models.sight import OfAccount


class AccountQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The accounts `user` may read about. Every view and serializer starts here."""
        if user.is_active and user.has_perm("cases.view_case"):
            return self
        return self.none()


class Account(models.Model):
    """A platform account, known by the platform's reference. Written by the correlator.

    `score` is the sum of the account's score lines under `score_policy`; `ring` follows from
    links and analysts' overrides; `hold` is what the platform was last told to do with its money.
    """

    class Kind(models.TextChoices):
        FREELANCER = "freelancer"
        CLIENT = "client"
        UNKNOWN = "unknown"

    class Identity(models.TextChoices):
        """Whose identity the account carries (a theft victim is never the suspect)."""

        UNDETERMINED = "undetermined"
        OWN = "own"
        RENTED = "rented"
        STOLEN = "stolen"
        INVENTED = "invented"

    ref = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.UNKNOWN, db_default="unknown")
    display_name = models.CharField(max_length=200, blank=True, db_default="")
    email = models.CharField(max_length=254, blank=True, db_default="")
    phone = models.CharField(max_length=40, blank=True, db_default="")
    claimed_country = models.CharField(max_length=2, blank=True, db_default="")
    skills = models.JSONField(default=list, db_default=[])
    facts = models.JSONField(
        default=dict, db_default={}, help_text="{field: [time, event, value]}: the newest of each"
    )
    opened_at = models.DateTimeField(null=True, help_text="When the platform opened the account")
    facts_at = models.DateTimeField(null=True, help_text="Time of the newest registration fact")
    first_seen_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    identity = models.CharField(
        max_length=12,
        choices=Identity,
        default=Identity.UNDETERMINED,
        db_default="undetermined",
    )
    score = models.DecimalField(max_digits=8, decimal_places=2, default=0, db_default=0)
    score_policy = models.ForeignKey("cases.Policy", models.PROTECT, null=True, related_name="+")
    scored_at = models.DateTimeField(null=True)
    ring = models.ForeignKey("cases.Ring", models.SET_NULL, null=True, related_name="members")
    ring_since = models.DateTimeField(null=True, help_text="When it came into its present ring")

    objects = AccountQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["ring"], name="account_ring", condition=Q(ring__isnull=False)),
            models.Index(fields=["-score"], name="account_score", condition=Q(score__gt=0)),
        ]

    def __str__(self) -> str:
        return self.ref


class Trait(models.Model):
    """Something that an account uses and another could share.

    `value` is what the platform sent: hashed already where it is sensitive. `sharers` counts
    accounts with a sighting, for hashes also of near-duplicates (`cases.near`), there only up to
    one more than the policy's cap; `infrastructure` is the kind under which it is declared, if any.
    """

    class Kind(models.TextChoices):
        DEVICE = "device"
        IP = "ip"
        DOCUMENT_NUMBER = "document_number"
        DOCUMENT_IMAGE = "document_image"
        FACE = "face"
        PAYOUT = "payout"
        WALLET = "wallet"
        EMAIL = "email"
        PHONE = "phone"
        TEXT = "text"
        SHIP_TO = "ship_to"

    kind = models.CharField(max_length=16, choices=Kind)
    value = models.CharField(max_length=200)
    sharers = models.PositiveIntegerField(default=0, db_default=0)
    infrastructure = models.CharField(max_length=40, blank=True, db_default="")

    objects = OfAccount.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="one_row_per_trait")]


class Sighting(models.Model):
    """Account uses trait: first, last, how often. Never taken back: what was used was used.

    Accounts and traits are never deleted, so their references carry no foreign-key trigger here
    nor in the other tables that the correlator fills by the thousand.
    """

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="sightings", db_constraint=False
    )
    trait = models.ForeignKey(
        Trait, models.PROTECT, related_name="sightings", db_constraint=False, db_index=False
    )
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    objects = OfAccount.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trait", "account"], name="one_sighting_per_pair")
        ]


class NearHash(models.Model):
    """A perceptual hash or simhash in four parts: the exact index behind near-duplicates.

    `crowded` hashes have more accounts around them than the policy's cap; they make no links,
    and of their neighbours only those are kept that are not crowded themselves.
    """

    trait = models.OneToOneField(
        Trait, models.CASCADE, related_name="+", primary_key=True, db_constraint=False
    )
    kind = models.CharField(max_length=16)
    hash = models.BigIntegerField()
    p0 = models.IntegerField()
    p1 = models.IntegerField()
    p2 = models.IntegerField()
    p3 = models.IntegerField()
    crowded = models.BooleanField(default=False, db_default=False)
    owner = models.BigIntegerField(null=True, help_text="The only account that used it, if one is")

    class Meta:
        indexes = [
            models.Index(fields=["kind", "crowded", f"p{part}"], name=f"near_hash_part_{part}")
            for part in range(4)
        ]


class TraitNear(models.Model):
    """Two hashes of one kind within the policy's distance of each other (a < b)."""

    a = models.ForeignKey(
        Trait, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    b = models.ForeignKey(Trait, models.CASCADE, related_name="+", db_constraint=False)
    distance = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["a", "b"], name="one_row_per_near_pair"),
            models.CheckConstraint(condition=Q(a__lt=F("b")), name="near_pair_is_ordered"),
        ]


class Link(models.Model):
    """Two accounts and how strongly they hang together (a < b). Derived, never edited.

    The traits behind it are read from the shared sightings (`cases.links.explain`). A pair that
    a declared relation weakens keeps its row however weak it is, so that a withdrawal finds it.
    """

    a = models.ForeignKey(
        Account, models.CASCADE, related_name="links_a", db_index=False, db_constraint=False
    )
    b = models.ForeignKey(Account, models.CASCADE, related_name="links_b", db_constraint=False)
    strength = models.DecimalField(max_digits=7, decimal_places=3)

    objects = OfAccount.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["a", "b"], name="one_link_per_pair"),
            models.CheckConstraint(condition=Q(a__lt=F("b")), name="link_is_ordered"),
        ]


class Relation(models.Model):
    """A declared relation: household, agency, travel notice and so on. It weakens links.

    Declared by the platform (`source`) or by an analyst with a reason. Withdrawn, it stays
    as history; events may come in any order, so the newest `changed_at` wins.
    """

    ref = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=40)
    evidence = models.TextField(blank=True)
    active = models.BooleanField(default=True)
    changed_at = models.DateTimeField()
    changed_event = models.CharField(max_length=255, blank=True, default="", db_default="")
    declared_by = models.ForeignKey(
        "cases.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField(blank=True)

    objects = OfAccount.as_manager()


class RelationMember(models.Model):
    relation = models.ForeignKey(Relation, models.CASCADE, related_name="members", db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="relations")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["relation", "account"], name="one_row_per_member")
        ]


class Infrastructure(models.Model):
    """A shared place or tool that is known as such: campus NAT, VPN exit, kiosk, CGNAT.

    May be declared before any account used it, or withdrawn later; the newest wins.
    """

    trait_kind = models.CharField(max_length=16)
    value = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    label = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True)
    changed_at = models.DateTimeField()
    changed_event = models.CharField(max_length=255, blank=True, default="", db_default="")
    declared_by = models.ForeignKey(
        "cases.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField(blank=True)

    objects = OfAccount.as_manager()

    class Meta:
        verbose_name_plural = "infrastructure"
        constraints = [
            models.UniqueConstraint(
                fields=["trait_kind", "value"], name="one_row_per_infrastructure"
            )
        ]


class PayoutMethod(models.Model):
    """Where an account wants its money: added, maybe removed. Holder as the platform knows it."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="payout_methods")
    trait = models.ForeignKey(Trait, models.PROTECT, related_name="+")
    type = models.CharField(max_length=10)
    holder_name = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=2, blank=True)
    added_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    objects = OfAccount.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "trait"], name="one_payout_method_per_trait")
        ]


class Contract(models.Model):
    """Client and freelancer get to know each other; read when contracts must be closed."""

    ref = models.CharField(max_length=128, unique=True)
    client = models.ForeignKey(Account, models.PROTECT, null=True, related_name="contracts_given")
    freelancer = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="contracts_taken"
    )
    amount_usd = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    rating = models.DecimalField(max_digits=3, decimal_places=1, null=True)
    video_interview_before = models.BooleanField(null=True)
    facts = models.JSONField(default=dict, db_default={}, help_text="As those of an account")
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    objects = OfAccount.as_manager()


class Finding(models.Model):
    """What is scored: one finding of one detector about one account, however often it was seen.

    Written by the correlator from signals, by enrichment and by verification. `weight` and
    `confidence` are those of the sighting with the most points (ties: the smallest `best_event`),
    so the order of arrival does not matter. Shadow findings are kept and never scored.
    """

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="findings", db_index=False, db_constraint=False
    )
    indicator = models.ForeignKey(
        "cases.Indicator", models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    typology_code = models.CharField(max_length=40)
    code = models.CharField(max_length=80)
    family = models.CharField(max_length=40)
    detector = models.CharField(max_length=200, help_text="The detector's source")
    detector_version = models.CharField(max_length=40, blank=True)
    fingerprint = models.CharField(max_length=128)
    weight = models.DecimalField(max_digits=4, decimal_places=1)
    confidence = models.DecimalField(max_digits=4, decimal_places=3)
    points = models.DecimalField(max_digits=5, decimal_places=2)
    best_event = models.CharField(max_length=255)
    evidence = models.JSONField(default=dict)
    accommodation = models.BooleanField(default=False, help_text="Recorded, never scored")
    shadow = models.BooleanField(default=False)
    withdrawn = models.BooleanField(default=False, db_default=False)
    spare = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Not among the strongest of its detector and family: kept, not scored",
    )
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    objects = OfAccount.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "detector", "fingerprint"], name="one_row_per_finding"
            )
        ]


class Reconsider(models.Model):
    """An account that the correlator is to score and look at again in its next round."""

    account_id = models.BigIntegerField(primary_key=True)


__all__ = [
    "Account",
    "Contract",
    "Finding",
    "Infrastructure",
    "Link",
    "NearHash",
    "PayoutMethod",
    "Reconsider",
    "Relation",
    "RelationMember",
    "Sighting",
    "Trait",
    "TraitNear",
]
