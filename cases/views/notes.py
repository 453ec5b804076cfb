"""Notes on a case."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from cases import notes
from cases.finding_forms import CorrectForm
from cases.forms import NoteForm
from cases.models.sight import sees_compliance
from cases.views.access import access_case
from cases.views.acting import act
from cases.views.work import number


@require_POST
def note(request: HttpRequest, ref: str) -> HttpResponse:
    """Write a note. A correction is a new note that replaces one's own old one."""
    case = access_case(request.user, ref)
    behind = sees_compliance(request.user)
    replaced = number(request, "replaces")
    old, slot, form = None, "note", NoteForm(request.POST, auto_id="note_%s", behind_wall=behind)
    if replaced is not None:
        old = case.notes.visible_to(request.user).filter(pk=replaced).first()
        if old is None:
            raise Http404
        slot = f"correct-{replaced}"
        form = CorrectForm(request.POST, auto_id=f"correct{replaced}_%s", behind_wall=behind)

    def run() -> None:
        said = form.cleaned_data
        wall = True if said.get("wall") else None
        notes.add(case, said["text"], actor=request.user, wall=wall, replaces=old)

    return act(request, case, run, form=form, slot=slot, said="Note added.")
