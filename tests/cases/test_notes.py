"""Notes and files: added, corrected by another, never changed."""

import hashlib

import pytest

from cases import notes, permissions
from cases.models import Attachment
from cases.transitions import NotAllowed

PDF = b"%PDF-1.7 something"


def attach(case, actor, content=PDF, name="a.pdf", kind="application/pdf"):
    return notes.attach(case, actor=actor, name=name, content=content, content_type=kind)


def test_a_note_is_kept_and_recorded_without_its_text(make_case, rita):
    case = make_case()
    note = notes.add(case, "  two laptops ", actor=rita)
    assert note.text == "two laptops"
    event = case.events.get()
    assert (event.verb, event.data["note_id"]) == ("note", note.pk)
    assert "laptops" not in str(event.data)
    with pytest.raises(NotAllowed, match="says nothing"):
        notes.add(case, " ", actor=rita)


def test_a_file_is_kept_with_its_hash_and_only_once(make_case, rita):
    case = make_case()
    first = attach(case, rita)
    again = attach(case, rita, name="b.pdf")
    assert first == again
    assert first.sha256 == hashlib.sha256(PDF).hexdigest()
    assert bytes(first.content) == PDF


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "text/plain"), (b"<script>", "text/html"), (b"MZ", "application/pdf")],
)
def test_what_is_not_what_it_says_is_not_taken(make_case, rita, content, kind):
    case = make_case()
    with pytest.raises(NotAllowed):
        attach(case, rita, content=content, kind=kind)
    assert not Attachment.objects.exists()


def test_names_lose_their_folders_and_controls(make_case, rita):
    assert attach(make_case(), rita, name="..\\..\\x/\x00é\n.pdf").name == "é.pdf"


@pytest.mark.parametrize("role", [None, "engineer", "administrator", "auditor"])
def test_who_writes_nothing_writes_nothing_not_even_what_is_there(make_case, rita, person, role):
    case, other = make_case(), person("other", role)
    attach(case, rita)
    with pytest.raises(permissions.Denied):
        notes.add(case, "n", actor=other)
    with pytest.raises(permissions.Denied):
        attach(case, other)
