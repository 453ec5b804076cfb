"""Signing in, staying in, being asked again, and being out."""

import re
import time
from datetime import timedelta

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from cases import context, people, permissions
from cases.auth import step_up, tokens
from cases.models import ApiToken, AuditEvent, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def enter(client, login, password=PASSWORD):
    return client.post(reverse("account_login"), {"login": login, "password": password})


def verbs(**fields):
    return list(AuditEvent.objects.filter(**fields).order_by("id").values_list("verb", flat=True))


@pytest.mark.parametrize("login", ["rita", "RITA", "rita@example.com"])
def test_people_sign_in_by_name_or_mail(client, rita, login):
    answer = enter(client, login)

    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(rita.pk)
    assert verbs(actor=rita) == ["sign_in"]


def test_nobody_signs_up(client):
    answer = client.post(
        reverse("account_signup"),
        {"username": "eve", "email": "e@example.com", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert not User.objects.filter(username="eve").exists()
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "name", ["account_signup", "account_email", "socialaccount_connections", "socialaccount_signup"]
)
def test_nobody_says_themselves_by_which_address_they_are_known(client, rita, name):
    assert client.get(reverse(name)).status_code == 404
    enter(client, "rita")
    assert client.post(reverse(name), {"email": "boss@example.com"}).status_code == 404


def test_the_same_is_said_for_a_wrong_name_and_a_wrong_password(client, rita):
    wrong, unknown = enter(client, "rita", "x"), enter(client, "nobody", "x")

    def said(answer):
        return re.findall(r'role="alert">([^<]+)<', answer.content.decode())

    assert said(wrong) == said(unknown) != []
    assert verbs() == ["sign_in.failed"] * 2
    assert not AuditEvent.objects.filter(data__icontains="nobody").exists()


def test_guessing_is_slowed_down(client, rita):
    for _ in range(8):
        enter(client, "rita", "wrong")
    assert "_auth_user_id" not in enter(client, "rita").wsgi_request.session


def test_signing_in_gives_a_new_session(client, rita):
    client.get(reverse("account_login"))
    client.session["x"] = 1
    before = client.session.session_key
    enter(client, "rita")
    assert client.session.session_key != before


def test_signing_out_ends_the_session_and_is_recorded(client, rita):
    enter(client, "rita")
    client.post(reverse("account_logout"))
    assert "_auth_user_id" not in client.session
    assert verbs(actor=rita) == ["sign_in", "sign_out"]


def test_who_was_deactivated_is_out_at_the_next_request(client, rita, adm):
    enter(client, "rita")
    assert client.get(reverse("cases:tokens")).status_code == 200
    _, text = tokens.make(rita, "mine")

    people.deactivate(rita, actor=adm, note="left")

    assert client.get(reverse("cases:tokens")).status_code == 302
    assert tokens.holder(text) is None
    client.cookies.clear()
    enter(client, "rita")
    assert "_auth_user_id" not in client.session


def test_ended_sessions_stay_ended_also_after_coming_back(client, rita, adm):
    enter(client, "rita")
    people.deactivate(rita, actor=adm, note="left")
    people.activate(rita, actor=adm, note="back")
    assert client.get(reverse("cases:tokens")).status_code == 302
    assert ApiToken.objects.live().count() == 0


def test_a_person_can_end_all_their_sessions(client, rita):
    enter(client, "rita")
    people.end_sessions(rita, actor=rita)
    assert client.get(reverse("cases:tokens")).status_code == 302


def test_sessions_end_when_idle_and_when_old(client, rita, settings):
    for key, limit in (
        ("seen_at", settings.SESSION_IDLE_LIMIT),
        ("began_at", settings.SESSION_ABSOLUTE_LIMIT),
    ):
        enter(client, "rita")
        client.get(reverse("cases:tokens"))
        session = client.session
        session[key] = int(time.time() - limit.total_seconds() - 5)
        session.save()
        assert client.get(reverse("cases:tokens")).status_code == 302


def test_without_a_second_factor_nothing_but_making_one_opens(client, rita, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    enter(client, "rita")
    answer = client.get(reverse("cases:tokens"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("mfa_index"))
    assert b"authenticator app or a passkey" in client.get(reverse("mfa_index")).content


def test_with_a_second_factor_the_password_alone_does_not_sign_in(client, rita):
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(rita, secret)
    assert secret not in str(Authenticator.objects.get(user=rita).data)

    answer = enter(client, "rita")
    assert answer["Location"] == reverse("mfa_authenticate")
    assert "_auth_user_id" not in client.session
    assert client.get(reverse("mfa_authenticate")).status_code == 200

    code = totp.format_hotp_value(
        totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time()))
    )
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert client.session["_auth_user_id"] == str(rita.pk)


def test_secrets_of_second_factors_lie_sealed():
    sealed = get_adapter().encrypt("JBSWY3DP")
    assert "JBSWY3DP" not in sealed
    assert get_adapter().decrypt(sealed) == "JBSWY3DP"


def test_pages_of_signing_in_have_no_inline_code(client, rita):
    pages = [client.get(reverse("account_login")), client.get(reverse("account_reset_password"))]
    enter(client, "rita")
    pages += [
        client.get(reverse(name), follow=True)
        for name in (
            "account_reauthenticate",
            "account_change_password",
            "account_logout",
            "mfa_index",
            "mfa_activate_totp",
            "mfa_add_webauthn",
            "usersessions_list",
        )
    ]
    for page in pages:
        assert page.status_code == 200
        html = page.content.decode()
        assert "<main" in html
        assert not re.search(r"<script(?![^>]*(src=|application/json))[^>]*>", html)
        assert not re.search(r"\son[a-z]+=|\sstyle=|<style", html)


# -- Step-up ---------------------------------------------------------------------------------------


def test_what_cannot_be_undone_asks_again_after_a_while(sign_in, adm, rita):
    client = sign_in(adm, ago=3600)
    address = reverse("cases:person-deactivate", args=[rita.pk])
    page = reverse("cases:person", args=[rita.pk])

    answer = client.post(address, {"note": "left"}, headers={"referer": f"http://testserver{page}"})

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
    assert User.objects.get(pk=rita.pk).is_active

    again = client.post(answer["Location"], {"password": PASSWORD})
    assert again["Location"] == page
    assert client.post(address, {"note": "left"})["Location"] == page
    assert not User.objects.get(pk=rita.pk).is_active


def test_a_wrong_password_confirms_nothing(sign_in, adm, rita):
    client = sign_in(adm, ago=3600)
    client.post(reverse("account_reauthenticate"), {"password": "wrong"})
    client.post(reverse("cases:person-deactivate", args=[rita.pk]), {"note": "left"})
    assert User.objects.get(pk=rita.pk).is_active


def test_who_has_a_second_factor_confirms_with_it_and_not_with_the_password(sign_in, adm, rita):
    totp.TOTP.activate(adm, totp.generate_totp_secret())
    client = sign_in(adm)

    answer = client.post(reverse("cases:person-deactivate", args=[rita.pk]), {"note": "left"})

    assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    assert User.objects.get(pk=rita.pk).is_active


@pytest.mark.parametrize(
    "shown", ["https://evil.example/x", "//evil.example/x", "javascript:alert(1)", "", "\\\\evil"]
)
def test_the_way_back_never_leads_elsewhere(aud, shown, sign_in):
    client = sign_in(aud, ago=3600)
    answer = client.post(
        reverse("cases:audit-export"), {}, headers={"hx-request": "true", "hx-current-url": shown}
    )
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == f"{reverse('account_reauthenticate')}?next=%2F"


# -- Tokens ----------------------------------------------------------------------------------------


def test_a_token_is_shown_once_kept_as_a_hash_and_asks_as_its_person(rita):
    token, text = tokens.make(rita, "script")

    assert tokens.holder(text).user == rita
    assert text.split(".")[1] not in str(ApiToken.objects.values().get())
    token.refresh_from_db()
    assert token.last_used_at is not None


@pytest.mark.parametrize(
    "text", ["", "pt_", "pt_.", "pt_abc", "pt_abc.def", "x", "pt_\x00.y", "pt_" + "a" * 500 + ".b"]
)
def test_what_is_no_token_opens_nothing(rita, text):
    tokens.make(rita, "script")
    assert tokens.holder(text) is None


def test_a_token_ends_by_time_by_revocation_and_by_a_changed_byte(rita):
    token, text = tokens.make(rita, "script")
    assert tokens.holder(text[:-1] + ("a" if text[-1] != "a" else "b")) is None
    tokens.revoke(token, actor=rita)
    tokens.revoke(token, actor=rita)
    assert tokens.holder(text) is None
    late, text = tokens.make(rita, "late")
    ApiToken.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert tokens.holder(text) is None
    assert verbs(actor=rita) == ["token.made", "token.revoked", "token.made"]


def test_a_token_cannot_live_for_ever(rita):
    with pytest.raises(tokens.TooLong):
        tokens.make(rita, "x", lifetime=timedelta(days=91))


def test_a_token_is_made_on_its_page_and_only_its_owner_ends_it(sign_in, rita, ana):
    client = sign_in(rita)
    page = client.post(reverse("cases:tokens"), {"name": "script", "days": 5}).content.decode()
    text = re.search(r"pt_\w+\.[\w-]+", page).group()
    assert tokens.holder(text).user == rita
    assert text not in client.get(reverse("cases:tokens")).content.decode()

    client = sign_in(ana)
    address = reverse("cases:token-revoke", args=[ApiToken.objects.get().pk])
    assert client.post(address).status_code == 404
    client = sign_in(rita)
    client.post(address)
    assert tokens.holder(text) is None


# -- Where a request comes from --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "6.6.6.6", "192.0.2.1"),
        (1, "6.6.6.6, 198.51.100.9", "198.51.100.9"),
        (2, "6.6.6.6, 198.51.100.9, 10.0.0.1", "198.51.100.9"),
        (2, "198.51.100.9", "192.0.2.1"),
        (1, "<script>", None),
    ],
)
def test_only_our_own_proxies_say_where_a_request_comes_from(settings, proxies, forwarded, seen):
    settings.NUM_PROXIES = proxies
    request = RequestFactory().get(
        "/", REMOTE_ADDR="192.0.2.1", headers={"x-forwarded-for": forwarded}
    )
    assert context.ip_of(request) == seen


def test_a_role_taken_away_counts_from_the_next_request(sign_in, aud, adm):
    client = sign_in(aud)
    assert client.get(reverse("cases:audit")).status_code == 200
    people.change_roles(aud, [], actor=adm)
    assert client.get(reverse("cases:audit")).status_code == 403
    assert AuditEvent.objects.filter(verb="denied", actor=aud).exists()
    assert permissions.roles_of(User.objects.get(pk=aud.pk)) == []


def test_a_token_proves_who_sits_there_only_if_it_was_made_to_sign_and_then_not_for_long(rf, sam):
    request = rf.get("/")
    request.user = sam
    request.auth, _ = tokens.make(sam, "reads")
    assert not step_up.is_fresh(request)

    request.auth, _ = tokens.make(sam, "signs", signs=True)
    assert step_up.is_fresh(request)
    assert request.auth.expires_at <= timezone.now() + timedelta(days=1)
    with pytest.raises(tokens.TooLong):
        tokens.make(sam, "too long", signs=True, lifetime=timedelta(days=2))
