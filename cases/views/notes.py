"""Notes on a case."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from cases import notes
from cases.forms import NoteForm
from cases.models.sight import sees_compliance
from cases.views.access import access_case
from cases.views.acting import act
from cases.views.work import number


@require_POST
def note(request: HttpRequest, ref: str) -> HttpResponse:
    """Write a note. A correction is a new note that replaces one's own old one."""
    case = access_case(request.user, ref)
    form = NoteForm(request.POST, behind_wall=sees_compliance(request.user))

    def run() -> None:
        old = None
        if replaced := number(request, "replaces"):
            old = case.notes.visible_to(request.user).filter(pk=replaced).first()
        said = form.cleaned_data
        wall = True if said.get("wall") else None
        notes.add(case, said["text"], actor=request.user, wall=wall, replaces=old)

    return act(request, case, run, form=form, slot="note", said="Note added.")
