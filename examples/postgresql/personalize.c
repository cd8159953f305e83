/*
 * personalize.c: the SQL functions, each a few lines: read the arguments, ask, hand back.
 *
 * Who is asked about comes as the first argument. As jsonb it is one of
 *     null                       nobody in particular (SQL's NULL too)
 *     {"language": "de", ...}    recorded facts by attribute; null members say nothing
 *     [["choose", ...], {...}]   operations and facts in the order they happened
 * As bytea it is what personalize_profile() made; it is read where it lies, not decoded.
 *
 * No function calls back into SQL, so one session serves them all. What an ERROR leaves in it is
 * freed by the next call. Answers borrow from the session and are copied into the memory of the
 * caller before the function returns.
 */
#include "session.h"
#include "value.h"

#include <catalog/pg_type.h>
#include <fmgr.h>
#include <miscadmin.h>
#include <utils/array.h>
#include <utils/builtins.h>
#include <utils/timestamp.h>

PG_MODULE_MAGIC;

void _PG_init(void);

/* The soname keeps other versions out, but for one that was put under its name by hand. */
static void check_version(void)
{
    const char *built = PZ_VERSION_MAJOR > 0
                            ? psprintf("%d.", PZ_VERSION_MAJOR)
                            : psprintf("%d.%d.", PZ_VERSION_MAJOR, PZ_VERSION_MINOR);
    const char *loaded = pz_version();

    if (strncmp(loaded, built, strlen(built)) != 0)
        ereport(
            ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("personalize: the extension was built for libpersonalize %sx, and %s is loaded",
                    built, loaded),
             errhint("Build and install the extension anew.")));
}

void _PG_init(void)
{
    check_version();
    pg_define_settings();
}

/* ---- who is asked about ---- */

static pz_write write_of_session(void)
{
    return (pz_write){PZ_WRITE, .writer = pg_writer};
}

static void apply_facts(pg_session *session, pz_profile *profile, pz_value facts)
{
    const pz_write defaults = write_of_session();

    for (uint32 i = 0; i < facts.len; i++) {
        const pz_entry fact = pz_value_entry(facts, i);
        const pz_value items[] = {pz_value_str("declare"), fact.key, fact.value};
        pz_error err = PZ_ERROR_INIT;
        pz_status status;
        pz_value operation;

        CHECK_FOR_INTERRUPTS();
        if (fact.value.kind == PZ_NULL)
            continue;
        status = pz_pool_list(session->pool, &operation, items, lengthof(items));
        if (status == PZ_OK)
            status = pz_profile_apply(profile, operation, &defaults, &err);
        if (status != PZ_OK)
            pg_check(status, &err,
                     psprintf("Fact \"%s\" of the profile.",
                              pg_from_utf8(fact.key.as.text, fact.key.len)));
    }
}

static void apply_list(pg_session *session, pz_profile *profile, pz_value list)
{
    const pz_write defaults = write_of_session();

    for (uint32 i = 0; i < list.len; i++) {
        const pz_value item = pz_value_item(list, i);
        pz_error err = PZ_ERROR_INIT;
        pz_status status;

        CHECK_FOR_INTERRUPTS();
        if (item.kind == PZ_MAP) {
            apply_facts(session, profile, item);
            continue;
        }
        status = pz_profile_apply(profile, item, &defaults, &err);
        if (status != PZ_OK)
            pg_check(status, &err, psprintf("Operation %u of the profile.", i + 1));
    }
}

/* Any number of operations may be said, and each takes the longer the more the profile holds: so a
 * cancelled statement ends between two of them, as at any ERROR. */
static void apply(pg_session *session, pz_profile *profile, pz_value said)
{
    if (said.kind == PZ_MAP)
        apply_facts(session, profile, said);
    else if (said.kind == PZ_LIST)
        apply_list(session, profile, said);
    else
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("personalize: a profile is an object of facts or an array of "
                               "operations, not %s",
                               pz_kind_name((pz_kind)said.kind))));
}

