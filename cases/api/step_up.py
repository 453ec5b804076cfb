"""What cannot be taken back asks for a recent proof of who is there."""

from rest_framework import exceptions, status
from rest_framework.request import Request

from cases.auth import step_up


class StepUpNeeded(exceptions.APIException):
    """Confirm that it is you (on a page of the portal), then send the same again."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = "Confirm who you are on a page of the portal, then send the same again."
    default_code = "step_up_required"


def require_fresh(request: Request) -> None:
    """Refuse a session whose last proof of identity is too old. A token was made under one."""
    if not step_up.is_fresh(request):
        raise StepUpNeeded()
