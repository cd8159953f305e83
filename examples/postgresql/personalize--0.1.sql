-- The extension's functions. docs/crm.md tells what their arguments mean.
\echo Use "CREATE EXTENSION personalize" to load this file. \quit

-- Questions. STABLE: the answer depends on the catalog and on the moment of the statement besides.
CREATE FUNCTION personalize_decide(profile jsonb, decision text, context jsonb DEFAULT '{}',
    account jsonb DEFAULT NULL, level text DEFAULT NULL) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION personalize_explain(profile jsonb, decision text, context jsonb DEFAULT '{}',
    account jsonb DEFAULT NULL, level text DEFAULT NULL) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION personalize_resolve(profile jsonb, attribute text, context jsonb DEFAULT '{}',
    account jsonb DEFAULT NULL, level text DEFAULT NULL) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION personalize_segments(profile jsonb, context jsonb DEFAULT '{}',
    account jsonb DEFAULT NULL, level text DEFAULT NULL) RETURNS text[]
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

-- The same of stored bytes. Names of their own, for a literal or an untyped parameter would not say
-- which one of two functions is meant.
CREATE FUNCTION personalize_decide_bytes(profile bytea, decision text, context jsonb DEFAULT '{}',
    account bytea DEFAULT NULL, level text DEFAULT NULL) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION personalize_explain_bytes(profile bytea, decision text, context jsonb DEFAULT '{}',
    account bytea DEFAULT NULL, level text DEFAULT NULL) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
CREATE FUNCTION personalize_resolve_bytes(profile bytea, attribute text, context jsonb DEFAULT '{}',
    account bytea DEFAULT NULL, level text DEFAULT NULL) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION personalize_segments_bytes(profile bytea, context jsonb DEFAULT '{}',
    account bytea DEFAULT NULL, level text DEFAULT NULL) RETURNS text[]
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

-- Profiles as bytes, for a column.
CREATE FUNCTION personalize_profile(id text, said jsonb DEFAULT '[]') RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
CREATE FUNCTION personalize_apply(profile bytea, said jsonb) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
-- Replicas, each written in a database with a personalize.writer of its own: of two profiles that one
-- writer made apart it keeps one.
CREATE FUNCTION personalize_merge(bytea, bytea) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
CREATE AGGREGATE personalize_merge_all(bytea) (
    SFUNC = personalize_merge, STYPE = bytea, COMBINEFUNC = personalize_merge, PARALLEL = SAFE);
CREATE FUNCTION personalize_export(profile bytea) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;

-- Every mistake of a catalog, before it is put in force.
CREATE FUNCTION personalize_check_json(catalog text) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
-- A body that is bound when it is made: it finds the other function in whatever schema both are.
CREATE FUNCTION personalize_check(catalog text) RETURNS TABLE (severity text, line int, "column" int,
    path text, message text, suggestion text)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT * FROM jsonb_to_recordset(personalize_check_json(catalog))
            AS found(severity text, line int, "column" int, path text, message text, suggestion text);
    END;
