"""Make the audit trail append-only in the database itself.

Locks: CREATE TRIGGER takes SHARE ROW EXCLUSIVE on cases_auditevent for an instant.
Old code: keeps working; it only ever inserts here.
Back out: `migrate cases 0004` drops the trigger; no row is touched either way.
Not covered: who owns the table. The production role owns none (`manage.py grant_app_role`), and
seals will show what an owner did. TRUNCATE passes where a session says `portal.allow_truncate`,
which the tests' connection does, because they empty their tables that way.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION cases_auditevent_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('portal.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'cases_auditevent is append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cases_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION cases_auditevent_append_only();
"""
BACKWARD = """
DROP TRIGGER append_only ON cases_auditevent;
DROP FUNCTION cases_auditevent_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0004_role_groups")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
