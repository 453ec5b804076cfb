"""A page's own door: the right without which it does nothing, asked before anything else."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from cases import permissions

View = Callable[..., HttpResponseBase]


def needs(permission: str) -> Callable[[View], View]:
    """Let only people with `permission` into the view; others get a 403, which is recorded.

    Stands above `step_up_required`: nobody proves who they are for what they may not do. The verb
    behind the page asks again.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            permissions.require(request.user, permission)
            return view(request, *args, **kwargs)

        return wrapped

    return decorate
