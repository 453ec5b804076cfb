"""Files on a case: what is taken, who sees them, and that they leave as files only."""

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from cases import notes
from cases.models import Attachment, AuditEvent

PDF = b"%PDF-1.7 a letter"


def text(response) -> str:
    return response.content.decode()


def file(name="letter.pdf", content=PDF, content_type="text/html"):
    return SimpleUploadedFile(name, content, content_type)


@pytest.fixture
def case(make_case, rita):
    return make_case("in_review", assignee=rita)


def test_a_file_is_attached_listed_with_its_hash_and_handed_out_as_a_file(as_, rita, case):
    browser = as_(rita)
    answer = browser.post(f"/cases/{case.ref}/attachments/", {"file": file("Brief über;alles.pdf")})
    assert answer.status_code == 302
    row = Attachment.objects.get()
    page = text(browser.get(f"/cases/{case.ref}/"))
    assert row.sha256 == hashlib.sha256(PDF).hexdigest()
    assert row.sha256 in page
    got = browser.get(f"/cases/{case.ref}/attachments/{row.pk}/")
    assert got.content == PDF
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["Content-Type"] == "application/pdf"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "no-store" in got.headers["Cache-Control"]
    event = AuditEvent.objects.get(verb="read", data__what="attachment")
    assert (event.actor, event.data["sha256"]) == (rita, row.sha256)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (None, 422),
        (file("page.html", b"<script>"), 422),
        (file("noending", b"x"), 422),
        (file("empty.txt", b""), 422),
        (file("large.txt", b"x" * (notes.LARGEST + 1)), 422),
        (file("huge.txt", b"x" * (notes.LARGEST + 3 * 2**20)), 422),
        (file("fake.pdf", b"MZ a program"), 409),
        (file("fake.txt", b"\x00\x01"), 409),
    ],
)
def test_what_is_no_letter_is_refused(as_, rita, case, sent, status):
    answer = as_(rita).post(f"/cases/{case.ref}/attachments/", {"file": sent} if sent else {})
    assert answer.status_code == status
    assert not Attachment.objects.exists()


def test_who_may_only_read_attaches_nothing_not_even_again(as_, rita, aud, case):
    notes.attach(case, actor=rita, name="a.pdf", content=PDF, content_type="application/pdf")
    answer = as_(aud).post(f"/cases/{case.ref}/attachments/", {"file": file()})
    assert answer.status_code == 403
    assert Attachment.objects.count() == 1


def test_the_same_file_twice_is_one(as_, rita, case):
    for _ in range(2):
        as_(rita).post(f"/cases/{case.ref}/attachments/", {"file": file()})
    assert Attachment.objects.count() == 1


def test_a_file_behind_the_wall_is_not_there_for_others(as_, rita, sam, make_case):
    case = make_case("in_compliance", assignee=sam)
    as_(sam).post(f"/cases/{case.ref}/attachments/", {"file": file("subpoena.pdf"), "wall": "on"})
    row = Attachment.objects.get()
    assert row.wall
    assert "subpoena" in text(as_(sam).get(f"/cases/{case.ref}/"))
    assert "subpoena" not in text(as_(rita).get(f"/cases/{case.ref}/"))
    assert as_(rita).get(f"/cases/{case.ref}/attachments/{row.pk}/").status_code == 404


def test_a_file_is_not_had_through_another_case(as_, rita, case, make_case):
    row = notes.attach(case, actor=rita, name="a.pdf", content=PDF, content_type="application/pdf")
    other = make_case()
    assert as_(rita).get(f"/cases/{other.ref}/attachments/{row.pk}/").status_code == 404


def test_what_is_not_what_was_attached_stays_here_and_is_recorded(as_, rita, case):
    row = notes.attach(case, actor=rita, name="a.pdf", content=PDF, content_type="application/pdf")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cases_attachment SET content = 'other' WHERE id = %s", [row.pk])
    answer = as_(rita).get(f"/cases/{case.ref}/attachments/{row.pk}/")
    assert answer.status_code == 409
    assert "its hash is another" in text(answer)
    assert AuditEvent.objects.filter(verb="attachment.damaged", case=case).count() == 1
    assert not AuditEvent.objects.filter(verb="read", data__what="attachment").exists()


def test_nothing_leaves_when_the_read_cannot_be_recorded(as_, rita, case, monkeypatch):
    row = notes.attach(case, actor=rita, name="a.pdf", content=PDF, content_type="application/pdf")

    def broken(*args, **kwargs):
        raise RuntimeError("the trail is full")

    monkeypatch.setattr("cases.notes.audit.read", broken)
    browser = as_(rita)
    browser.raise_request_exception = False
    answer = browser.get(f"/cases/{case.ref}/attachments/{row.pk}/")
    assert answer.status_code == 500
    assert PDF not in answer.content
