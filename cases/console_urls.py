"""The pages where cases are worked: queue, case, account."""

from django.urls import URLPattern, URLResolver, path

from cases.views import account, case, home, palette, policy, preferences, queue, work

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("find/", palette.find, name="find"),
    path("help/", home.help_page, name="help"),
    path("policy/", policy.policy, name="policy"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("queue/", queue.queue, name="queue"),
    path("queue/claim-next/", work.claim_next, name="claim_next"),
    path("accounts/<str:ref>/", account.account, name="account"),
    path("accounts/<str:ref>/reveal/", account.reveal, name="reveal"),
    path("cases/<str:ref>/", case.case, name="case"),
    path("cases/<str:ref>/claim/", work.claim, name="claim"),
    path("cases/<str:ref>/renew/", work.renew, name="renew"),
    path("cases/<str:ref>/release/", work.release, name="release"),
    path("cases/<str:ref>/snooze/", work.snooze, name="snooze"),
    path("cases/<str:ref>/wake/", work.wake, name="wake"),
    path("cases/<str:ref>/assign/", work.assign, name="assign"),
    path("cases/<str:ref>/skip/", work.skip, name="skip"),
    path("cases/<str:ref>/escalate/", work.escalate, name="escalate"),
    path("cases/<str:ref>/return/", work.hand_back, name="return"),
    path("cases/<str:ref>/reopen/", work.reopen, name="reopen"),
]
