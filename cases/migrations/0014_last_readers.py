"""Let the database itself refuse what the verbs refuse: it is the last reader of the rules.

Locks: CREATE TRIGGER takes SHARE ROW EXCLUSIVE on each table for an instant.
Old code: keeps working; it moves cases, decisions and holds by the same rules.
Back out: `migrate cases 0013` drops the triggers; no row is touched either way.
Not covered: who owns the tables can drop a trigger; the production role owns none.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION cases_refuse(rule text, said text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', said USING ERRCODE = 'check_violation', CONSTRAINT = rule;
END $$;

CREATE FUNCTION cases_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cases_refuse('rows_are_only_added', TG_TABLE_NAME || ' is only added to');
    RETURN NULL;
END $$;
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON cases_caseworker
    FOR EACH ROW EXECUTE FUNCTION cases_never();
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON cases_evidencesnapshot
    FOR EACH ROW EXECUTE FUNCTION cases_never();
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON cases_note
    FOR EACH ROW EXECUTE FUNCTION cases_never();
CREATE TRIGGER never_deleted BEFORE DELETE ON cases_decision
    FOR EACH ROW EXECUTE FUNCTION cases_never();
CREATE TRIGGER never_deleted BEFORE DELETE ON cases_hold
    FOR EACH ROW EXECUTE FUNCTION cases_never();
CREATE TRIGGER never_deleted BEFORE DELETE ON cases_verificationattempt
    FOR EACH ROW EXECUTE FUNCTION cases_never();

-- A decision: what was proposed stays as it was; it is answered once.
CREATE FUNCTION cases_decision_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - ARRAY['state', 'approved_by_id', 'approved_at', 'ended_by_id', 'ended_at',
                              'ended_because'])
        IS DISTINCT FROM
       (to_jsonb(OLD) - ARRAY['state', 'approved_by_id', 'approved_at', 'ended_by_id', 'ended_at',
                              'ended_because'])
    THEN
        PERFORM cases_refuse('decision_is_never_edited', 'a decision is never edited');
    END IF;
    IF OLD.state <> 'proposed' THEN
        PERFORM cases_refuse('decision_is_answered_once', 'this decision was answered already');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kept BEFORE UPDATE ON cases_decision
    FOR EACH ROW EXECUTE FUNCTION cases_decision_kept();

-- An approval: by somebody who has no part in the case, or none needed and the score is low.
CREATE FUNCTION cases_decision_four_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    account bigint;
    high numeric;
    highest numeric;
BEGIN
    SELECT c.account_id, greatest(NEW.score, c.score_at_opening, a.score) INTO account, highest
    FROM cases_case c JOIN cases_account a ON a.id = c.account_id WHERE c.id = NEW.case_id;
    IF NEW.needs_second THEN
        IF NEW.approved_by_id = NEW.proposed_by_id THEN
            PERFORM cases_refuse('decision_needs_two_people', 'a second person must approve');
        END IF;
        IF EXISTS (SELECT FROM cases_caseworker w JOIN cases_case c ON c.id = w.case_id
                   WHERE c.account_id = account AND w.user_id = NEW.approved_by_id) THEN
            PERFORM cases_refuse('approver_did_not_work_on_the_case',
                                 'who approves must not have worked on a case of the account');
        END IF;
        IF EXISTS (SELECT FROM cases_verificationattempt t
                   JOIN cases_verification v ON v.id = t.verification_id
                   WHERE v.account_id = account
                     AND NEW.approved_by_id IN (t.recorded_by_id, t.performed_by_id)) THEN
            PERFORM cases_refuse('approver_recorded_no_verification',
                                 'who approves must not have recorded a verification');
        END IF;
    ELSE
        SELECT coalesce((p.data->'decisions'->>'clear_second_person_score')::numeric, 7)
        INTO high FROM cases_policy p WHERE p.id = NEW.policy_id;
        IF highest >= coalesce(high, 7) THEN
            PERFORM cases_refuse('clearing_a_high_score_needs_two_people',
                                 'clearing this score needs a second person');
        END IF;
    END IF;
    IF NEW.needs_officer AND NOT EXISTS (
        SELECT FROM cases_user_groups g
        JOIN auth_group_permissions gp ON gp.group_id = g.group_id
        JOIN auth_permission p ON p.id = gp.permission_id
        WHERE g.user_id = NEW.approved_by_id AND p.codename = 'comply_case') THEN
        PERFORM cases_refuse('officer_approves_under_sanctions',
                             'a compliance officer must approve this off-boarding');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER four_eyes AFTER INSERT OR UPDATE ON cases_decision
    NOT DEFERRABLE FOR EACH ROW WHEN (NEW.state = 'approved')
    EXECUTE FUNCTION cases_decision_four_eyes();

-- A case: what it is going through or ended in rests on a decision. Asked at commit, since the
-- decision may be written after the case.
CREATE FUNCTION cases_case_rests_on_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_is cases_case;
    standing cases_decision;
BEGIN
    SELECT * INTO now_is FROM cases_case WHERE id = NEW.id;
    IF now_is.state IS DISTINCT FROM NEW.state OR now_is.outcome IS DISTINCT FROM NEW.outcome THEN
        RETURN NULL;  -- it moved on within the transaction; its last state is asked about
    END IF;
    IF NEW.state = 'pending_approval' THEN
        IF NOT EXISTS (SELECT FROM cases_decision d
                       WHERE d.case_id = NEW.id AND d.state = 'proposed') THEN
            PERFORM cases_refuse('pending_case_has_a_proposal', 'nothing is proposed');
        END IF;
        RETURN NULL;
    END IF;
    SELECT * INTO standing FROM cases_decision d
    WHERE d.case_id = NEW.id AND d.state = 'approved'
    ORDER BY d.approved_at DESC, d.id DESC LIMIT 1;
    IF standing.id IS NULL
        OR (NEW.state = 'closed' AND standing.outcome <> NEW.outcome)
        OR (NEW.outcome IN ('restricted', 'offboarded')
            AND (NOT standing.needs_second OR standing.approved_by_id = standing.proposed_by_id))
    THEN
        PERFORM cases_refuse('outcome_rests_on_a_decision_of_two_people',
                             'no approved decision stands behind this outcome');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER rests_on_decision AFTER UPDATE OF state, outcome ON cases_case
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.state IN ('pending_approval', 'executing', 'closed')
          AND (OLD.state <> NEW.state OR OLD.outcome <> NEW.outcome))
    EXECUTE FUNCTION cases_case_rests_on_decision();
CREATE CONSTRAINT TRIGGER born_with_decision AFTER INSERT ON cases_case
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.outcome IN ('restricted', 'offboarded'))
    EXECUTE FUNCTION cases_case_rests_on_decision();

CREATE FUNCTION cases_case_counts_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cases_refuse('version_and_fence_only_grow', 'version and fence only grow');
    RETURN NULL;
END $$;
CREATE TRIGGER counts_up BEFORE UPDATE OF version, fence ON cases_case
    FOR EACH ROW WHEN (NEW.version < OLD.version OR NEW.fence < OLD.fence)
    EXECUTE FUNCTION cases_case_counts_up();

-- Money: a row says what was decided and stays; only another row, by people, takes its place.
CREATE FUNCTION cases_hold_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may text[] := ARRAY['live', 'second_by_id', 'review_at', 'sent_at', 'acknowledged_at',
                        'platform_reference', 'last_error'];
BEGIN
    IF (to_jsonb(NEW) - may) IS DISTINCT FROM (to_jsonb(OLD) - may) THEN
        PERFORM cases_refuse('hold_is_never_edited', 'a hold is never edited');
    END IF;
    IF NEW.live AND NOT OLD.live THEN
        PERFORM cases_refuse('hold_does_not_come_back', 'a hold does not come back');
    END IF;
    IF OLD.second_by_id IS NOT NULL AND NEW.second_by_id IS DISTINCT FROM OLD.second_by_id THEN
        PERFORM cases_refuse('hold_is_never_edited', 'who confirmed a hold stays');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kept BEFORE UPDATE ON cases_hold
    FOR EACH ROW EXECUTE FUNCTION cases_hold_kept();

CREATE FUNCTION cases_hold_succeeded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM cases_hold h WHERE h.previous_id = NEW.id) THEN
        PERFORM cases_refuse('hold_ends_by_another',
                             'a hold ends only when another one takes its place');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER succeeded AFTER UPDATE OF live ON cases_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.live AND NOT NEW.live)
    EXECUTE FUNCTION cases_hold_succeeded();

CREATE FUNCTION cases_hold_by_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before cases_hold;
BEGIN
    IF NEW.level IN ('compliance_hold', 'blocked_property', 'released', 'returned_to_client')
        AND NEW.set_by_id IS NULL THEN
        PERFORM cases_refuse('money_is_moved_by_a_person', 'a person must set this level');
    END IF;
    IF NEW.level = 'blocked_property'
        AND (NEW.second_by_id IS NULL OR NEW.blocked_at IS NULL OR NEW.report_due_at IS NULL) THEN
        PERFORM cases_refuse('block_needs_two_people',
                             'a block needs two people and its report date');
    END IF;
    SELECT * INTO before FROM cases_hold h
    WHERE h.account_id = NEW.account_id AND h.id <> NEW.id ORDER BY h.id DESC LIMIT 1;
    IF before.id IS NULL OR before.level NOT IN ('soft_hold', 'compliance_hold', 'blocked_property')
    THEN
        RETURN NULL;
    END IF;
    IF NEW.previous_id IS DISTINCT FROM before.id THEN
        PERFORM cases_refuse('hold_follows_the_last', 'a hold follows the last one');
    END IF;
    IF before.level = 'soft_hold' AND NEW.level IN ('normal', 'soft_hold') THEN
        PERFORM cases_refuse('money_is_released_by_a_person', 'a hold ends by being released');
    END IF;
    IF before.level IN ('compliance_hold', 'blocked_property')
        AND NEW.level <> 'blocked_property' THEN
        IF NEW.level NOT IN ('released', 'returned_to_client') THEN
            PERFORM cases_refuse('compliance_hold_is_not_weakened',
                                 'a hold of compliance is released or kept');
        END IF;
        IF NEW.set_by_id IS NULL OR NEW.second_by_id IS NULL
            OR NEW.set_by_id = NEW.second_by_id THEN
            PERFORM cases_refuse('compliance_releases_by_two', 'this release needs two people');
        END IF;
    END IF;
    IF before.level = 'blocked_property' AND (NEW.level <> 'released' OR NEW.basis = '') THEN
        PERFORM cases_refuse('blocked_property_leaves_by_right',
            'blocked property leaves only by licence, delisting or the error procedure');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER by_people AFTER INSERT ON cases_hold
    NOT DEFERRABLE FOR EACH ROW EXECUTE FUNCTION cases_hold_by_people();

-- An attempt at a verification: added, reviewed once, never edited.
CREATE FUNCTION cases_attempt_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may text[] := ARRAY['second_reviewer_id', 'second_review_at', 'second_review_agrees'];
BEGIN
    IF (to_jsonb(NEW) - may) IS DISTINCT FROM (to_jsonb(OLD) - may)
        OR OLD.second_reviewer_id IS NOT NULL THEN
        PERFORM cases_refuse('attempt_is_never_edited', 'an attempt is never edited');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kept BEFORE UPDATE ON cases_verificationattempt
    FOR EACH ROW EXECUTE FUNCTION cases_attempt_kept();
"""
TRIGGERS = {
    "cases_caseworker": ["only_added"],
    "cases_evidencesnapshot": ["only_added"],
    "cases_note": ["only_added"],
    "cases_decision": ["never_deleted", "kept", "four_eyes"],
    "cases_hold": ["never_deleted", "kept", "succeeded", "by_people"],
    "cases_verificationattempt": ["never_deleted", "kept"],
    "cases_case": ["rests_on_decision", "born_with_decision", "counts_up"],
}
FUNCTIONS = (
    "never", "decision_kept", "decision_four_eyes", "case_rests_on_decision", "case_counts_up",
    "hold_kept", "hold_succeeded", "hold_by_people", "attempt_kept",
)  # fmt: skip
BACKWARD = "\n".join(
    [f"DROP TRIGGER {name} ON {table};" for table, names in TRIGGERS.items() for name in names]
    + [f"DROP FUNCTION cases_{name}();" for name in FUNCTIONS]
    + ["DROP FUNCTION cases_refuse(text, text);"]
)


class Migration(migrations.Migration):
    dependencies = [("cases", "0013_decisions_holds_verification")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
