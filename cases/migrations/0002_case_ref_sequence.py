"""Number cases from a sequence, so that a set of them can be opened in one statement.

Locks: none on existing tables.
Old code: unaffected.
Back out: `migrate cases 0001` drops the sequence; references already given stay.
"""

from django.db import migrations

FORWARD = """
CREATE SEQUENCE cases_case_ref;
CREATE FUNCTION cases_next_ref() RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT 'C-' || lpad(nextval('cases_case_ref')::text, 6, '0') $$;
"""
BACKWARD = """
DROP FUNCTION cases_next_ref();
DROP SEQUENCE cases_case_ref;
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
