"""The pages about people, the trail and the messages to the platform."""

from django.urls import path

from cases.views import audit, people, webhooks

urlpatterns = [
    path("audit/", audit.audit, name="audit"),
    path("audit/export/", audit.export, name="audit-export"),
    path("cases/<str:ref>/audit/", audit.history, name="case-audit"),
    path("people/", people.people, name="people"),
    path("people/create/", people.create, name="person-create"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/roles/", people.change_roles, name="person-roles"),
    path("people/<int:pk>/invite/", people.invite, name="person-invite"),
    path("people/<int:pk>/deactivate/", people.deactivate, name="person-deactivate"),
    path("people/<int:pk>/activate/", people.activate, name="person-activate"),
    path(
        "people/<int:pk>/reset-second-factor/",
        people.reset_second_factor,
        name="person-reset-second-factor",
    ),
    path("people/<int:pk>/end-sessions/", people.end_sessions, name="person-end-sessions"),
    path("tokens/", people.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", people.revoke_token, name="token-revoke"),
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/add/", webhooks.add, name="webhook-add"),
    path("webhooks/<int:pk>/", webhooks.endpoint, name="webhook"),
    path("webhooks/<int:pk>/change/", webhooks.change, name="webhook-change"),
    path("webhooks/<int:pk>/rotate/", webhooks.rotate, name="webhook-rotate"),
    path("webhooks/<int:pk>/switch/", webhooks.switch, name="webhook-switch"),
    path("webhooks/<int:pk>/secrets/<str:secret>/retire/", webhooks.retire, name="webhook-retire"),
    path("webhooks/messages/<str:public_id>/", webhooks.delivery, name="delivery"),
    path("webhooks/messages/<str:public_id>/replay/", webhooks.replay, name="delivery-replay"),
]
