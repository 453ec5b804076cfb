"""The pages about detectors and the catalogue, and the fragments that case pages ask for."""

from django.urls import path

from signals.views import catalogue, detectors, fragments, quarantine

app_name = "signals"
urlpatterns = [
    path("detectors/", detectors.listing, name="detectors"),
    path("detectors/new/", detectors.register, name="register"),
    path("detectors/quarantine/", quarantine.listing, name="quarantine"),
    path("detectors/quarantine/<int:pk>/release/", quarantine.release, name="quarantine-release"),
    path("detectors/quarantine/<int:pk>/discard/", quarantine.discard, name="quarantine-discard"),
    path("detectors/<int:pk>/", detectors.detector, name="detector"),
    path("detectors/<int:pk>/switch/", detectors.switch, name="switch"),
    path("detectors/<int:pk>/limits/", detectors.limits, name="limits"),
    path("detectors/<int:pk>/keys/", detectors.make_key, name="make-key"),
    path("detectors/<int:pk>/keys/<slug:prefix>/revoke/", detectors.revoke_key, name="revoke-key"),
    path("detectors/<int:pk>/rejects/", detectors.refused, name="rejects"),
    path("detectors/<int:pk>/rejects/<int:item>/", detectors.reject, name="reject"),
    path("detectors/<int:pk>/rejects/<int:item>/replay/", detectors.replay, name="replay"),
    path("detectors/<int:pk>/rejects/<int:item>/dismiss/", detectors.dismiss, name="dismiss"),
    path("catalogue/", catalogue.listing, name="catalogue"),
    path("catalogue/<slug:typology>/<str:code>/", catalogue.indicator, name="indicator"),
    path("accounts/<str:ref>/signals/", fragments.signals, name="account-signals"),
    path("accounts/<str:ref>/logins/", fragments.logins, name="account-logins"),
]
