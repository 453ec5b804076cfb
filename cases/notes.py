"""What people write and attach. Added, corrected by another note, never changed."""

import hashlib

from django.db import transaction

from cases import audit, permissions, transitions
from cases.models import Attachment, Case, Note, User
from cases.states import Verb
from cases.transitions import NotAllowed

LARGEST = 10 * 1024 * 1024
KINDS = {
    "application/pdf": (b"%PDF-",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "text/plain": (),
    "text/csv": (),
    "application/json": (),
}


class Damaged(NotAllowed):
    """What is stored is not what was attached."""


def add(
    case: Case, text: str, *, actor: User, wall: bool | None = None, replaces: Note | None = None
) -> Note:
    """Write a note. Behind the wall it stays there, unless the author says otherwise.

    A correction `replaces` one's own note; both stay.
    """
    if not text.strip():
        raise NotAllowed("An empty note says nothing.")
    with transaction.atomic():
        transitions.lock(case)
        wall = _wall(case, actor, wall)
        if replaces is not None:
            if replaces.case_id != case.pk or replaces.author_id != actor.pk:
                raise NotAllowed("Only your own notes on this case can be corrected by you.")
            if Note.objects.filter(replaces=replaces).exists():
                raise NotAllowed("This note was corrected already; correct the later one.")
            wall = wall or replaces.wall
        note = Note.objects.create(
            case=case, author=actor, text=text.strip(), wall=wall, replaces=replaces
        )
        transitions.apply(
            case, Verb.NOTE, actor=actor, wall=wall,
            data={"note_id": note.pk, "replaces": replaces.pk if replaces else None},
        )  # fmt: skip
    return note


def attach(
    case: Case,
    *,
    actor: User,
    name: str,
    content: bytes,
    content_type: str,
    wall: bool | None = None,
) -> Attachment:
    """Put a file to the case, with its hash. The same file twice is one attachment.

    What it is must be of a known kind and look like it: nothing that a browser would run.
    """
    if not content or len(content) > LARGEST:
        raise NotAllowed(f"A file has between 1 byte and {LARGEST // 2**20} MB.")
    if content_type not in KINDS:
        raise NotAllowed(f"Files of type {content_type!r} are not taken.")
    if not _looks_like(content, content_type):
        raise NotAllowed(f"The file does not look like {content_type}.")
    why_not = transitions.why_not(case, Verb.ATTACH, actor)
    if why_not:
        permissions.refuse(actor, Verb.ATTACH, obj=case, because=why_not)
    with transaction.atomic():
        transitions.lock(case)
        wall = _wall(case, actor, wall)
        digest = hashlib.sha256(content).hexdigest()
        known = case.attachments.filter(sha256=digest, wall=wall).first()
        if known is not None and not transitions.why_not(case, Verb.ATTACH, actor):
            return known
        row = Attachment.objects.create(
            case=case, added_by=actor, name=_plain_name(name), content_type=content_type,
            size=len(content), sha256=digest, content=content, wall=wall,
        )  # fmt: skip
        transitions.apply(
            case, Verb.ATTACH, actor=actor, wall=wall,
            data={"attachment": row.pk, "sha256": digest, "size": row.size},
        )  # fmt: skip
    return row


def content_of(attachment: Attachment, *, actor: User) -> bytes:
    """The bytes of an attachment, to hand to `actor`; the read is on record before they leave.

    They are hashed again: what is not what was put there is not handed out, and that is recorded.
    """
    content = bytes(attachment.content)
    data = {"attachment": attachment.pk, "sha256": attachment.sha256}
    found = hashlib.sha256(content).hexdigest()
    if found != attachment.sha256:
        audit.record(
            "attachment.damaged", actor=actor, case=attachment.case, obj=attachment,
            wall=attachment.wall, found=found, **data,
        )  # fmt: skip
        raise Damaged(
            f"“{attachment.name}” is not the file that was attached: its hash is another. "
            "It is not handed out; tell an administrator."
        )
    audit.read(actor, attachment, "attachment", wall=attachment.wall, **data)
    return content


def _looks_like(content: bytes, content_type: str) -> bool:
    marks = KINDS[content_type]
    if marks:
        return content.startswith(marks)
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _wall(case: Case, actor: User, wall: bool | None) -> bool:
    if not actor.sees_compliance:
        return False
    return case.queue == Case.Queue.COMPLIANCE if wall is None else wall


def _plain_name(name: str) -> str:
    kept = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())
    return kept.strip()[:200] or "file"
