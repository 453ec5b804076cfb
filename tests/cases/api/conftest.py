"""Asking the API as a program of somebody would."""

import pytest
from rest_framework.test import APIClient


@pytest.fixture
def api(client):
    """`api(rita)` asks as Rita with her session; `api()` as nobody."""

    def ask_as(user=None) -> APIClient:
        asking = APIClient()
        if user is not None:
            asking.force_login(user)
        return asking

    return ask_as
