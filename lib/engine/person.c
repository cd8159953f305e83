/*
 * person.c: a person told, listed and kept apart from others.
 *
 * A detached profile has no store to find its people in: the host hands them in. Their states are
 * shared, so neither handle depends on the other afterwards.
 *
 * The listing shows how links were judged, with every refusal and its reason: a support agent has
 * to see why two customers were not taken for one.
 *
 * An identifier leads to one person. A visitor who logs in is linked to the customer who is there
 * already; taking the customer's identifier over instead would make it lead to either of the two by
 * the accident of their ids. So that is refused, unless the two are one person by then.
 */
#include "engine/engine.h"

#include <personalize/people.h>

/* ---- telling ---- */

static pz_status check_others(const pz_profile *profile, const pz_profile *const *others,
                              size_t count, pz_error *err)
{
    if (!profile || (!others && count))
        return pz__fail(err, PZ_ERR_ARG, "a profile and the others are needed");
    if (profile->is_stored)
        return pz__fail(err, PZ_ERR_STATE, "a stored profile finds its people in the store");
    if (count > PZ__CANDIDATES_MAX - 1)
        return pz__fail(err, PZ_ERR_LIMIT, "more than %u other profiles", PZ__CANDIDATES_MAX - 1);
    for (size_t i = 0; i < count; i++)
        if (!others[i] || others[i]->engine != profile->engine)
            return pz__fail(err, PZ_ERR_ARG, "the others are profiles of the same engine");
    return PZ_OK;
}

/* Links and identifiers of many profiles are compared, so one that is read in place is decoded. */
static pz_status decode_view(pz_profile *profile)
{
    pz__profile *state;
    if (!pz__profile_is_peeked(profile->state))
        return PZ_OK;
    const pz_status status = pz__profile_share(&state, profile->state);
    return status == PZ_OK ? pz__profile_show(profile, state, NULL, NULL) : status;
}

static pz_status share_all(pz__people *people, const pz_profile *const *others, size_t count,
                           pz_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const pz__profile *state = others[i]->state;
        const pz_status status = pz__people_share(people, others[i]->state);
        if (status == PZ_ERR_ARG)
            return pz__fail(err, status, "the id '%.*s' comes twice",
                            PZ__STR_ARG(pz__told(others[i]->engine, pz__profile_subject(state))));
        if (status != PZ_OK)
            return pz__fail(err, status, "%s", pz_status_text(status));
    }
    return PZ_OK;
}

pz_status pz_profile_person(pz_profile *profile, const pz_profile *const *others, size_t count,
                            pz_error *err)
{
    pz_status status = check_others(profile, others, count, err);
    if (status != PZ_OK)
        return status;
    const pz_alloc *alloc = &profile->engine->alloc;
    pz__people *people = NULL;
    if (count > 0) {
        status = decode_view(profile);
        people = status == PZ_OK ? pz__mem_zero(alloc, 1, sizeof *people) : NULL;
        if (!people)
            return status == PZ_OK ? pz__fail(err, PZ_ERR_NOMEM, "out of memory")
                                   : pz__fail(err, status, "%s", pz_status_text(status));
        pz__people_own(people, profile->state);
        status = share_all(people, others, count, err);
    }
    if (status != PZ_OK) {
        pz__people_free(alloc, people);
        return status;
    }
    pz__people_free(alloc, profile->people);
    profile->people = people;
    profile->serial = pz__engine_serial(profile->engine);
    return PZ_OK;
}

/* ---- listing ---- */

#define FIELDS_MAX 8u

/* A map of constant names on its way. */
typedef struct fields {
    pz__arena *arena;
    pz_entry entries[FIELDS_MAX];
    uint32_t count;
} fields;

static void put(fields *f, const char *name, pz_value value)
{
    f->entries[f->count++] = (pz_entry){pz_value_str(name), value};
}

static pz_status end(const fields *f, pz_value *out)
{
    pz_entry *entries = pz__arena_array(f->arena, f->count, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    memcpy(entries, f->entries, f->count * sizeof *entries);
    return pz__value_of_entries(f->arena, out, entries, f->count, PZ__DUP_REFUSE);
}

static pz_status list_members(const pz__person *person, pz__arena *arena, pz_value *out)
{
    static const char *const kinds[] = {
        [PZ__PERSON] = "person", [PZ__ACCOUNT] = "account", [PZ__DEVICE] = "device"};
    pz_value *items = pz__arena_array(arena, person->count, sizeof *items);
    pz_status status = items ? PZ_OK : PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < person->count && status == PZ_OK; i++) {
        const pz__profile *member = person->members[i];
        fields f = {.arena = arena};
        put(&f, "id", pz__value_of_str(pz__profile_subject(member)));
        put(&f, "kind", pz_value_str(kinds[pz__profile_kind(member)]));
        status = end(&f, &items[i]);
    }
    *out = pz__value_of_items(items, person->count);
    return status;
}

