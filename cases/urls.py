"""The pages about accounts, cases, rings and decisions."""

from django.urls import URLPattern, URLResolver, path

from cases.views import home, palette, preferences, queue

app_name = "cases"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("find/", palette.find, name="find"),
    path("help/", home.help_page, name="help"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("queue/", queue.queue, name="queue"),
]
