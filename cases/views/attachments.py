"""Files on a case: handed in, listed with their hash, handed out as nothing but a file."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from cases import notes
from cases.finding_forms import AttachForm
from cases.models import Attachment
from cases.models.sight import sees_compliance
from cases.views.access import access_case
from cases.views.acting import act
from cases.views.case import show


@require_POST
def attach(request: HttpRequest, ref: str) -> HttpResponse:
    """Put a file to the case. What it is must be of a known kind and look like it."""
    case = access_case(request.user, ref)
    form = AttachForm(
        request.POST, request.FILES, auto_id="attach_%s", behind_wall=sees_compliance(request.user)
    )

    def run() -> None:
        said = form.cleaned_data
        notes.attach(
            case,
            actor=request.user,
            name=said["file"].name,
            content=said["file"].read(),
            content_type=form.content_type,
            wall=True if said.get("wall") else None,
        )

    return act(request, case, run, form=form, slot="attach", said="Attached.")


@require_GET
def download(request: HttpRequest, ref: str, attachment: int) -> HttpResponse:
    """Hand a file out, never shown in the browser, once the read is on record.

    It is hashed again; what is not what was attached stays here (409).
    """
    case = access_case(request.user, ref)
    rows = Attachment.objects.visible_to(request.user).filter(case=case, pk=attachment)
    found = rows.select_related("case").first()
    if found is None:
        raise Http404
    try:
        content = notes.content_of(found, actor=request.user)
    except notes.Damaged as exc:
        messages.error(request, str(exc))
        return show(request, case, status=409)
    return HttpResponse(
        content,
        content_type=found.content_type,
        headers={
            "Content-Disposition": content_disposition_header(True, found.name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Attachment-SHA256": found.sha256,
        },
    )
