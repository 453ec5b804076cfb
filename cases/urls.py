"""The pages about accounts, cases, rings and decisions."""

from django.urls import URLPattern, URLResolver, path

from cases import trust_urls
from cases.views import enrichment, home, palette, policy, preferences, screening

app_name = "cases"
urlpatterns: list[URLPattern | URLResolver] = [
    path("cases/<str:ref>/enrichment/", enrichment.case_enrichment, name="case_enrichment"),
    path("enrichment/<int:pk>/retry/", enrichment.enrichment_retry, name="enrichment_retry"),
    path("find/", palette.find, name="find"),
    path("help/", home.help_page, name="help"),
    path("policy/", policy.policy, name="policy"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("screening/", screening.screening, name="screening"),
    path("screening/hits/<int:pk>/", screening.hit, name="screening_hit"),
    path("screening/lists/", screening.lists, name="screening_lists"),
    *trust_urls.urlpatterns,
]
