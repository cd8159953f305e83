-- A database that does not speak UTF-8: texts are translated on both ways.
\getenv catalog PZ_CATALOG
CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\c latin
SET client_encoding = 'UTF8';
CREATE EXTENSION personalize;
SET personalize.catalog = :'catalog';
SELECT personalize_resolve('{"city": "Köln"}', 'city') ->> 'value' AS city,
    length(personalize_resolve('{"city": "Köln"}', 'city') ->> 'value') AS characters;
SELECT personalize_resolve('{}', 'Größe');
SELECT personalize_resolve('{}', 'city', '{}', NULL, 'Größe');
-- The bytes are the same in every database; the text has to have a place in this one.
CREATE TABLE kept AS SELECT personalize_apply(
    '\x505a700100026d6500', '{"city": "Köln"}') AS profile;
SELECT personalize_resolve_bytes(profile, 'city') ->> 'value' AS city FROM kept;
-- A message that has no place here is told all the same, and refuses no more than it would elsewhere.
CREATE FUNCTION put_file(path text, content bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    path := current_setting('data_directory') || '/' || path;
    EXECUTE format('COPY (SELECT %L) TO PROGRAM %L', encode(content, 'base64'),
        format('sed ''s/\\n//g'' | base64 -d > %1$s.new && mv %1$s.new %1$s', path));
END $$;
SELECT put_file('latin.json', '{"catalog": "c", "decisions": {"d": {"default": 1}}}');
SET personalize.catalog = 'latin.json';
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
-- An attribute of one Chinese character.
SELECT put_file('latin.json', '{"catalog": "c", "attributes": {"\344\270\255": {"type": "int"}}}');
SELECT personalize_decide(NULL, 'd') -> 'value' AS value;
\c crm
DROP DATABASE latin;
