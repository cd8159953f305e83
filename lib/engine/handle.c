/*
 * handle.c: where handles come from and go to, and how one comes to show what a store holds.
 *
 * A stored profile is shown as it lies: its record is copied out of the store, its checksum held
 * against it, and the canonical bytes in it are opened in place (profile/peek.c). Nothing is
 * decoded before a write or an export wants it. Who is seen with other people, over links or an
 * account, is decoded and sealed at once, and the others with it, since they are compared with each
 * other; that nobody links to a profile is noted in its record (record.c), so most need no second
 * look into the store.
 *
 * Handles that are freed keep their memory and wait in the engine for the next who asks, so that
 * once warm neither opening nor freeing one allocates anything:
 *
 *     spares   [ handle | - | handle | - | ... ]    one atomic word each, begun at by thread
 *
 * Taking one is an exchange, leaving one a compare-and-swap: a handle is in one place at a time,
 * nothing waits, and threads rarely meet. What has grown beyond SPARE_BYTES_MAX is freed.
 *
 * A handle that shows bytes has `state` and `alone` in `place`; one that shows a decoded state owns
 * a share of that. Of a handle with people the state is always decoded.
 */
#include "engine/engine.h"

/* Most bytes that a handle keeps while it waits: the records of all but few customers. */
#define SPARE_BYTES_MAX (64u << 10)
/* Places looked at before a handle is made new, or freed for good. */
#define SPARE_LOOKS 4u

/* ---- waiting ---- */

/* As the store's slots do: threads begin where their own number points. */
static size_t own_place(void)
{
    const size_t self = (size_t)pthread_self();
    return (self >> 12) * 0x9e3779b1u >> 8;
}

static pz_profile *take_spare(pz_engine *engine)
{
    const size_t first = own_place();
    for (size_t i = 0; i < SPARE_LOOKS; i++) {
        pz__spare *at = &engine->spares[(first + i) % PZ__SPARE_HANDLES];
        if (!atomic_load_explicit(&at->handle, memory_order_relaxed))
            continue;
        pz_profile *handle = atomic_exchange_explicit(&at->handle, NULL, memory_order_acquire);
        if (handle)
            return handle;
    }
    return NULL;
}

/* False if there is no place for it. */
static bool leave_spare(pz_profile *handle)
{
    pz_engine *engine = handle->engine;
    const size_t first = own_place();
    for (size_t i = 0; i < SPARE_LOOKS; i++) {
        pz__spare *at = &engine->spares[(first + i) % PZ__SPARE_HANDLES];
        pz_profile *none = NULL;
        if (!atomic_load_explicit(&at->handle, memory_order_relaxed) &&
            atomic_compare_exchange_strong_explicit(&at->handle, &none, handle,
                                                    memory_order_release, memory_order_relaxed))
            return true;
    }
    return false;
}

static void destroy(pz_profile *handle)
{
    const pz_alloc alloc = handle->engine->alloc;
    pz__place *place = handle->place;
    pz__arena_clear(&place->arena);
    pz__buf_clear(&place->record);
    pz__buf_clear(&place->inflated);
    pz__mem_free(&alloc, place, 1, sizeof *place);
    pz__mem_free(&alloc, handle, 1, sizeof *handle);
}

void pz__handles_clear(pz_engine *engine)
{
    for (uint32_t i = 0; i < PZ__SPARE_HANDLES; i++) {
        pz_profile *handle = atomic_exchange(&engine->spares[i].handle, NULL);
        if (handle)
            destroy(handle);
    }
}

/* ---- making and freeing ---- */

pz_status pz__handle_new(pz_profile **out, pz_engine *engine, pz_error *err)
{
    *out = take_spare(engine);
    if (*out)
        return PZ_OK;
    pz_profile *handle = pz__mem_zero(&engine->alloc, 1, sizeof *handle);
    pz__place *place = pz__mem_new(&engine->alloc, 1, sizeof *place);
    if (!handle || !place) {
        pz__mem_free(&engine->alloc, handle, 1, sizeof *handle);
        pz__mem_free(&engine->alloc, place, 1, sizeof *place);
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    }
    handle->engine = engine;
    handle->place = place;
    pz__arena_init(&place->arena, &engine->alloc, 0);
    pz__buf_init(&place->record, &engine->alloc, PZ__STORE_RECORD_MAX);
    pz__buf_init(&place->inflated, &engine->alloc, PZ__PROFILE_BYTES_MAX);
    *out = handle;
    return PZ_OK;
}

static void free_text(const pz_alloc *alloc, pz_str *text)
{
    if (text->data)
        pz__mem_free(alloc, (void *)(uintptr_t)text->data, text->len + 1, 1);
    *text = (pz_str){NULL, 0};
}

