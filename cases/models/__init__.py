"""All rows of the portal, one module per subject."""

from cases.models.accounts import (
    Account,
    Contract,
    Finding,
    Infrastructure,
    Link,
    NearHash,
    PayoutMethod,
    Reconsider,
    Relation,
    RelationMember,
    Sighting,
    Trait,
    TraitNear,
)
from cases.models.api import IdempotentAnswer
from cases.models.audit import AuditEvent
from cases.models.case import Attachment, Case, CaseSkip, CaseVisit, CaseWorker, Note
from cases.models.decisions import Action, Decision, EvidenceSnapshot, Hold, HoldRequest
from cases.models.enrichment import AnalyzerHealth, EnrichmentJob
from cases.models.people import ApiToken, User
from cases.models.policy import Indicator, Policy, Relink, Typology
from cases.models.rings import Ring, RingOverride
from cases.models.screening import (
    HitDecision,
    ListEntry,
    ListIdentifier,
    ListName,
    ListVersion,
    SanctionsList,
    ScreeningHit,
    ScreeningMark,
    ScreeningRecord,
)
from cases.models.verification import Verification, VerificationAttempt
from cases.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "Account",
    "Action",
    "AnalyzerHealth",
    "ApiToken",
    "Attachment",
    "AuditEvent",
    "Case",
    "CaseSkip",
    "CaseVisit",
    "CaseWorker",
    "Contract",
    "Decision",
    "EnrichmentJob",
    "EvidenceSnapshot",
    "Finding",
    "HitDecision",
    "Hold",
    "HoldRequest",
    "IdempotentAnswer",
    "Indicator",
    "Infrastructure",
    "Link",
    "ListEntry",
    "ListIdentifier",
    "ListName",
    "ListVersion",
    "NearHash",
    "Note",
    "PayoutMethod",
    "Policy",
    "Reconsider",
    "Relation",
    "RelationMember",
    "Relink",
    "Ring",
    "RingOverride",
    "SanctionsList",
    "ScreeningHit",
    "ScreeningMark",
    "ScreeningRecord",
    "Sighting",
    "Trait",
    "TraitNear",
    "Typology",
    "User",
    "Verification",
    "VerificationAttempt",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
]
