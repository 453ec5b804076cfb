"""A case stays with its account and with the score that it was opened for.

Who may be the second person, and whether one is needed, is read from both: whoever could change
them would choose the answer. Who approves must still be with us, and an off-boarding under a
sanctions typology needs an officer whatever the decision's row says.

Locks: CREATE TRIGGER takes SHARE ROW EXCLUSIVE on cases_case and cases_decision for an instant.
Old code: keeps working; it never changes these columns.
Back out: `migrate cases 0015` drops the triggers; no row is touched either way.
Not covered: who owns the tables can drop a trigger; the production role owns none.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION cases_case_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cases_refuse('case_keeps_its_account',
                         'the account, typology and opening score of a case never change');
    RETURN NULL;
END $$;
CREATE TRIGGER kept BEFORE UPDATE OF account_id, typology_code, score_at_opening ON cases_case
    FOR EACH ROW WHEN (NEW.account_id <> OLD.account_id OR NEW.typology_code <> OLD.typology_code
                       OR NEW.score_at_opening <> OLD.score_at_opening)
    EXECUTE FUNCTION cases_case_kept();

CREATE FUNCTION cases_decision_approver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM cases_user u WHERE u.id = NEW.approved_by_id AND u.is_active) THEN
        PERFORM cases_refuse('approver_is_with_us', 'who approves must be an active person');
    END IF;
    IF NEW.outcome = 'offboarded' AND NOT NEW.needs_officer AND EXISTS (
        SELECT FROM cases_typology t JOIN cases_case c ON c.typology_code = t.code
        WHERE c.id = NEW.case_id AND t.active AND t.sanctions) THEN
        PERFORM cases_refuse('officer_approves_under_sanctions',
                             'a compliance officer must approve this off-boarding');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approver AFTER INSERT OR UPDATE ON cases_decision
    NOT DEFERRABLE FOR EACH ROW WHEN (NEW.state = 'approved')
    EXECUTE FUNCTION cases_decision_approver();
"""
BACKWARD = """
DROP TRIGGER approver ON cases_decision;
DROP FUNCTION cases_decision_approver();
DROP TRIGGER kept ON cases_case;
DROP FUNCTION cases_case_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0015_relink")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
