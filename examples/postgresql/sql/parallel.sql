-- Parallel workers answer as the leader does, and all memory is PostgreSQL's.
\getenv catalog PZ_CATALOG
SET personalize.catalog = :'catalog';
CREATE TABLE many AS
SELECT i AS id, jsonb_build_object('language', (ARRAY['en', 'de', 'fr'])[i % 3 + 1], 'age', i % 90) AS profile
FROM generate_series(1, 20000) AS i;
ANALYZE many;
CREATE FUNCTION answers() RETURNS TABLE (value text, n bigint) LANGUAGE SQL AS $$
    SELECT personalize_decide(profile, 'letter', '{"channel": "mail"}') ->> 'value', count(*)
    FROM many GROUP BY 1 ORDER BY 1 $$;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE alone AS SELECT * FROM answers();
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT personalize_decide(profile, 'letter', '{"channel": "mail"}') ->> 'value', count(*)
FROM many GROUP BY 1;
CREATE TABLE together AS SELECT personalize_decide(profile, 'letter', '{"channel": "mail"}') ->> 'value' AS value, count(*) AS n
FROM many GROUP BY 1 ORDER BY 1;
SELECT a.value, a.n, a.n = t.n AS same FROM alone a FULL JOIN together t USING (value) ORDER BY 1;
-- Every function in a worker of its own.
SET force_parallel_mode = on;
SELECT personalize_resolve(profile, 'language') ->> 'tier', personalize_segments(profile),
    personalize_explain(profile, 'letter') ->> 'rule' FROM many WHERE id = 1;
SELECT personalize_resolve_bytes(personalize_apply(personalize_profile('1'), '{"age": 9}'), 'age') -> 'value' AS age;
SELECT personalize_decide('{"age": -1}', 'letter');
RESET force_parallel_mode;
SELECT proname, proparallel, provolatile FROM pg_proc WHERE proname LIKE 'personalize%' ORDER BY 1;
-- A second run over everything takes no memory besides.
SET max_parallel_workers_per_gather = 0;
SELECT count(*) FROM answers();
SELECT sum(total_bytes) AS before FROM pg_backend_memory_contexts WHERE name = 'personalize' \gset
SELECT count(*) FROM answers();
SELECT sum(total_bytes) = :before AS steady FROM pg_backend_memory_contexts WHERE name = 'personalize';
DROP FUNCTION answers;
-- Nor do calls that fail, at whatever point they do.
CREATE FUNCTION fail(times int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE profile text;
BEGIN
    FOR i IN 1 .. times LOOP
        FOREACH profile IN ARRAY ARRAY['{"age": -1}', '[["choose", "language", "de"], 7]', '{"age": 40}'] LOOP
            BEGIN
                PERFORM personalize_decide(profile::jsonb, 'letter', '{"basket": "full"}');
                RAISE 'that was to fail';
            EXCEPTION WHEN check_violation OR datatype_mismatch THEN NULL;
            END;
        END LOOP;
    END LOOP;
END $$;
SELECT fail(100);
SELECT sum(total_bytes) AS before FROM pg_backend_memory_contexts WHERE name = 'personalize' \gset
SELECT fail(2000);
SELECT sum(total_bytes) = :before AS steady FROM pg_backend_memory_contexts WHERE name = 'personalize';
DROP FUNCTION fail;
