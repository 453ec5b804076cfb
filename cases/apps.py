from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "cases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models can be imported only now.
        from cases import holds, offboarding, webhooks

        webhooks.on_result("action.", offboarding.on_action_result)
        webhooks.on_result("undo.", offboarding.on_action_result)
        webhooks.on_result("hold.", holds.on_hold_result)
