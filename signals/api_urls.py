"""The door, what people may read about it, and what a detector may ask about itself."""

from django.urls import path

from signals import api
from signals.door import views as door

app_name = "door"
urlpatterns = [
    path("signals/", api.signals, name="signals"),
    path("signals/<str:ulid>/", api.OneSignal.as_view(), name="signal"),
    path("activity/", door.activity, name="activity"),
    path("status/", api.Status.as_view(), name="status"),
    path("detectors/", api.Detectors.as_view(), name="detectors"),
    path("detectors/self/", api.detector_self, name="detector-self"),
    path("detectors/<int:pk>/", api.OneDetector.as_view(), name="detector"),
    path("detectors/<int:pk>/rejects/", api.Rejects.as_view(), name="rejects"),
    path("detectors/<int:pk>/rejects/<int:reject>/replay/", api.Replay.as_view(), name="replay"),
]
