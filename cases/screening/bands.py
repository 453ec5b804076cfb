"""The numbers of screening, from the policy in force."""

from cases.models import Policy
from cases.screening.judge import Bands


def in_force() -> Bands:
    """The bands of the active policy that has some; what it does not say keeps its default."""
    policy = Policy.objects.filter(active=True, data__has_key="screening").order_by("pk").last()
    said = policy.data.get("screening", {}) if policy else {}
    return Bands(**{key: float(said[key]) for key in Bands.__dataclass_fields__ if key in said})