/* A detached profile of a jsonb; `slot` keeps it for the session to free. */
static void profile_of_json(pg_session *session, pz_profile **slot, pz_subject subject,
                            const char *id, const Jsonb *json)
{
    pz_error err = PZ_ERROR_INIT;
    const pz_value said = pg_value_of(session, json);

    if (said.kind == PZ_NULL)
        return;
    pg_check(pz_profile_new(slot, session->engine, subject, id, &err), &err, NULL);
    apply(session, *slot, said);
}

static void profile_of_bytes(pg_session *session, pz_profile **slot, const bytea *bytes)
{
    pz_error err = PZ_ERROR_INIT;
    pz_value kept;

    /* The handle outlives an ERROR, and so must its bytes: the pool is reset when it is freed. */
    pg_check(pz_pool_copy(session->pool, &kept,
                          pz_value_bytes(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes))),
             &err, NULL);
    pg_check(pz_profile_view(slot, session->engine, kept.as.text, kept.len, &err), &err, NULL);
}

/* ---- in what circumstances ---- */

/* "now" of the circumstances: a number of milliseconds, or any text that timestamptz reads. */
static int64 moment_of(pz_value now)
{
    const int64 epoch_ms = (int64)(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;
    TimestampTz at;

    if (now.kind == PZ_INT)
        return now.as.i;
    if (now.kind != PZ_STRING)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("personalize: \"now\" is a time or milliseconds since 1970")));
    at = DatumGetTimestampTz(
        DirectFunctionCall3(timestamptz_in, CStringGetDatum(pg_from_utf8(now.as.text, now.len)),
                            ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
    if (TIMESTAMP_NOT_FINITE(at))
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                        errmsg("personalize: \"now\" is not finite")));
    return epoch_ms + at / 1000 - (at % 1000 < 0);
}

/* The circumstances as a map; "now" is taken by the session's clock. */
static pz_value circumstances_of(pg_session *session, const Jsonb *json)
{
    pz_value map = pg_value_of(session, json), now;

    if (map.kind == PZ_NULL)
        return map;
    if (map.kind != PZ_MAP)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("personalize: circumstances are an object, not %s",
                               pz_kind_name((pz_kind)map.kind))));
    now = pz_value_get(map, "now", 3, NULL);
    if (now.kind != PZ_NULL)
        session->now_ms = moment_of(now);
    return map;
}

static void set_circumstances(pg_session *session, pz_value map)
{
    for (uint32 i = 0; i < map.len; i++) {
        const pz_entry entry = pz_value_entry(map, i);
        const char *key = pnstrdup(entry.key.as.text, entry.key.len);
        pz_error err = PZ_ERROR_INIT;

        if (strcmp(key, "now") != 0)
            pg_check(pz_context_set(session->context, key, entry.value, &err), &err, NULL);
    }
}

/* ---- the arguments that all questions share ---- */

typedef enum form { FORM_JSON, FORM_BYTES } form;

static void read_profile(FunctionCallInfo fcinfo, int arg, form as, pg_session *session,
                         pz_profile **slot, pz_subject subject)
{
    if (PG_ARGISNULL(arg))
        return;
    if (as == FORM_JSON)
        profile_of_json(session, slot, subject, subject == PZ_PERSON ? "person" : "account",
                        PG_GETARG_JSONB_P(arg));
    else
        profile_of_bytes(session, slot, PG_GETARG_BYTEA_PP(arg));
}

