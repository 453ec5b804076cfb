"""The pages about accounts, cases, rings and decisions."""

from django.urls import URLPattern, URLResolver, path

from cases import trust_urls
from cases.views import home, palette, policy, preferences

app_name = "cases"
urlpatterns: list[URLPattern | URLResolver] = [
    path("find/", palette.find, name="find"),
    path("help/", home.help_page, name="help"),
    path("policy/", policy.policy, name="policy"),
    path("preferences/", preferences.preferences, name="preferences"),
    *trust_urls.urlpatterns,
]
