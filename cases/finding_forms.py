"""Forms for what people find, keep and hand in: identity, interest, authorities, files, notes."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from cases.forms import NoteForm, Plain, text_field
from cases.models import Account
from cases.notes import LARGEST

# By the end of the name: what a browser says of a file depends on what is installed there.
TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "txt": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
}
IDENTITY_WORDS = {
    "undetermined": "Not determined",
    "own": "The person's own",
    "rented": "Rented: the owner lends name or account",
    "stolen": "Stolen: the person named is a victim",
    "invented": "Invented: nobody has it",
}
INTEREST_WORDS = {
    "undetermined": "Not determined",
    "yes": "Yes: property must be blocked",
    "no": "No blockable interest",
}


class IdentityForm(Plain):
    identity = forms.ChoiceField(
        label="Whose identity it is",
        choices=[(value, IDENTITY_WORDS[value]) for value in Account.Identity.values],
    )
    reason = text_field("What you found it from", rows=2)


class InterestForm(Plain):
    interest = forms.ChoiceField(label="Blockable interest", choices=list(INTEREST_WORDS.items()))
    reason = text_field("What you found it from", rows=2)


class KeepOpenForm(Plain):
    until = forms.DateField(
        label="Keep open until the end of",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    reference = forms.CharField(label="The authority's written reference", max_length=200)

    def clean_until(self) -> datetime:
        day = self.cleaned_data["until"]
        today = timezone.localdate()
        if day < today:
            raise ValidationError("The date lies in the past.")
        if day > today + timedelta(days=5 * 366):
            raise ValidationError("At most five years; the authority may ask again.")
        return timezone.make_aware(datetime.combine(day, time(23, 59, 59)))


class AttachForm(Plain):
    file = forms.FileField(
        label="File",
        help_text=f"PDF, PNG, JPEG, text, CSV or JSON, at most {LARGEST // 2**20} MB.",
        widget=forms.FileInput(attrs={"accept": ",".join(f".{end}" for end in TYPES)}),
        error_messages={"required": f"Choose a file of at most {LARGEST // 2**20} MB."},
    )
    wall = forms.BooleanField(label="Only for compliance, legal and auditors", required=False)

    def __init__(self, *args, behind_wall: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        if not behind_wall:
            del self.fields["wall"]

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise ValidationError(f"It is larger than {LARGEST // 2**20} MB.")
        end = file.name.rsplit(".", 1)[-1].lower() if "." in file.name else ""
        if end not in TYPES:
            raise ValidationError(f"Files ending in “.{end[:12]}” are not taken." if end else
                                  "The name has no ending that says what it is.")  # fmt: skip
        self.content_type = TYPES[end]
        return file


class CorrectForm(NoteForm):
    """A note that replaces one's own; the old one stays to be read."""

    replaces = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["text"].label = "What it should have said"
        del self.fields["text"].widget.attrs["data-key"]
