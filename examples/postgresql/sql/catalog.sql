-- The catalog: followed when its file changes, kept when the new one is broken, checked beforehand.
\getenv catalog PZ_CATALOG
-- A relative path is one in the data directory.
\set changing changing.json
SET client_min_messages = warning;
-- Writes a file as the server, by another name first, as one should.
CREATE FUNCTION put_file(path text, content text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    path := current_setting('data_directory') || '/' || path;
    EXECUTE format('COPY (SELECT %L) TO PROGRAM %L', content, format('cat > %1$s.new && mv %1$s.new %1$s', path));
END $$;
\set one '{"catalog": "one", "decisions": {"d": {"default": 1}}}'
\set two '{"catalog": "two", "decisions": {"d": {"default": 2}}}'
\set bad '{"catalog": "bad", "decisions": {"d": {"rules": [{"when": "profile.langage == 1", "value": 3}]}}}'
SELECT put_file(:'changing', :'one');
SET personalize.catalog = :'changing';
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
SELECT put_file(:'changing', :'two');
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
-- One statement sees one catalog, though the file changes with each of its rows.
SELECT count(DISTINCT personalize_decide(NULL, 'd') -> 'value') FROM generate_series(1, 10) AS i
WHERE put_file(:'changing', (ARRAY[:'one', :'two'])[i % 2 + 1]) IS NOT NULL;
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
SELECT put_file(:'changing', :'bad');
-- Refused once, with the place; what was in force goes on.
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
-- In parallel workers too, which are new processes.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE several AS SELECT i AS id FROM generate_series(1, 10000) AS i;
ANALYZE several;
SET max_parallel_workers_per_gather = 2;
SELECT personalize_decide(NULLIF('{}', id::text)::jsonb, 'd') -> 'value' AS value, count(*) FROM several GROUP BY 1;
SELECT put_file(:'changing', :'one');
SELECT personalize_decide(NULLIF('{}', id::text)::jsonb, 'd') -> 'value' AS value, count(*) FROM several GROUP BY 1;
-- One statement, one catalog: its workers start when the file is another already.
CREATE FUNCTION ask_after_a_change(path text, content text) RETURNS TABLE (value jsonb, n bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM personalize_decide(NULL, 'd');
    PERFORM put_file(path, content);
    RETURN QUERY SELECT personalize_decide(NULLIF('{}', id::text)::jsonb, 'd') -> 'value', count(*) FROM several GROUP BY 1;
END $$;
SELECT * FROM ask_after_a_change(:'changing', :'two');
SELECT personalize_decide(NULLIF('{}', id::text)::jsonb, 'd') -> 'value' AS value, count(*) FROM several GROUP BY 1;
SELECT * FROM ask_after_a_change(:'changing', :'bad');
-- Nobody but the extension says what workers get.
SET personalize.catalog_in_force = 'changing.json';
DROP FUNCTION ask_after_a_change;
DROP TABLE several;
SELECT put_file(:'changing', :'two');
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
-- A file that has the inode, the size and the date of the one before is another one all the same.
CREATE FUNCTION put_file_of_one_date(path text, content text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    path := current_setting('data_directory') || '/' || path;
    EXECUTE format('COPY (SELECT %L) TO PROGRAM %L', content, format('cat > %1$s && touch -d @1000000000 %1$s', path));
END $$;
SELECT put_file_of_one_date(:'changing', :'one');
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
SELECT put_file_of_one_date(:'changing', :'two');
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
DROP FUNCTION put_file_of_one_date;
-- Another file never falls back to the one before.
SET personalize.catalog = '/nonexistent/shop.json';
SELECT personalize_decide(NULL, 'd');
SET personalize.catalog = :'changing';
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
SET personalize.catalog = :'catalog';
SELECT personalize_decide(NULL, 'd');
-- Only a superuser says which file is read; it holds for others.
CREATE ROLE clerk LOGIN;
SET ROLE clerk;
SET personalize.catalog = '/etc/passwd';
SELECT personalize_decide(NULL, 'letter') ->> 'value' AS value;
RESET ROLE;
-- Also in a connection of one's own, where the setting can be put before the module is loaded.
SELECT current_database() AS here \gset
ALTER DATABASE :here SET personalize.catalog = :'catalog';
\c - clerk
SELECT personalize_decide(NULL, 'letter') ->> 'value' AS value;
\c - clerk
SET personalize.catalog = '/etc/passwd';
SELECT personalize_decide(NULL, 'letter') ->> 'value' AS value;
\c - postgres
ALTER DATABASE :here RESET personalize.catalog;
DROP ROLE clerk;
SELECT personalize_decide(NULL, 'letter') ->> 'value' AS set_when_connecting;
SET personalize.catlog = 'x';

-- Every mistake at its place, with the nearest right name.
SELECT line, "column", path, message, suggestion FROM personalize_check(
'{"catalog": "shop",
  "attributes": {"language": {"type": "string", "one_of": ["en", "de"], "default": "it"}},
  "segments": {"german": "profile.langage == ''de''"}}');
SELECT severity, line, "column" FROM personalize_check('{"catalog": ');
SELECT count(*) FROM personalize_check('{"catalog": "fine"}');
-- From whatever schema the extension is in, also when it is not looked through.
CREATE SCHEMA tools;
ALTER EXTENSION personalize SET SCHEMA tools;
SELECT count(*) FROM tools.personalize_check('{"catalog": ');
ALTER EXTENSION personalize SET SCHEMA public;
DROP FUNCTION put_file;
