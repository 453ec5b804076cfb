"""The form at the door, in the words of the other pages."""

from typing import Any

from allauth.account.forms import LoginForm


class SignInForm(LoginForm):
    """Names its field by a label, not by a placeholder that typing takes away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "User name or e-mail"
        login.widget.attrs |= {"autocomplete": "username", "autofocus": True}
        for field in (login, self.fields["password"]):
            field.widget.attrs.pop("placeholder", None)
