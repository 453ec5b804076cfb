"""Let every order of the list of cases, and the counts of the first page, follow an index.

Locks: CREATE INDEX takes SHARE on cases_case while it reads it once; nothing is released yet.
Old code: keeps working; it asks the same questions more slowly.
Back out: `migrate cases 0016` drops the indexes; no row is touched either way.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0016_case_keeps_its_account"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "closed"), _negated=True),
                fields=["due_at", "id"],
                name="case_open_due",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "closed"), _negated=True),
                fields=["opened_at", "id"],
                name="case_open_age",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(
                    ("queue", "compliance"), models.Q(("state", "closed"), _negated=True)
                ),
                fields=["-severity", "due_at", "id"],
                name="case_compliance",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "closed")),
                fields=["closed_at", "id"],
                name="case_closed",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "closed")),
                fields=["opened_at", "id"],
                name="case_closed_age",
            ),
        ),
    ]