static pz_status edge_map(const pz__edge *edge, pz__arena *arena, pz_value *out)
{
    pz_value *between = pz__arena_array(arena, 2, sizeof *between);
    if (!between)
        return PZ_ERR_NOMEM;
    between[0] = pz__value_of_str(edge->one);
    between[1] = pz__value_of_str(edge->other);
    fields f = {.arena = arena};
    put(&f, "between", pz__value_of_items(between, 2));
    if (edge->strength > 0) {
        put(&f, "strength", pz_value_double((double)edge->strength / 65536.0));
        put(&f, "at", pz_value_time_ms(edge->at_ms));
    }
    if (edge->fate != PZ__EDGE_STANDS)
        put(&f, "why", pz_value_str(pz__edge_fate_name(edge->fate)));
    if (edge->kind.len > 0)
        put(&f, "kind", pz__value_of_str(edge->kind));
    return end(&f, out);
}

/* The links that stand, or the others: edges come by fate, those that stand first. */
static pz_status list_edges(const pz__component *component, bool standing, pz__arena *arena,
                            pz_value *out)
{
    uint32_t from = 0, to = 0;
    while (to < component->edge_count && component->edges[to].fate == PZ__EDGE_STANDS)
        to++;
    if (!standing) {
        from = to;
        to = component->edge_count;
    }
    pz_value *items = pz__arena_array(arena, to - from, sizeof *items);
    pz_status status = items ? PZ_OK : PZ_ERR_NOMEM;
    for (uint32_t i = from; i < to && status == PZ_OK; i++)
        status = edge_map(&component->edges[i], arena, &items[i - from]);
    *out = pz__value_of_items(items, to - from);
    return status;
}

static pz_status list_accounts(const pz__person *accounts, pz__arena *arena, pz_value *out)
{
    pz_value *items = pz__arena_array(arena, accounts->count, sizeof *items);
    for (uint32_t i = 0; items && i < accounts->count; i++)
        items[i] = pz__value_of_str(pz__profile_subject(accounts->members[i]));
    *out = pz__value_of_items(items, accounts->count);
    return items ? PZ_OK : PZ_ERR_NOMEM;
}

pz_status pz__person_map(const pz_profile *profile, const pz__component *component,
                         const pz__person *accounts, pz__arena *arena, pz_value *out)
{
    pz_value members, links, refused, above;
    pz_status status = list_members(&component->person, arena, &members);
    if (status == PZ_OK)
        status = list_edges(component, true, arena, &links);
    if (status == PZ_OK)
        status = list_edges(component, false, arena, &refused);
    if (status == PZ_OK)
        status = list_accounts(accounts, arena, &above);
    if (status != PZ_OK)
        return status;
    fields f = {.arena = arena};
    put(&f, "id", pz__value_of_str(pz__profile_subject(profile->state)));
    put(&f, "members", members);
    put(&f, "links", links);
    put(&f, "refused", refused);
    put(&f, "accounts", above);
    put(&f, "is_whole", pz_value_bool(!profile->people || !profile->people->is_cut));
    return end(&f, out);
}

/* ---- identifiers ---- */

static bool is_member(const pz__person *person, pz_str id)
{
    uint32_t place;
    return pz__identity_find(person, id, &place);
}

pz_status pz__people_claim(const pz_profile *profile, pz_str own, pz__store_txn *txn,
                           const pz__catalog *catalog, pz__arena *scratch, const pz__verb *verb,
                           pz_error *err)
{
    const pz_str value = pz_value_text(verb->value);
    if (pz__identifier_check(verb->name, value, NULL) != PZ_OK)
        return PZ_OK;
    const pz_str identifier = pz__identifier(scratch, verb->name, value);
    pz__component component;
    pz__buf keys;
    size_t count = 0;
    pz__buf_init(&keys, &scratch->alloc, PZ__STORE_RECORD_MAX);
    pz_status status =
        identifier.data ? pz__store_txn_lookup(txn, identifier, &keys, &count, err) : PZ_ERR_NOMEM;
    if (status == PZ_OK && count > 0)
        status = pz__people_see(profile, catalog, verb->write.now_ms, scratch, &component);
    pz__cursor cursor;
    pz__cursor_init(&cursor, keys.data, keys.len);
    for (size_t i = 0; i < count && status == PZ_OK; i++) {
        const size_t len = (size_t)pz__cursor_varint(&cursor);
        const pz_str key = {(const char *)pz__cursor_take(&cursor, len), len};
        if (!pz__str_equal(key, own) && !is_member(&component.person, key))
            status = pz__fail(err, PZ_ERR_SUBJECT,
                              "'%.*s' leads to the profile '%.*s' already; if they are one person, "
                              "link the two",
                              PZ__STR_ARG(pz__told(profile->engine, value)),
                              PZ__STR_ARG(pz__told(profile->engine, key)));
    }
    pz__buf_clear(&keys);
    return status;
}
