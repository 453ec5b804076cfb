"""Carrying out a decision on the platform, step by step, and taking it back where that can be."""

from cases.offboarding.plan import Step, plan, undo_plan
from cases.offboarding.run import (
    judged_families,
    late,
    on_action_result,
    retry,
    skip,
    start,
    sweep,
)

__all__ = [
    "Step",
    "judged_families",
    "late",
    "on_action_result",
    "plan",
    "retry",
    "skip",
    "start",
    "sweep",
    "undo_plan",
]
