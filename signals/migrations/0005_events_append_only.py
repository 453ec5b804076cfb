"""Make signals and facts immutable in the database itself.

Locks: CREATE TRIGGER takes SHARE ROW EXCLUSIVE on both tables for an instant.
Old code: keeps working; it only ever inserts here. Inserts fire no trigger and cost what they did.
Back out: `migrate signals 0004` drops the triggers; no row is touched either way.
Not covered: who owns the tables, as with the audit trail. TRUNCATE passes where a session says
`portal.allow_truncate`, which the tests' connection does.
"""

from django.db import migrations

TABLES = ("signals_signal", "signals_activityevent")
FUNCTION = """
CREATE FUNCTION signals_event_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('portal.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""
FORWARD = FUNCTION + "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION signals_event_immutable();"
    for table in TABLES
)
BACKWARD = (
    "".join(f"DROP TRIGGER append_only ON {table};" for table in TABLES)
    + "DROP FUNCTION signals_event_immutable();"
)


class Migration(migrations.Migration):
    dependencies = [("signals", "0004_quarantine")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
