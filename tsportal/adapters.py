"""What allauth asks about our way of signing in."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest, HttpResponse

from cases import context, crypto
from cases.auth import sign_in


class AccountAdapter(DefaultAccountAdapter):
    """People are made by an administrator. Nobody signs up. Every way in or out is recorded."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return context.ip_of(request) or "0.0.0.0"  # noqa: S104

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        sign_in.came_in(user)
        return super().post_login(request, user, **kwargs)

    def logout(self, request: HttpRequest) -> None:
        if request.user.is_authenticated:
            sign_in.went_out(request.user)
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        sign_in.failed(str(credentials.get("username") or credentials.get("email") or ""))
        super().authentication_failed(request, **credentials)

    def send_notification_mail(self, template_prefix: str, user: Any, *args, **kwargs) -> None:
        sign_in.changed(template_prefix, user)
        super().send_notification_mail(template_prefix, user, *args, **kwargs)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Where a person is says enough; "signed in as" on each page is noise."""


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets of authenticator apps and recovery codes lie sealed."""

    PLACE = "mfa_authenticator/data"

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text, place=self.PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(encrypted_text, place=self.PLACE)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """The identity provider says who somebody is; whether they work here is said here."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False
