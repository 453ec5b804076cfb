"""The pages about accounts, cases, rings and decisions."""

from django.urls import URLPattern, URLResolver, path

from cases import console_urls, trust_urls
from cases.views import enrichment, screening

app_name = "cases"
urlpatterns: list[URLPattern | URLResolver] = [
    path("cases/<str:ref>/enrichment/", enrichment.case_enrichment, name="case_enrichment"),
    path("cases/<str:ref>/enrichment/again/", enrichment.enrichment_again, name="enrichment_again"),
    path("enrichment/<int:pk>/retry/", enrichment.enrichment_retry, name="enrichment_retry"),
    path("screening/", screening.screening, name="screening"),
    path("screening/hits/<int:pk>/", screening.hit, name="screening_hit"),
    path("screening/lists/", screening.lists, name="screening_lists"),
    *console_urls.urlpatterns,
    *trust_urls.urlpatterns,
]
