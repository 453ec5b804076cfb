"""What people type into the pages: shape and length. Rules stand in the verbs, under their lock."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable

from django import forms
from django.core.exceptions import ValidationError

from cases.models import User

# Keys that a person may move: the action's name in `keys.js`, what it does, and its first key.
MOVABLE_KEYS = {
    "search": ("Find", "/"),
    "row.next": ("Next row", "j"),
    "row.previous": ("Previous row", "k"),
    "row.open": ("Open the row", "o"),
    "row.select": ("Select the row", "x"),
    "claim.next": ("Claim the next case", "n"),
    "claim": ("Claim or release", "c"),
    "next": ("Decide and next", "n"),
    "escalate": ("Escalate", "e"),
    "snooze": ("Snooze", "s"),
    "note": ("Write a note", "m"),
    "evidence.previous": ("Previous panel", "["),
    "evidence.next": ("Next panel", "]"),
    "copy": ("Copy the reference", "."),
}
LIST_KEYS = {"search", "row.next", "row.previous", "row.open", "row.select", "claim.next"}


class Plain(forms.Form):
    """Forms of the console: errors and help are tied to their fields for readers."""

    use_required_attribute = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.is_bound:
            for name in self.errors:
                if name in self.fields:
                    attrs = self.fields[name].widget.attrs
                    attrs["aria-invalid"] = "true"


def text_field(label: str, *, required: bool = True, most: int = 4000, rows: int = 3, help_text=""):
    return forms.CharField(
        label=label,
        required=required,
        max_length=most,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class ReasonForm(Plain):
    """A verb that must say why."""

    reason = text_field("Why")


class RevealForm(Plain):
    purpose = forms.ChoiceField(
        label="What for",
        choices=[
            ("", "Choose"),
            ("review", "Reviewing the case"),
            ("verification", "Verifying the person"),
            ("screening", "Screening against lists"),
            ("authority", "Answering an authority"),
            ("audit", "Audit"),
        ],
    )
    reason = text_field("Why you need to see it", most=500, rows=2)


class NoteForm(Plain):
    text = text_field("Note", most=20_000, rows=3, help_text="Internal. Never shown to the user.")
    wall = forms.BooleanField(label="Only for compliance, legal and auditors", required=False)

    def __init__(self, *args, behind_wall: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["text"].widget.attrs["data-key"] = "note"
        if not behind_wall:
            del self.fields["wall"]


class SnoozeForm(Plain):
    """Until a time, a new signal or a score, whichever comes first; the deadline does not move."""

    hours = forms.TypedChoiceField(
        label="Wake it after",
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", "no time: only by what happens"),
            (2, "2 hours"),
            (4, "4 hours"),
            (24, "1 day"),
            (72, "3 days"),
            (168, "7 days"),
        ],
    )
    on_signal = forms.BooleanField(label="or when a new signal arrives", required=False, initial=True)
    score = forms.DecimalField(
        label="or when the score reaches", required=False, min_value=0, max_digits=8, decimal_places=2
    )
    reason = text_field("Why it can wait", rows=2)


class AssignForm(Plain):
    to = forms.ModelChoiceField(label="To", queryset=User.objects.none())
    note = text_field("Why", rows=2)

    def __init__(self, *args, people=None, **kwargs):
        super().__init__(*args, **kwargs)
        if people is not None:
            self.fields["to"].queryset = people


class SkipForm(Plain):
    reason = text_field("Why you pass it over", rows=2)
    conflict = forms.BooleanField(
        label="I have a conflict of interest: never give it to me", required=False
    )


class ProposeForm(Plain):
    outcome = forms.ChoiceField(label="Outcome", widget=forms.RadioSelect)
    reason_code = forms.ChoiceField(label="Reason")
    reason = text_field("In your words: which evidence, and why the innocent reading does not hold")
    notice = text_field(
        "What the user is told",
        required=False,
        help_text="Only what the user may know. Empty: the playbook's text.",
    )

    def __init__(self, *args, outcomes=(), codes=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["outcome"].choices = outcomes
        self.fields["reason_code"].choices = [("", "Choose a reason"), *codes]


class HoldForm(Plain):
    level = forms.ChoiceField(label="Tell the platform")
    reason = text_field("Why", rows=2)

    def __init__(self, *args, levels=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["level"].choices = levels


class PreferencesForm(Plain):
    theme = forms.ChoiceField(
        label="Theme", choices=[("auto", "As the system"), ("light", "Light"), ("dark", "Dark")]
    )
    density = forms.ChoiceField(
        label="Density", choices=[("compact", "Compact"), ("roomy", "Roomy")]
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=lambda: [(zone, zone) for zone in zones()],
        help_text="Times are stored in UTC; files always say UTC.",
    )
    keys = forms.ChoiceField(
        label="Single keys",
        choices=[("on", "On"), ("off", "Off: only keys with Ctrl, and what the browser has")],
    )

    def __init__(self, *args, user: User, **kwargs):
        self.user = user
        chosen = user.preferences
        initial = {
            "theme": chosen.get("theme", "auto"),
            "density": chosen.get("density", "compact"),
            "keys": chosen.get("keys", "on"),
            "time_zone": user.time_zone,
        }
        keymap = chosen.get("keymap", {})
        super().__init__(*args, initial=initial, **kwargs)
        for name, (said, first) in MOVABLE_KEYS.items():
            self.fields[f"key:{name}"] = forms.CharField(
                label=said, required=False, max_length=1, initial=keymap.get(name, first)
            )

    @property
    def general(self):
        return [self[name] for name in ("theme", "density", "time_zone", "keys")]

    @property
    def moved(self):
        return [self[f"key:{name}"] for name in MOVABLE_KEYS]

    def clean(self):
        data = super().clean()
        taken: dict[tuple[str, str], str] = {}
        for name, (said, _) in MOVABLE_KEYS.items():
            key = data.get(f"key:{name}", "")
            if not key:
                continue
            if not re.fullmatch(r"[!-~]", key) or key == "?":
                self.add_error(f"key:{name}", ValidationError("One visible key other than ?."))
                continue
            for place in ("list", "case"):
                if name != "search" and (name in LIST_KEYS) != (place == "list"):
                    continue
                if (place, key) in taken:
                    other = taken[(place, key)]
                    self.add_error(f"key:{name}", ValidationError(f"Already used by “{other}”."))
                taken[(place, key)] = said
        return data

    def save(self) -> None:
        data = self.cleaned_data
        keymap = {}
        for name, (_, first) in MOVABLE_KEYS.items():
            key = data.get(f"key:{name}", first)
            if key != first:
                keymap[name] = key
        self.user.preferences = {
            **self.user.preferences,
            "theme": data["theme"],
            "density": data["density"],
            "keys": data["keys"],
            "keymap": keymap,
        }
        self.user.time_zone = data["time_zone"]
        self.user.save(update_fields=["preferences", "time_zone"])


def zones() -> Iterable[str]:
    return [
        "UTC",
        *sorted(z for z in zoneinfo.available_timezones() if "/" in z and not z.startswith("Etc/")),
    ]
