"""Personal data as it is shown to who has not asked, with a reason, to see it."""


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
