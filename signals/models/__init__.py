"""What detectors are and what came in through the door."""

from signals.models.detectors import Detector, DetectorKey
from signals.models.intake import (
    ActivityEvent,
    IntakeBalance,
    IntakeBatch,
    IntakeKind,
    RejectedItem,
    Signal,
)
from signals.models.quarantine import QuarantinedItem

__all__ = [
    "ActivityEvent",
    "Detector",
    "DetectorKey",
    "IntakeBalance",
    "IntakeBatch",
    "IntakeKind",
    "QuarantinedItem",
    "RejectedItem",
    "Signal",
]
