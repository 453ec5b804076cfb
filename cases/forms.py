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

    def full_clean(self):
        super().full_clean()
        for name in self._errors:
            if name in self.fields:
                self.fields[name].widget.attrs["aria-invalid"] = "true"


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
    on_signal = forms.BooleanField(
        label="or when a new signal arrives", required=False, initial=True
    )
    score = forms.DecimalField(
        label="or when the score reaches",
        required=False,
        min_value=0,
        max_digits=8,
        decimal_places=2,
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


class RequestStepForm(Plain):
    step = forms.ChoiceField(label="Step")
    told = text_field(
        "What the user is told",
        required=False,
        rows=2,
        help_text="Empty: the protocol's own text. Say what to do, not what you suspect.",
    )
    note = text_field("Why, for colleagues", required=False, rows=2)

    def __init__(self, *args, steps=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["step"].choices = steps


class AttemptForm(Plain):
    """One try at a step, by its protocol: challenges, questions, what was seen."""

    outcome = forms.ChoiceField(label="Outcome")
    held_at = forms.DateTimeField(
        label="Held at", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    performed = forms.ChoiceField(
        label="Performed by", choices=[("me", "Me"), ("other", "A vendor, a client or a partner")]
    )
    channel = forms.CharField(label="Channel", max_length=20, required=False)
    face = forms.ChoiceField(
        label="Face on camera and face on the document",
        choices=[("", "Not compared"), ("yes", "The same person"), ("no", "Not the same person")],
        required=False,
        help_text="A person compares; never a machine, never against others.",
    )
    observations = forms.MultipleChoiceField(
        label="Observed", required=False, widget=forms.CheckboxSelectMultiple
    )
    attested_by = forms.CharField(label="Client who attests", max_length=128, required=False)
    excuse = text_field("Excuse that was given", required=False, most=2000, rows=2)
    note = text_field("Remarks", required=False, rows=2)
    evidence_ref = forms.CharField(
        label="Reference of the still or clip",
        max_length=200,
        required=False,
        help_text="The picture itself stays with the vendor.",
    )

    def __init__(self, *args, protocol=None, observations=None, outcomes=(), **kwargs):
        super().__init__(*args, **kwargs)
        protocol = protocol or {}
        self.fields["outcome"].choices = [
            ("", "Choose"),
            *((code, code.replace("_", " ").capitalize()) for code in outcomes),
        ]
        seen = observations or {}
        self.fields["observations"].choices = [
            (code, row.get("text") or row.get("title") or code.replace("_", " "))
            for code, row in seen.items()
        ]
        if not seen:
            del self.fields["observations"]
        if protocol.get("performed_by") != ["client"]:
            self.fields["attested_by"].widget = forms.HiddenInput()
        self.fields["channel"].initial = protocol.get("channel", "")
        self.asked = protocol.get("questions") or []
        self.given = protocol.get("challenges") or []
        for row in self.given:
            self.fields[f"challenge:{row['code']}"] = forms.ChoiceField(
                label=row["text"],
                required=False,
                choices=[
                    ("", "Not given"),
                    ("passed", "Passed"),
                    ("failed", "Failed"),
                    ("unclear", "Unclear"),
                ],
            )
        for number, question in enumerate(self.asked):
            self.fields[f"question:{number}"] = forms.CharField(
                label=question, required=False, max_length=1000
            )

    def clean(self):
        data = super().clean()
        data.setdefault("observations", [])
        return data

    @property
    def challenges(self) -> list[dict[str, str]]:
        said = self.cleaned_data
        rows = ((row["code"], said.get(f"challenge:{row['code']}")) for row in self.given)
        return [{"challenge": code, "result": result} for code, result in rows if result]

    @property
    def questions(self) -> list[dict[str, str]]:
        rows = ((text, self.cleaned_data.get(f"question:{i}")) for i, text in enumerate(self.asked))
        return [{"question": text, "answer": answer} for text, answer in rows if answer]


class SecondLookForm(Plain):
    agrees = forms.ChoiceField(
        label="You looked at the same evidence",
        choices=[("yes", "I agree: it speaks against the person"), ("no", "I do not agree")],
        widget=forms.RadioSelect,
    )
    note = text_field("What you saw", rows=2)


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
    level = forms.ChoiceField(label="The money becomes")
    basis = forms.ChoiceField(
        label="Blocked property leaves by",
        required=False,
        choices=[
            ("", "It is not blocked"),
            ("licence", "A licence"),
            ("delisting", "A delisting"),
            ("error", "The error procedure"),
        ],
    )
    reason = text_field("Why", rows=2)

    def __init__(self, *args, levels=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["level"].choices = levels


class OfRingForm(Plain):
    def __init__(self, *args, members=(), **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("account", "member", "members"):
            if name in self.fields and hasattr(self.fields[name], "choices"):
                self.fields[name].choices = members


class CutForm(OfRingForm):
    account = forms.ChoiceField(label="Account")
    reason = text_field("Why it does not belong", rows=2)


class PinForm(OfRingForm):
    account = forms.CharField(label="Account to pin in", max_length=128)
    member = forms.ChoiceField(label="It belongs with")
    reason = text_field("Why it belongs", rows=2)


class RelationForm(OfRingForm):
    members = forms.MultipleChoiceField(label="Members (two or more)")
    kind = forms.ChoiceField(
        label="Kind",
        choices=[
            ("household", "Household"),
            ("agency", "Agency"),
            ("employer", "Employer and employees"),
            ("travel_notice", "Travelling together"),
        ],
    )
    evidence = text_field("What shows it", required=False, rows=2)
    reason = text_field("Why you declare it", rows=2)

    def clean_members(self):
        members = self.cleaned_data["members"]
        if len(members) < 2:
            raise ValidationError("A relation has two members at least.")
        return members


class InfrastructureForm(Plain):
    kind = forms.ChoiceField(
        label="Kind",
        choices=[
            ("campus_nat", "Campus or school network"),
            ("office_nat", "Office or coworking network"),
            ("mobile_cgnat", "Mobile network (CGNAT)"),
            ("vpn_exit", "VPN exit"),
            ("kiosk_device", "Kiosk or library device"),
            ("shared_account", "Shared payout service"),
        ],
    )
    label = forms.CharField(label="Name of the place or tool", max_length=200, required=False)
    reason = text_field("How you know", rows=2)


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
