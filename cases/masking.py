"""Personal data as it is shown to who has not asked, with a reason, to see it."""

from typing import Any

# Fields of evidence that name or reach a person.
PERSONAL = frozenset(
    {
        "account_name", "address", "display_name", "email", "first_name", "full_name", "handle",
        "holder_name", "last_name", "matched_alias", "name", "new_name", "phone", "quote_ref",
    }
)  # fmt: skip
MASK = "••••"


def mask(value: str, kind: str = "") -> str:
    """Enough to recognise a value one knows, too little to learn one that one does not."""
    value = str(value)
    if not value:
        return ""
    if kind == "email" or "@" in value:
        name, _, domain = value.partition("@")
        ending = domain[domain.rfind(".") :] if "." in domain else ""
        return f"{name[:1]}•••@{domain[:1]}•••{ending}"
    if kind == "name":
        return " ".join(f"{part[:1]}•••" for part in value.split()[:4])
    kept = 3 if kind == "phone" else 2
    return f"{value[:kept]}•••{value[-2:]}" if len(value) > 6 else "•••"


def masked(value: Any, personal: frozenset[str] = PERSONAL) -> Any:
    """`value` with the content of personal fields hidden, however deep they are."""
    if isinstance(value, dict):
        return {
            key: MASK if key.lower() in personal and item else masked(item, personal)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item, personal) for item in value]
    return value