bool pz__handle_empty(pz_profile *handle)
{
    const pz__place *place = handle->place;
    const pz_alloc *alloc = &handle->engine->alloc;
    pz__people_free(alloc, handle->people);
    pz__profile_free(handle->state);
    free_text(alloc, &handle->kind);
    free_text(alloc, &handle->value);
    handle->people = NULL;
    handle->state = NULL;
    handle->alone[0] = NULL;
    handle->is_stored = handle->exists = false;
    pz__arena_reset(&handle->place->arena);
    return place->arena.reserved + place->record.cap + place->inflated.cap <= SPARE_BYTES_MAX;
}

void pz_profile_free(pz_profile *profile)
{
    if (!profile)
        return;
    if (!pz__handle_empty(profile) || !leave_spare(profile))
        destroy(profile);
}

/* ---- finding ---- */

/* "kind", separator, "value" on the stack. PZ_ERR_LIMIT for what no identifier can be. */
typedef struct identifier_room {
    char text[PZ__STORE_IDENTIFIER_MAX];
} identifier_room;

static pz_str identifier_in(identifier_room *room, const pz__quest *quest)
{
    const size_t len = quest->kind.len + 1 + quest->value.len;
    if (len > sizeof room->text)
        return (pz_str){NULL, 0};
    memcpy(room->text, quest->kind.data, quest->kind.len);
    room->text[quest->kind.len] = PZ__IDENTIFIER_SEPARATOR;
    memcpy(room->text + quest->kind.len + 1, quest->value.data, quest->value.len);
    return (pz_str){room->text, len};
}

/* What is found, and under which key, which may lie in `found`. */
static pz_status read_record(pz_profile *handle, const pz__quest *quest, pz__found_key *found,
                             pz_str *key, pz_error *err)
{
    pz__store *store = handle->engine->store;
    pz__buf *record = &handle->place->record;
    pz__buf_reset(record);
    *key = quest->value;
    if (!quest->kind.data)
        return pz__store_get(store, quest->value, record, err);
    identifier_room room;
    const pz_str identifier = identifier_in(&room, quest);
    if (!identifier.data)
        return pz__fail(err, PZ_ERR_ARG, "the identifier is too long");
    const pz_status status = pz__store_find(store, identifier, record, found, err);
    *key = (pz_str){found->data, found->len};
    if (status == PZ_ERR_NOT_FOUND && found->len)
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "the identifier '%.*s' leads to a profile that the store has lost",
                        PZ__STR_ARG(pz__told(handle->engine, quest->value)));
    return status;
}

/* Whether the bytes say that there may be others: links, or an account. */
static pz_status names_others(pz_profile *handle, bool *out)
{
    const pz__profile *seen = handle->alone[0];
    *out = pz__profile_grants(seen, PZ__GRANT_LINK).count > 0;
    if (*out || !pz__profile_mentions_itself(seen))
        return PZ_OK;
    const pz__person person = {handle->alone, 1};
    pz__claims claims;
    const pz_status status =
        pz__person_claims(&person, PZ__OF_SUBJECT, &handle->place->arena, &claims);
    for (uint32_t i = 0; status == PZ_OK && i < claims.count; i++)
        *out |= claims.list[i].slot == PZ__SLOT_ACCOUNT && !claims.list[i].is_cleared;
    return status;
}

/* Decode what is shown, and read the people. */
static pz_status see_others(pz_profile *handle, const pz__record *record, pz_error *err)
{
    pz_engine *engine = handle->engine;
    pz__profile *state;
    pz__people *people = NULL;
    pz_status status =
        pz__profile_decode(&state, &engine->alloc, record->content.data, record->content.len, err);
    if (status != PZ_OK)
        return status;
    status = pz__profile_seal(state);
    if (status == PZ_OK)
        status = pz__people_load(&people, engine, NULL, state, err);
    else
        pz__fail(err, status, "out of memory");
    if (status == PZ_OK)
        status = pz__profile_show(handle, state, &people, err);
    if (status != PZ_OK) {
        pz__people_free(&engine->alloc, people);
        pz__profile_free(state);
    }
    return status;
}

pz_status pz__handle_find(pz_profile *handle, const pz__quest *quest, pz_error *err)
{
    pz__place *place = handle->place;
    pz__record record;
    pz__found_key found;
    pz_str key;
    bool has_others = true;
    pz_status status = read_record(handle, quest, &found, &key, err);
    if (status == PZ_OK)
        status =
            pz__record_open(&record, place->record.data, place->record.len, &place->inflated, err);
    if (status == PZ_OK)
        status = pz__profile_peek(&handle->alone[0], &place->arena, record.content.data,
                                  record.content.len, err);
    if (status == PZ_OK)
        status =
            pz__record_belongs(handle->engine, pz__profile_subject(handle->alone[0]), key, err);
    if (status == PZ_OK && record.is_alone)
        status = names_others(handle, &has_others);
    if (status != PZ_OK)
        return status;
    handle->is_stored = handle->exists = true;
    if (has_others)
        return see_others(handle, &record, err);
    handle->state = (pz__profile *)(uintptr_t)handle->alone[0];
    handle->serial = pz__engine_serial(handle->engine);
    return PZ_OK;
}
