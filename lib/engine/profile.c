/*
 * profile.c: handles on profiles: finding, making, showing and visiting them.
 *
 * A handle holds one state, the people it may have to be seen with (people.c) and a number that is
 * new for every state it shows, so that answers kept in a context are never taken for those of
 * another state. The state is decoded and sealed, or, of stored profiles that are nobody else's
 * business, read where its bytes lie (handle.c). A customer whom nobody knows yet gets a fresh id
 * here and is not in the store before the first write (write.c).
 */
#include "engine/engine.h"

#include "base/utf8.h"

#include "base/uuid.h"

/* ---- making ---- */

pz_status pz__profile_show(pz_profile *profile, pz__profile *state, pz__people *const *people,
                           pz_error *err)
{
    const pz_status status = pz__profile_seal(state);
    if (status != PZ_OK)
        return pz__fail(err, status, "out of memory");
    if (people) {
        pz__people_free(&profile->engine->alloc, profile->people);
        profile->people = *people;
    }
    pz__people_own(profile->people, state);
    if (profile->state != state)
        pz__profile_free(profile->state);
    profile->state = state;
    profile->alone[0] = state;
    profile->serial = pz__engine_serial(profile->engine);
    return PZ_OK;
}

/* The people of a state that is to be shown; nobody for a profile that is not in the store. */
static pz_status load_people(pz__people **out, pz_engine *engine, pz__profile *state,
                             pz__standing standing, pz_error *err)
{
    *out = NULL;
    if (!standing.is_stored || !standing.exists)
        return PZ_OK;
    const pz_status status = pz__profile_seal(state);
    if (status != PZ_OK)
        return pz__fail(err, status, "out of memory");
    return pz__people_load(out, engine, NULL, state, err);
}

pz_status pz__profile_wrap(pz_profile **out, pz_engine *engine, pz__profile *state,
                           pz__standing standing, pz_error *err)
{
    pz__people *people = NULL;
    pz_profile *profile;
    pz_status status = pz__handle_new(&profile, engine, err);
    if (status != PZ_OK) {
        pz__profile_free(state);
        return status;
    }
    profile->is_stored = standing.is_stored;
    profile->exists = standing.exists;
    status = load_people(&people, engine, state, standing, err);
    if (status == PZ_OK)
        status = pz__profile_show(profile, state, &people, err);
    if (status != PZ_OK) {
        pz__people_free(&engine->alloc, people);
        pz__profile_free(state);
        pz_profile_free(profile);
        return status;
    }
    *out = profile;
    return PZ_OK;
}

pz_status pz_profile_new(pz_profile **out, pz_engine *engine, pz_subject subject, const char *id,
                         pz_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !engine || !id || subject < PZ_PERSON || subject > PZ_DEVICE)
        return pz__fail(err, PZ_ERR_ARG, "an engine, a kind of subject and an id are needed");
    if (!pz__utf8_valid(id, strlen(id)))
        return pz__fail(err, PZ_ERR_ARG, "an id is UTF-8 text");
    pz__profile *state;
    const pz_status status =
        pz__profile_new(&state, &engine->alloc, (pz__subject_kind)subject, pz_str_of(id), err);
    return status == PZ_OK ? pz__profile_wrap(out, engine, state, (pz__standing){false, false}, err)
                           : status;
}

pz_status pz_profile_decode(pz_profile **out, pz_engine *engine, const void *bytes, size_t len,
                            pz_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !engine || !bytes)
        return pz__fail(err, PZ_ERR_ARG, "an engine and the bytes of a profile are needed");
    pz__profile *state;
    pz_status status = pz__profile_decode(&state, &engine->alloc, bytes, len, err);
    if (status != PZ_OK)
        return status;
    return pz__profile_wrap(out, engine, state, (pz__standing){.exists = true}, err);
}

pz_status pz_profile_view(pz_profile **out, pz_engine *engine, const void *bytes, size_t len,
                          pz_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !engine || !bytes)
        return pz__fail(err, PZ_ERR_ARG, "an engine and the bytes of a profile are needed");
    pz_profile *profile;
    pz_status status = pz__handle_new(&profile, engine, err);
    if (status != PZ_OK)
        return status;
    profile->exists = true;
    profile->serial = pz__engine_serial(engine);
    status = pz__profile_peek(&profile->alone[0], &profile->place->arena, bytes, len, err);
    if (status != PZ_OK) {
        pz_profile_free(profile);
        return status;
    }
    profile->state = (pz__profile *)(uintptr_t)profile->alone[0];
    *out = profile;
    return PZ_OK;
}

