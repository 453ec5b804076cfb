"""All rows of the portal, one module per subject."""

from cases.models.people import User

__all__ = ["User"]
