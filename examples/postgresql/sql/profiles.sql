-- Profiles as bytes in a column: made, written, merged, asked, exported; damaged bytes are refused.
\getenv catalog PZ_CATALOG
SET personalize.catalog = :'catalog';
SET timezone = 'UTC';
CREATE TABLE party_bytes (id int PRIMARY KEY, profile bytea);
INSERT INTO party_bytes VALUES
    (1, personalize_profile('1', '[["declare", "language", "fr", {"at": "2026-01-01T00:00:00Z"}]]')),
    (2, personalize_profile('2'));
UPDATE party_bytes SET profile =
    personalize_apply(profile, '[["choose", "language", "de", {"at": "2026-02-01T00:00:00Z", "who": "agent:7"}]]');
SELECT id, personalize_resolve_bytes(profile, 'language', '{"now": "2026-03-01T00:00:00Z"}') FROM party_bytes ORDER BY id;
SELECT id, personalize_decide_bytes(profile, 'letter', '{"now": "2026-03-01T00:00:00Z", "channel": "mail"}') FROM party_bytes ORDER BY id;
SELECT id, personalize_segments_bytes(profile, '{"now": "2026-03-01T00:00:00Z"}') FROM party_bytes ORDER BY id;
SELECT personalize_explain_bytes(profile, 'letter', '{"now": "2026-03-01T00:00:00Z", "channel": "mail"}') ->> 'text'
FROM party_bytes WHERE id = 1;
-- The same content is the same bytes, whatever way it came about.
SELECT personalize_profile('2', '[["choose", "language", "de", {"at": "2026-02-01T00:00:00Z", "who": "agent:7"}]]') = profile AS equal
FROM party_bytes WHERE id = 2;
-- Taking back a choice shows what stands beneath.
SELECT personalize_resolve_bytes(personalize_apply(profile, '[["clear", "language", {"at": "2026-02-02T00:00:00Z"}]]'),
    'language', '{"now": "2026-03-01T00:00:00Z"}') ->> 'value' AS beneath FROM party_bytes WHERE id = 1;

-- Two branches write the same customer; merged they are one, in any order.
CREATE TABLE replica (profile bytea);
SET personalize.writer = 'berlin';
INSERT INTO replica SELECT personalize_apply(profile, '[["choose", "newsletter", true, {"at": "2026-02-03T00:00:00Z"}]]')
FROM party_bytes WHERE id = 1;
SET personalize.writer = 'paris';
INSERT INTO replica SELECT personalize_apply(profile, '[["declare", "age", 46, {"at": "2026-02-04T00:00:00Z"}]]')
FROM party_bytes WHERE id = 1;
SELECT count(DISTINCT merged) AS one FROM (
    SELECT personalize_merge(a.profile, b.profile) AS merged FROM replica a, replica b
    WHERE a.profile <> b.profile
    UNION ALL SELECT personalize_merge_all(profile) FROM replica) AS ways;
SELECT personalize_segments_bytes(personalize_merge_all(profile), '{"now": "2026-03-01T00:00:00Z"}') FROM replica;
SELECT jsonb_typeof(personalize_export(personalize_merge_all(profile))) FROM replica;
SELECT personalize_merge(personalize_profile('1'), personalize_profile('2'));
RESET personalize.writer;

-- A cancelled statement ends in the middle of what was said: its last operation is never tried.
CREATE TABLE much AS SELECT jsonb_agg(jsonb_build_array('choose', 'city', 'Town ' || i)) || '[["chose"]]' AS said
FROM generate_series(1, 20000) AS i;
SET statement_timeout = '100ms';
SELECT length(personalize_profile('1', said)) FROM much;
RESET statement_timeout;
DROP TABLE much;

-- Nobody, and bytes that are none.
SELECT personalize_decide_bytes(NULL, 'letter') ->> 'value' AS nobody;
SELECT personalize_decide_bytes('\x', 'letter');
SELECT personalize_decide_bytes('\xdeadbeef', 'letter');
SELECT personalize_apply('\x505a7001ff', '[]');
SELECT personalize_profile('', '[]');
-- Every byte of a profile damaged in turn, and every length: an answer or an error, never worse.
DO $$
DECLARE
    good bytea; bad int := 0; total int := 0;
BEGIN
    SELECT personalize_merge_all(profile) INTO good FROM replica;
    FOR i IN 0 .. length(good) - 1 LOOP
        FOR flip IN 1 .. 8 LOOP
            total := total + 1;
            BEGIN
                PERFORM personalize_explain_bytes(set_byte(good, i, get_byte(good, i) # (1 << (flip - 1))), 'letter');
            EXCEPTION WHEN data_corrupted OR feature_not_supported OR program_limit_exceeded 
                THEN bad := bad + 1;
            END;
        END LOOP;
        BEGIN
            PERFORM personalize_apply(substr(good, 1, i), '[]');
            RAISE NOTICE 'cut to % bytes and taken', i;
        EXCEPTION WHEN data_corrupted OR feature_not_supported THEN NULL;
        END;
    END LOOP;
    RAISE INFO 'damage was seen: %', bad > 0 AND bad <= total;
END $$;