pz_status pz_profile_open(pz_profile **out, pz_engine *engine, const char *id, pz_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !engine || !id)
        return pz__fail(err, PZ_ERR_ARG, "an engine and an id are needed");
    pz_profile *profile;
    pz_status status = pz__handle_new(&profile, engine, err);
    if (status != PZ_OK)
        return status;
    status = pz__handle_find(profile, &(pz__quest){.value = pz_str_of(id)}, err);
    if (status == PZ_ERR_NOT_FOUND)
        pz__fail(err, status, "the store holds no profile '%.*s'",
                 PZ__STR_ARG(pz__told(engine, pz_str_of(id))));
    if (status == PZ_OK)
        *out = profile;
    else
        pz_profile_free(profile);
    return status;
}

pz_str pz__first_key(const pz__buf *keys)
{
    pz__cursor cursor;
    pz__cursor_init(&cursor, keys->data, keys->len);
    const uint64_t len = pz__cursor_varint(&cursor);
    const uint8_t *data = pz__cursor_take(&cursor, (size_t)len);
    return (pz_str){(const char *)data, data ? (size_t)len : 0};
}

pz_status pz__customer_new(pz__profile **out, pz_engine *engine, pz_error *err)
{
    uint8_t id[16];
    char text[37];
    pz__uuid_new(id);
    pz__uuid_print(id, text);
    return pz__profile_new(out, &engine->alloc, PZ__PERSON, pz_str_of(text), err);
}

static pz_str copy_text(const pz_alloc *alloc, pz_str text)
{
    char *copy = pz__mem_new(alloc, text.len + 1, 1);
    if (!copy)
        return (pz_str){NULL, 0};
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return (pz_str){copy, text.len};
}

/* An empty handle for a customer whom nobody knows yet. */
static pz_status introduce(pz_profile *profile, const pz__quest *quest, pz_error *err)
{
    pz_engine *engine = profile->engine;
    pz__profile *state;
    pz_status status = pz__customer_new(&state, engine, err);
    if (status != PZ_OK)
        return status;
    profile->is_stored = true;
    profile->kind = copy_text(&engine->alloc, quest->kind);
    profile->value = copy_text(&engine->alloc, quest->value);
    if (profile->kind.data && profile->value.data)
        status = pz__profile_show(profile, state, NULL, err);
    else
        status = pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    if (status != PZ_OK)
        pz__profile_free(state);
    return status;
}

pz_status pz_customer(pz_profile **out, pz_engine *engine, const char *kind, const char *value,
                      pz_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !engine || !kind || !value)
        return pz__fail(err, PZ_ERR_ARG, "an engine and an identifier are needed");
    const pz__quest quest = {pz_str_of(kind), pz_str_of(value)};
    pz_profile *profile;
    pz_status status = pz__identifier_check(quest.kind, quest.value, err);
    if (status == PZ_OK)
        status = pz__handle_new(&profile, engine, err);
    if (status != PZ_OK)
        return status;
    status = pz__handle_find(profile, &quest, err);
    if (status == PZ_ERR_NOT_FOUND)
        status = introduce(profile, &quest, err);
    if (status == PZ_OK)
        *out = profile;
    else
        pz_profile_free(profile);
    return status;
}

pz_str pz_profile_id(const pz_profile *profile)
{
    return profile ? pz__profile_subject(profile->state) : (pz_str){NULL, 0};
}

bool pz_profile_exists(const pz_profile *profile)
{
    return profile && profile->exists;
}

/* What two handles show, each the other's. */
static void exchange(pz_profile *a, pz_profile *b)
{
    const pz_profile was = *a;
    *a = *b;
    *b = was;
}

pz_status pz_profile_refresh(pz_profile *profile, pz_error *err)
{
    if (!profile)
        return pz__fail(err, PZ_ERR_ARG, "a profile is needed");
    if (!profile->is_stored)
        return PZ_OK;
    const pz__quest quest = profile->exists
                                ? (pz__quest){.value = pz__profile_subject(profile->state)}
                                : (pz__quest){profile->kind, profile->value};
    pz_profile *fresh;
    pz_status status = pz__handle_new(&fresh, profile->engine, err);
    if (status != PZ_OK)
        return status;
    status = pz__handle_find(fresh, &quest, err);
    if (status == PZ_OK)
        exchange(profile, fresh);
    else if (status == PZ_ERR_NOT_FOUND && !profile->exists)
        status = PZ_OK;
    else if (status == PZ_ERR_NOT_FOUND)
        pz__fail(err, status, "the store has no record under this key");
    pz_profile_free(fresh);
    return status;
}

