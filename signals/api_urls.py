"""The door, and what a detector may ask about itself."""

from django.urls import path

from signals.door import views as door

app_name = "door"
urlpatterns = [
    path("signals/", door.signals, name="signals"),
    path("activity/", door.activity, name="activity"),
]
