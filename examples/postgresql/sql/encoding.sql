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
-- The bytes are the same in every database; the text has to have a place in this one.
CREATE TABLE kept AS SELECT personalize_apply(
    '\x505a700100026d6500', '{"city": "Köln"}') AS profile;
SELECT personalize_resolve_bytes(profile, 'city') ->> 'value' AS city FROM kept;
\c crm
DROP DATABASE latin;
