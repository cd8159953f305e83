-- Rows a second: a cast of jsonb and back, and the questions, over 100,000 customers, one process.
-- Each line is the least of five runs. Run by `tests/crm/test_postgresql.sh ... bench`.
\set QUIET on
\getenv catalog PZ_CATALOG
SET personalize.catalog = :'catalog';
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE TABLE customers AS
SELECT i AS id,
    jsonb_build_object('language', (ARRAY['en', 'de', 'fr'])[i % 3 + 1], 'age', i % 90, 'city', 'Town ' || i) AS profile,
    jsonb_build_object('language', (ARRAY['en', 'de', 'fr'])[i % 3 + 1], 'age', i % 90, 'city', 'Town ' || i)::text AS text,
    personalize_profile(i::text, jsonb_build_object('language', (ARRAY['en', 'de', 'fr'])[i % 3 + 1], 'age', i % 90, 'city', 'Town ' || i)) AS bytes
FROM generate_series(1, 100000) AS i;
ANALYZE customers;
CREATE FUNCTION measure(what text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE begun timestamptz; least float8 := 'infinity';
BEGIN
    FOR run IN 1 .. 5 LOOP
        begun := clock_timestamp();
        EXECUTE query;
        least := least(least, extract(epoch FROM clock_timestamp() - begun));
    END LOOP;
    RETURN format('%s %s ms, %s rows a second', rpad(what, 32), round((least * 1000)::numeric, 1), round((100000 / least)::numeric));
END $$;
\pset tuples_only on
\pset format unaligned
SELECT measure('reading the rows', 'SELECT count(profile) FROM customers');
SELECT measure('cast text to jsonb', 'SELECT count(text::jsonb) FROM customers');
SELECT measure('cast jsonb to text', 'SELECT count(profile::text) FROM customers');
SELECT measure('decide, of jsonb', $$SELECT count(personalize_decide(profile, 'letter', '{"channel": "mail"}')) FROM customers$$);
SELECT measure('decide, of bytes', $$SELECT count(personalize_decide_bytes(bytes, 'letter', '{"channel": "mail"}')) FROM customers$$);
SELECT measure('resolve, of bytes', $$SELECT count(personalize_resolve_bytes(bytes, 'language')) FROM customers$$);
SELECT measure('segments, of bytes', $$SELECT count(personalize_segments_bytes(bytes)) FROM customers$$);