/* ---- bytes and text ---- */

/* How a profile is written. */
typedef struct wanted {
    bool is_bytes; /* else: */
    pz__export_form form;
    uint32_t indent;
} wanted;

static pz_status put(const pz_profile *profile, const wanted *how, pz__buf *out)
{
    if (how->is_bytes)
        return pz__profile_encode(profile->state, out);
    pz__pin pin = pz__pins_take(&profile->engine->pins);
    const pz_status status = pz__export(pin.catalog, profile->state, out, how->form, how->indent);
    pz__pins_give(&profile->engine->pins, &pin);
    return status;
}

/* What is wanted of the profile, as text in the pool. */
static pz_status written(const pz_profile *profile, pz_pool *pool, wanted how, pz_str *out,
                         pz_error *err)
{
    if (!profile || !pool || !out)
        return pz__fail(err, PZ_ERR_ARG, "a profile, a pool and a result are needed");
    pz__arena *arena = pz__pool_arena(pool);
    pz__buf buf;
    /* A caller's indent could make gigabytes of blanks. */
    pz__buf_init(&buf, &arena->alloc, PZ_JSON_BYTES_MAX);
    pz_status status = put(profile, &how, &buf);
    const char *copy = status == PZ_OK ? pz__arena_text(arena, buf.data, buf.len) : NULL;
    if (status == PZ_OK && !copy)
        status = PZ_ERR_NOMEM;
    if (status == PZ_OK)
        *out = (pz_str){copy, buf.len};
    else
        pz__fail(err, status, "%s", pz_status_text(status));
    pz__buf_clear(&buf);
    return status;
}

pz_status pz_profile_encode(const pz_profile *profile, pz_pool *pool, pz_value *out, pz_error *err)
{
    pz_str bytes = {NULL, 0};
    const pz_status status =
        written(profile, pool, (wanted){.is_bytes = true}, out ? &bytes : NULL, err);
    if (status == PZ_OK)
        *out = pz_value_bytes(bytes.data, bytes.len);
    return status;
}

pz_status pz_profile_export(const pz_profile *profile, pz_pool *pool, pz_str *out, uint32_t indent,
                            pz_error *err)
{
    return written(profile, pool, (wanted){.form = PZ__EXPORT_JSON, .indent = indent}, out, err);
}

pz_status pz_profile_export_text(const pz_profile *profile, pz_pool *pool, pz_str *out,
                                 pz_error *err)
{
    return written(profile, pool, (wanted){.form = PZ__EXPORT_TEXT}, out, err);
}

/* ---- visiting ---- */

typedef struct visit {
    pz_engine *engine;
    pz_profile_fn fn;
    void *payload;
    pz_error *err;
} visit;

static pz_status visit_one(void *payload, pz_str key, const void *bytes, size_t len)
{
    visit *v = payload;
    pz__profile *state = NULL;
    pz_error why = PZ_ERROR_INIT;
    pz_status status = pz__record_decode(&state, &v->engine->alloc, bytes, len, &why);
    if (status == PZ_OK)
        status = pz__record_belongs(v->engine, pz__profile_subject(state), key, &why);
    if (status != PZ_OK) {
        pz__profile_free(state);
        return pz__fail(v->err, status, "profile '%.*s': %s", PZ__STR_ARG(pz__told(v->engine, key)),
                        why.message);
    }
    pz_profile *profile = NULL;
    status = pz__profile_wrap(&profile, v->engine, state, (pz__standing){true, true}, v->err);
    if (!profile)
        return status;
    status = v->fn(v->payload, profile);
    pz_profile_free(profile);
    return status;
}

pz_status pz_each_profile(pz_engine *engine, pz_profile_fn fn, void *payload, pz_error *err)
{
    if (!engine || !fn)
        return pz__fail(err, PZ_ERR_ARG, "an engine and a function are needed");
    visit v = {engine, fn, payload, err};
    return pz__store_iterate(engine->store, visit_one, &v, err);
}

pz_status pz_profile_count(pz_engine *engine, uint64_t *out, pz_error *err)
{
    if (!engine || !out)
        return pz__fail(err, PZ_ERR_ARG, "an engine is needed");
    return pz__store_count(engine->store, out, err);
}
