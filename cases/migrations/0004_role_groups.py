"""Make the seven role groups with their rights.

Locks: none beyond the rows it adds to auth_group and auth_permission.
Old code: knows no groups; nothing changes for it.
Back out: `migrate cases 0003` removes the groups; people lose their roles with them.
Rights that Django makes only after all migrations are made here by hand, so that the order does
not matter. Later changes of the table come by `manage.py sync_roles`, run with each deployment.
"""

from django.db import migrations

CASE = dict.fromkeys(
    [
        "view_case",
        "review_case",
        "approve_case",
        "comply_case",
        "legal_case",
        "read_restricted_case",
        "audit_case",
        "reveal_person",
        "export_case",
        "manage_people",
    ],
    "case",
)
WEBHOOK = dict.fromkeys(
    ["view_webhookendpoint", "manage_webhook", "replay_webhook"], "webhookendpoint"
)
CASES = {**CASE, **WEBHOOK, "view_user": "user", "view_policy": "policy"}
SIGNALS = {"view_detector": "detector", "manage_detector": "detector"}

READ = "view_case view_policy view_detector"
ROLES = {
    "analyst": f"{READ} review_case reveal_person",
    "senior": f"{READ} review_case approve_case reveal_person export_case",
    "officer": f"{READ} approve_case comply_case read_restricted_case reveal_person export_case "
    "view_webhookendpoint replay_webhook",
    "legal": f"{READ} legal_case read_restricted_case reveal_person export_case",
    "engineer": "view_detector manage_detector view_policy",
    "auditor": f"{READ} audit_case read_restricted_case export_case reveal_person view_user "
    "view_webhookendpoint",
    "administrator": "manage_people view_user view_policy view_detector view_webhookendpoint "
    "manage_webhook replay_webhook",
}


def make(apps, schema_editor):
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    type_model = apps.get_model("contenttypes", "ContentType")

    rows = {}
    for app, table in (("cases", CASES), ("signals", SIGNALS)):
        for codename, model in table.items():
            subject, _ = type_model.objects.get_or_create(app_label=app, model=model)
            rows[codename], _ = permission_model.objects.get_or_create(
                content_type=subject,
                codename=codename,
                defaults={"name": codename.replace("_", " ").capitalize()},
            )
    for role, rights in ROLES.items():
        group, _ = group_model.objects.get_or_create(name=role)
        group.permissions.set([rows[name] for name in rights.split()])


def remove(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0003_trust_rows"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make, remove)]
