"""What people type into the pages about detectors: shape and length. Rules stand in the verbs."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from cases.forms import Plain, text_field
from cases.models import Typology
from signals import rejects
from signals.models import Detector

MENDED = "mend:"


class SwitchForm(Plain):
    state = forms.ChoiceField(label="State", choices=Detector.State.choices)
    reason = text_field(
        "Reason", required=False, most=400, rows=2, help_text="Needed for off; its owner reads it."
    )


class LimitsForm(Plain):
    """What a detector may send."""

    name = forms.CharField(label="Name", max_length=120)
    description = text_field("Description", required=False, most=2000, rows=2)
    typology = forms.ChoiceField(label="Typology", required=False)
    allowed_indicators = forms.CharField(
        label="Allowed indicators",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One code per line; empty allows every indicator.",
    )
    quota_per_minute = forms.IntegerField(
        label="Events a minute", required=False, min_value=1, max_value=2**31 - 1
    )
    quota_per_day = forms.IntegerField(
        label="Events a day", required=False, min_value=1, max_value=2**31 - 1
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = Typology.objects.filter(active=True).order_by("code")
        self.fields["typology"].choices = [
            ("", "Any that is active"),
            *((t.code, t.title) for t in codes),
        ]

    def clean_allowed_indicators(self) -> list[str]:
        text = self.cleaned_data["allowed_indicators"].replace(",", " ")
        return sorted(set(text.split()))


class RegisterForm(LimitsForm):
    source = forms.CharField(
        label="Source",
        max_length=120,
        help_text="The path that names it in every event, such as /detectors/login-watch.",
    )
    kind = forms.ChoiceField(
        label="Kind",
        choices=[("detector", "Detector: posts findings"), ("platform", "Platform: posts facts")],
    )
    field_order = ("source", "kind", "name")


class KeyForm(Plain):
    days = forms.IntegerField(
        label="Valid for days", initial=365, min_value=1, max_value=730, required=False
    )


class RevokeForm(Plain):
    reason = text_field("Reason", required=False, most=400, rows=1)


class MendForm(forms.Form):
    """One field per place that was wrong: a new value as JSON, or nothing to leave it as it is."""

    def __init__(self, *args: Any, pointers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pointers = pointers
        for index, pointer in enumerate(pointers):
            self.fields[f"value{index}"] = forms.CharField(
                label=pointer,
                required=False,
                max_length=4000,
                help_text='New value as JSON, such as 6 or "text"; empty leaves it.',
            )
            self.fields[f"remove{index}"] = forms.BooleanField(
                label=f"Take {pointer} out", required=False
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        changes: dict[str, Any] = {}
        for index, pointer in enumerate(self.pointers):
            text = (cleaned.get(f"value{index}") or "").strip()
            if cleaned.get(f"remove{index}"):
                changes[pointer] = rejects.REMOVE
            elif text:
                try:
                    changes[pointer] = json.loads(text)
                except (ValueError, RecursionError):
                    self.add_error(f"value{index}", ValidationError("This is not JSON."))
        cleaned["changes"] = changes
        return cleaned