/* A text argument as the library wants it: UTF-8, NUL at the end. */
static char *name_of(FunctionCallInfo fcinfo, int arg)
{
    const text *name = PG_GETARG_TEXT_PP(arg);

    return pg_to_utf8(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
}

/* Begins a question: the profile is argument 0; context, account and level follow from `arg` on. */
static pg_session *begin_question(FunctionCallInfo fcinfo, form as, int arg)
{
    pg_session *session = pg_begin();
    pz_value circumstances = pz_value_null();
    pz_error err = PZ_ERROR_INIT;

    if (!PG_ARGISNULL(arg))
        circumstances = circumstances_of(session, PG_GETARG_JSONB_P(arg));
    read_profile(fcinfo, 0, as, session, &session->customer, PZ_PERSON);
    read_profile(fcinfo, arg + 1, as, session, &session->account, PZ_ACCOUNT);
    pg_check(pz_context_begin(session->context, session->now_ms, &err), &err, NULL);
    set_circumstances(session, circumstances);
    pg_check(pz_context_account(session->context, session->account, &err), &err, NULL);
    if (!PG_ARGISNULL(arg + 2))
        pg_check(pz_context_level(session->context, name_of(fcinfo, arg + 2), &err), &err, NULL);
    return session;
}

/* ---- questions ---- */

static const pz_decision *decide(pg_session *session, const char *name)
{
    const pz_decision *out = NULL;
    pz_error err = PZ_ERROR_INIT;

    pg_check(pz_decide(&out, session->context, session->customer, name, &err), &err, NULL);
    return out;
}

static Datum answer_decide(FunctionCallInfo fcinfo, form as)
{
    pg_session *session;
    const pz_decision *decision;

    if (PG_ARGISNULL(1))
        PG_RETURN_NULL();
    session = begin_question(fcinfo, as, 2);
    decision = decide(session, name_of(fcinfo, 1));
    {
        const pg_member members[] = {
            {"value", pz_decision_value(decision)},
            {"reason", pz_value_str(pz_decision_reason(decision))},
            {"rule", pz_value_str(pz_decision_rule(decision))},
            {"confidence", pz_value_double(pz_decision_confidence(decision))},
        };

        PG_RETURN_JSONB_P(pg_jsonb_of(session, pg_map_of(session, members, lengthof(members))));
    }
}

static Datum answer_explain(FunctionCallInfo fcinfo, form as)
{
    pg_session *session;
    const pz_decision *decision;
    pz_error err = PZ_ERROR_INIT;
    pz_value map;
    pz_str text;
    pg_member *members;

    if (PG_ARGISNULL(1))
        PG_RETURN_NULL();
    session = begin_question(fcinfo, as, 2);
    decision = decide(session, name_of(fcinfo, 1));
    pg_check(pz_explain(&map, session->context, decision, &err), &err, NULL);
    pg_check(pz_explain_text(&text, session->context, decision, &err), &err, NULL);
    members = palloc((map.len + 1) * sizeof *members);
    for (uint32 i = 0; i < map.len; i++) {
        const pz_entry entry = pz_value_entry(map, i);

        members[i] = (pg_member){pnstrdup(entry.key.as.text, entry.key.len), entry.value};
    }
    members[map.len] = (pg_member){"text", pz_value_strn(text.data, text.len)};
    PG_RETURN_JSONB_P(pg_jsonb_of(session, pg_map_of(session, members, map.len + 1)));
}

static Datum answer_resolve(FunctionCallInfo fcinfo, form as)
{
    pz_resolution found = {PZ_RESOLUTION};
    pz_error err = PZ_ERROR_INIT;
    pg_member members[8];
    pg_session *session;
    size_t count = 3;

    if (PG_ARGISNULL(1))
        PG_RETURN_NULL();
    session = begin_question(fcinfo, as, 2);
    pg_check(pz_resolve(&found, session->context, session->customer, name_of(fcinfo, 1), &err),
             &err, NULL);
    members[0] = (pg_member){"value", found.value};
    members[1] = (pg_member){"tier", pz_value_str(found.tier)};
    members[2] = (pg_member){"reason", pz_value_str(found.reason)};
    if (found.has_confidence)
        members[count++] = (pg_member){"confidence", pz_value_double(found.confidence)};
    if (found.channel.len > 0)
        members[count++] =
            (pg_member){"channel", pz_value_strn(found.channel.data, found.channel.len)};
    if (found.who.len > 0)
        members[count++] = (pg_member){"who", pz_value_strn(found.who.data, found.who.len)};
    if (found.at_ms != 0)
        members[count++] = (pg_member){"at", pz_value_time_ms(found.at_ms)};
    if (found.members.kind != PZ_NULL)
        members[count++] = (pg_member){"members", found.members};
    PG_RETURN_JSONB_P(pg_jsonb_of(session, pg_map_of(session, members, count)));
}

static Datum answer_segments(FunctionCallInfo fcinfo, form as)
{
    pg_session *session = begin_question(fcinfo, as, 1);
    pz_error err = PZ_ERROR_INIT;
    pz_value list;
    Datum *names;

    pg_check(pz_segments(&list, session->context, session->customer, &err), &err, NULL);
    names = palloc((list.len + 1) * sizeof *names);
    for (uint32 i = 0; i < list.len; i++) {
        const pz_str name = pz_value_text(pz_value_item(list, i));

        names[i] = CStringGetTextDatum(pg_from_utf8(name.data, name.len));
    }
    PG_RETURN_ARRAYTYPE_P(construct_array(names, (int)list.len, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Each question twice: of a jsonb, of a bytea. */
#define QUESTION(name)                                                                             \
    PG_FUNCTION_INFO_V1(personalize_##name);                                                       \
    Datum personalize_##name(PG_FUNCTION_ARGS)                                                     \
    {                                                                                              \
        return answer_##name(fcinfo, FORM_JSON);                                                   \
    }                                                                                              \
    PG_FUNCTION_INFO_V1(personalize_##name##_bytes);                                               \
    Datum personalize_##name##_bytes(PG_FUNCTION_ARGS)                                             \
    {                                                                                              \
        return answer_##name(fcinfo, FORM_BYTES);                                                  \
    }

QUESTION(decide)
QUESTION(explain)
QUESTION(resolve)
QUESTION(segments)

/* ---- profiles as bytes ---- */

static Datum bytes_of(pg_session *session, const pz_profile *profile)
{
    pz_error err = PZ_ERROR_INIT;
    pz_value bytes;
    bytea *out;

    pg_check(pz_profile_encode(profile, session->pool, &bytes, &err), &err, NULL);
    out = palloc(VARHDRSZ + bytes.len);
    SET_VARSIZE(out, VARHDRSZ + bytes.len);
    memcpy(VARDATA(out), bytes.as.text, bytes.len);
    PG_RETURN_BYTEA_P(out);
}

static void decode(pg_session *session, pz_profile **slot, const bytea *bytes)
{
    pz_error err = PZ_ERROR_INIT;

    pg_check(pz_profile_decode(slot, session->engine, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes),
                               &err),
             &err, NULL);
}

/* personalize_profile(id, said): the bytes of a new profile. */
PG_FUNCTION_INFO_V1(personalize_profile);
Datum personalize_profile(PG_FUNCTION_ARGS)
{
    pg_session *session = pg_begin();
    pz_error err = PZ_ERROR_INIT;

    pg_check(
        pz_profile_new(&session->customer, session->engine, PZ_PERSON, name_of(fcinfo, 0), &err),
        &err, NULL);
    apply(session, session->customer, pg_value_of(session, PG_GETARG_JSONB_P(1)));
    return bytes_of(session, session->customer);
}

/* personalize_apply(profile, said): the bytes after what was said besides. */
PG_FUNCTION_INFO_V1(personalize_apply);
Datum personalize_apply(PG_FUNCTION_ARGS)
{
    pg_session *session = pg_begin();

    decode(session, &session->customer, PG_GETARG_BYTEA_PP(0));
    apply(session, session->customer, pg_value_of(session, PG_GETARG_JSONB_P(1)));
    return bytes_of(session, session->customer);
}

/* personalize_merge(a, b): two replicas of one profile joined, in either order. */
PG_FUNCTION_INFO_V1(personalize_merge);
Datum personalize_merge(PG_FUNCTION_ARGS)
{
    pg_session *session = pg_begin();
    pz_error err = PZ_ERROR_INIT;

    decode(session, &session->customer, PG_GETARG_BYTEA_PP(0));
    decode(session, &session->account, PG_GETARG_BYTEA_PP(1));
    pg_check(pz_merge(session->customer, session->account, &err), &err, NULL);
    return bytes_of(session, session->customer);
}

/* personalize_export(profile): everything known, with its provenance. */
PG_FUNCTION_INFO_V1(personalize_export);
Datum personalize_export(PG_FUNCTION_ARGS)
{
    pg_session *session = pg_begin();
    pz_error err = PZ_ERROR_INIT;
    pz_str json;
    pz_value all;

    decode(session, &session->customer, PG_GETARG_BYTEA_PP(0));
    pg_check(pz_profile_export(session->customer, session->pool, &json, 0, &err), &err, NULL);
    pg_check(pz_value_parse(session->pool, &all, json.data, json.len, 0, &err), &err, NULL);
    PG_RETURN_JSONB_P(pg_jsonb_of(session, all));
}

/* ---- catalogs ---- */

/* A report as an array of its diagnostics, in memory of its own; the report is freed. */
static pz_value list_of_report(pg_session *session, pz_report *report)
{
    const uint32 count = pz_report_count(report);
    pz_value *items = palloc((count + 1) * sizeof *items), list;

    for (uint32 i = 0; i < count; i++) {
        pz_diagnostic d = {.size = sizeof d};

        pg_check(pz_report_get(report, i, &d), &(pz_error)PZ_ERROR_INIT, NULL);
        {
            const pg_member members[] = {
                {"severity", pz_value_str(d.severity == PZ_ERROR ? "error" : "warning")},
                {"line", pz_value_int(d.line)},
                {"column", pz_value_int(d.column)},
                {"path", pz_value_str(d.path)},
                {"message", pz_value_str(d.message)},
                {"suggestion", pz_value_str(d.suggestion)},
            };

            items[i] = pg_map_of(session, members, lengthof(members));
        }
    }
    pg_check(pz_pool_list(session->pool, &list, items, count), &(pz_error)PZ_ERROR_INIT, NULL);
    pg_check(pz_pool_copy(session->pool, &list, list), &(pz_error)PZ_ERROR_INIT, NULL);
    return list;
}

/* personalize_check_json(catalog): every mistake and warning of a catalog that is not in force. */
PG_FUNCTION_INFO_V1(personalize_check_json);
Datum personalize_check_json(PG_FUNCTION_ARGS)
{
    pg_session *session = pg_begin_bare();
    const char *text = name_of(fcinfo, 0);
    pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = &session->alloc};
    pz_report *volatile report = NULL;
    pz_engine *volatile engine = NULL;
    Jsonb *volatile out = NULL;

    PG_TRY();
    {
        pz_error err = PZ_ERROR_INIT;
        pz_engine *made = NULL;
        pz_report *told = NULL;
        pz_status status;

        pg_check(pz_engine_open(&made, &options, &err), &err, NULL);
        engine = made;
        status = pz_engine_load_text(made, "catalog", text, strlen(text), &told, &err);
        report = told;
        if (status != PZ_ERR_CATALOG && status != PZ_ERR_PARSE)
            pg_check(status, &err, NULL);
        out = pg_jsonb_of(session, list_of_report(session, told));
    }
    PG_FINALLY();
    {
        pz_report_free(report);
        pz_engine_close(engine);
    }
    PG_END_TRY();
    PG_RETURN_JSONB_P(out);
}
