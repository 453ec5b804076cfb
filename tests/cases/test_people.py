"""`cases.people` and its pages: who joins, who may what, who leaves."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.urls import reverse

from cases import people, permissions
from cases.models import AuditEvent, User

pytestmark = pytest.mark.django_db


def test_somebody_new_gets_roles_and_a_link_that_works_once(sign_in, adm, client):
    sign_in(adm)
    page = client.post(
        reverse("cases:person-create"),
        {"username": "new", "display_name": "New", "email": "n@example.com", "roles": ["analyst"]},
    )
    link = re.search(r"http://testserver(/sign-in/password/reset/key/[^<]+)", page.content.decode())
    new = User.objects.get(username="new")
    assert permissions.roles_of(new) == ["analyst"]
    assert not new.has_usable_password()

    client.logout()
    form = client.get(link.group(1), follow=True)
    assert form.status_code == 200
    address = form.redirect_chain[-1][0]
    client.post(address, {"password1": "a long new phrase", "password2": "a long new phrase"})
    assert User.objects.get(username="new").check_password("a long new phrase")
    assert b"password1" not in client.get(link.group(1), follow=True).content
    assert list(AuditEvent.objects.filter(object_ref=str(new.pk)).values_list("verb", flat=True))[
        :2
    ] == ["person.create", "person.invite"]


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "RITA"},
        {"email": "Rita@example.com"},
        {"username": "a b<script>"},
        {"username": "a\x00b"},
        {"email": "nobody"},
    ],
)
def test_names_and_addresses_are_checked(adm, rita, fields):
    given = {"username": "new", "email": "new@example.com", **fields}
    with pytest.raises(ValidationError):
        people.create(given.pop("username"), actor=adm, **given)


@pytest.mark.parametrize(
    "roles",
    [
        ["auditor", "analyst"],
        ["administrator", "officer"],
        ["engineer", "senior"],
        ["analyst", "officer"],
        ["emperor"],
    ],
)
def test_duties_that_check_each_other_are_not_joined_in_one_person(adm, rita, roles):
    with pytest.raises(people.NotPossible):
        people.change_roles(rita, roles, actor=adm)
    assert permissions.roles_of(rita) == ["analyst"]


def test_nobody_manages_themselves(adm):
    for verb in (people.deactivate, people.reset_second_factor):
        with pytest.raises(permissions.Denied):
            verb(adm, actor=adm)
    with pytest.raises(permissions.Denied):
        people.change_roles(adm, [], actor=adm)


def test_somebody_is_left_who_manages_people(adm, person):
    other = person("other", "administrator")
    people.deactivate(adm, actor=other)
    with pytest.raises(people.NotPossible):
        people.change_roles(other, [], actor=None)


@pytest.mark.parametrize("who", ["rita", "ana", "sam", "lee", "dee", "aud", "olu"])
def test_only_administrators_manage_people(request, who, kim):
    actor = request.getfixturevalue(who)
    for verb in (
        lambda: people.create("x", actor=actor, email="x@example.com"),
        lambda: people.invitation(kim, actor=actor),
        lambda: people.change_roles(kim, [], actor=actor),
        lambda: people.deactivate(kim, actor=actor),
        lambda: people.reset_second_factor(kim, actor=actor),
        lambda: people.end_sessions(kim, actor=actor),
    ):
        with pytest.raises(permissions.Denied):
            verb()


def test_a_change_of_roles_says_before_and_after(adm, rita):
    people.change_roles(rita, ["senior"], actor=adm)
    event = AuditEvent.objects.get(verb="person.roles")
    assert (event.actor, event.data) == (adm, {"before": ["analyst"], "after": ["senior"]})


@pytest.mark.parametrize(
    ("who", "status"),
    [("adm", 200), ("aud", 200), ("rita", 403), ("sam", 403), ("dee", 403), ("olu", 403)],
)
def test_who_sees_the_list_of_people(request, sign_in, who, status, kim):
    client = sign_in(request.getfixturevalue(who))
    assert client.get(reverse("cases:people")).status_code == status
    assert client.get(reverse("cases:person", args=[kim.pk])).status_code == status


def test_an_auditor_looks_and_changes_nothing(sign_in, aud, kim):
    client = sign_in(aud)
    page = client.get(reverse("cases:person", args=[kim.pk])).content.decode()
    assert "Deactivate" not in page
    answer = client.post(reverse("cases:person-deactivate", args=[kim.pk]), {"note": "x"})
    assert answer.status_code == 403
    assert User.objects.get(pk=kim.pk).is_active


def test_a_refused_change_keeps_the_page_and_says_why(sign_in, adm, rita):
    client = sign_in(adm)
    answer = client.post(
        reverse("cases:person-roles", args=[rita.pk]), {"roles": ["auditor", "analyst"]}
    )
    assert answer.status_code == 409
    assert b"holds no other role" in answer.content
    assert client.post(reverse("cases:person-deactivate", args=[rita.pk]), {}).status_code == 422


def test_the_first_administrator_comes_by_a_command(capsys, db):
    permissions.sync_roles()
    call_command("create_person", "ada", "--email", "ada@example.org", "--role", "administrator")
    assert "/sign-in/password/reset/key/" in capsys.readouterr().out
    assert permissions.roles_of(User.objects.get(username="ada")) == ["administrator"]
    with pytest.raises(CommandError, match="already"):
        call_command("create_person", "ADA", "--email", "a@example.org")
