"""What people write and attach. Added, corrected by another note, never changed."""

import hashlib

from django.db import transaction

from cases import transitions
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
    marks = KINDS[content_type]
    if marks and not content.startswith(marks):
        raise NotAllowed(f"The file does not look like {content_type}.")
    with transaction.atomic():
        transitions.lock(case)
        wall = _wall(case, actor, wall)
        digest = hashlib.sha256(content).hexdigest()
        known = case.attachments.filter(sha256=digest, wall=wall).first()
        if known is not None:
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


def _wall(case: Case, actor: User, wall: bool | None) -> bool:
    if not actor.sees_compliance:
        return False
    return case.queue == Case.Queue.COMPLIANCE if wall is None else wall


def _plain_name(name: str) -> str:
    kept = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())
    return kept.strip()[:200] or "file"
