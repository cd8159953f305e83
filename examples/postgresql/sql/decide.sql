-- Questions about the customers of a CRM, whose tables are those of Tryton, cut short.
\getenv catalog PZ_CATALOG
CREATE EXTENSION personalize;
-- Without a catalog nothing is answered.
SELECT personalize_decide('{}', 'letter', '{}');
SET personalize.catalog = :'catalog';
SET timezone = 'UTC';

CREATE TABLE party_party (id int PRIMARY KEY, name text, lang text, birthday_year int);
CREATE TABLE party_address (party int REFERENCES party_party, city text, country text);
CREATE TABLE party_said (party int REFERENCES party_party, said jsonb, at timestamptz);
INSERT INTO party_party VALUES
    (1, 'Ann', 'de', 1980), (2, 'Bob', 'en', 2015), (3, 'Cem', NULL, NULL), (4, 'Dora', 'fr', 1999);
INSERT INTO party_address VALUES (1, 'Köln', 'DE'), (2, 'Leeds', 'GB'), (4, NULL, 'FR');
INSERT INTO party_said VALUES
    (2, '["choose", "language", "de", {"at": "2026-03-01T10:00:00Z", "channel": "phone", "who": "agent:7"}]', '2026-03-01'),
    (4, '["observe", {"kind": "order", "source": "shop", "id": "o1", "time": "2026-03-02T08:00:00Z", "total": 12.5}]', '2026-03-02'),
    (4, '["observe", {"kind": "order", "source": "shop", "id": "o2", "time": "2026-03-03T08:00:00Z", "total": 80}]', '2026-03-03'),
    (4, '["choose", "newsletter", true, {"at": "2026-03-03T09:00:00Z"}]', '2026-03-03');

-- What is on record are facts, what was said are operations, one after the other.
CREATE VIEW party_profile AS
SELECT p.id, p.name,
    jsonb_build_array(jsonb_build_object('language', p.lang, 'age', 2026 - p.birthday_year, 'city', a.city))
        || coalesce((SELECT jsonb_agg(s.said ORDER BY s.at, s.said) FROM party_said s WHERE s.party = p.id), '[]')
        AS profile
FROM party_party p LEFT JOIN party_address a ON a.party = p.id;

SELECT name, personalize_decide(profile, 'letter', '{"channel": "mail", "now": "2026-03-20T12:00:00Z"}')
FROM party_profile ORDER BY id;
SELECT name, personalize_resolve(profile, 'language', '{"now": "2026-03-20T12:00:00Z"}')
FROM party_profile ORDER BY id;
SELECT name, personalize_resolve(profile, 'city', '{"now": "2026-03-20T12:00:00Z"}') ->> 'value' AS city
FROM party_profile ORDER BY id;
SELECT name, personalize_segments(profile, '{"now": "2026-03-20T12:00:00Z"}') FROM party_profile ORDER BY id;
SELECT name FROM party_profile
WHERE 'buyer' = ANY (personalize_segments(profile, '{"now": "2026-03-20T12:00:00Z"}'));
-- The moment counts: half a year later the orders are too old.
SELECT personalize_decide(profile, 'letter', '{"now": "2026-10-01T00:00:00Z"}') ->> 'value' AS later
FROM party_profile WHERE name = 'Dora';

-- Why, as structure and as sentences.
SELECT why ->> 'rule' AS rule, why -> 'rules' -> 0 AS first, why ->> 'text' AS text
FROM (SELECT personalize_explain(profile, 'letter', '{"now": "2026-03-20T12:00:00Z"}') AS why
      FROM party_profile WHERE name = 'Dora') AS asked;

-- Nobody in particular: SQL's null, JSON's null. Nothing asked: nothing answered.
SELECT personalize_decide(NULL, 'letter'), personalize_decide('null', 'letter', NULL),
    personalize_decide('{}', NULL), personalize_resolve('{}', NULL);
-- Values of every kind come through.
SELECT personalize_decide('{}', 'discount', '{"basket": 101}') -> 'value' AS value,
    personalize_decide('{}', 'discount', '{"basket": 100}') -> 'value' AS none;
-- Untyped parameters find the function of jsonb.
PREPARE ask AS SELECT personalize_decide($1, $2, $3) ->> 'rule';
EXECUTE ask('{"age": 30}', 'letter', '{}');
-- A level leaves out what may not be used.
SELECT personalize_decide('{"age": 30}', 'letter', '{}', NULL, 'basic') ->> 'rule' AS rule;

-- Mistakes of the caller.
DO $$
DECLARE
    state text; message text; detail text;
    query text;
BEGIN
    FOREACH query IN ARRAY ARRAY[
        $q$personalize_decide('{}', 'lettre')$q$,
        $q$personalize_resolve('{}', 'langage')$q$,
        $q$personalize_decide('{"langage": "de"}', 'letter')$q$,
        $q$personalize_decide('{"language": "it"}', 'letter')$q$,
        $q$personalize_decide('{"age": "old"}', 'letter')$q$,
        $q$personalize_decide('{"age": 1e400}', 'letter')$q$,
        $q$personalize_decide('7', 'letter')$q$,
        $q$personalize_decide('"de"', 'letter')$q$,
        $q$personalize_decide('[["choose", "language", "de"], ["chose", "language", "de"]]', 'letter')$q$,
        $q$personalize_decide('[["choose", "language"]]', 'letter')$q$,
        $q$personalize_decide('[7]', 'letter')$q$,
        $q$personalize_decide('[["declare", "age", 4, {"at": "2999-01-01T00:00:00Z", "now": "2026-01-01T00:00:00Z"}]]', 'letter')$q$,
        $q$personalize_decide('{}', 'letter', '[]')$q$,
        $q$personalize_decide('{}', 'letter', '{"chanel": "web"}')$q$,
        $q$personalize_decide('{}', 'letter', '{"basket": "full"}')$q$,
        $q$personalize_decide('{}', 'letter', '{"now": "soon"}')$q$,
        $q$personalize_decide('{}', 'letter', '{"now": "infinity"}')$q$,
        $q$personalize_decide('{}', 'letter', '{"now": []}')$q$,
        $q$personalize_decide('{}', 'letter', '{}', NULL, 'deap')$q$,
        $q$personalize_decide((repeat('[', 600) || repeat(']', 600))::jsonb, 'letter')$q$]
    LOOP
        BEGIN
            EXECUTE 'SELECT ' || query;
            RAISE NOTICE 'no error: %', query;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
            RAISE INFO USING MESSAGE = format('%s %s%s', state, message, nullif(' | ' || detail, ' | '));
        END;
    END LOOP;
END $$;
-- A session goes on after any of them.
SELECT personalize_decide('{"age": 30}', 'letter') ->> 'rule' AS rule;
