/*
 * context.c: contexts, and every question that can be asked in one.
 *
 * A context is a request of the decide room together with the pin that keeps its catalog alive.
 * Beginning takes a pin of the catalog now in force and gives the old one back; nothing else here
 * touches anything that threads share.
 *
 * Every question first binds the profile: the state's number tells whether answers that are already
 * there are still about it.
 */
#include "engine/engine.h"

#include <personalize/people.h>

#include "base/time.h"
#include "base/utf8.h"
#include "engine/records.h"

/* Who was seen last, while the request goes on: a person is worked out once. */
typedef struct seen {
    pz__person person;
    pz__person accounts;
    pz__binding binding; /* of which states; {0, 0}: nobody yet */
} seen;

/* A customer that this request asked about by name. In the request's arena. */
typedef struct guest {
    struct guest *next;
    pz_str kind, value; /* as of a quest */
    pz_profile *handle; /* NULL: nobody knows her */
} guest;

struct pz_context {
    pz_engine *engine;
    pz__pin pin;
    pz__request request;
    const pz_profile *account; /* borrowed; NULL: the person's own */
    seen seen;
    guest *guests; /* newest first */
    uint32_t guest_count;
    pz_profile *idle; /* an empty handle for the next guest */
};

pz_status pz_context_new(pz_context **out, pz_engine *engine, pz_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !engine)
        return pz__fail(err, PZ_ERR_ARG, "an engine is needed");
    pz_context *context = pz__mem_zero(&engine->alloc, 1, sizeof *context);
    if (!context)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    context->engine = engine;
    pz__request_init(&context->request, &engine->alloc);
    *out = context;
    return PZ_OK;
}

/* Let a handle go: the first is kept for the next request, the others wait with the engine. */
static void let_go_of(pz_context *context, pz_profile *handle)
{
    if (!handle)
        return;
    if (context->idle || !pz__handle_empty(handle)) {
        pz_profile_free(handle);
        return;
    }
    context->idle = handle;
}

/* The request is over. */
static void dismiss(pz_context *context)
{
    for (const guest *g = context->guests; g; g = g->next)
        let_go_of(context, g->handle);
    context->guests = NULL;
    context->guest_count = 0;
}

void pz_context_free(pz_context *context)
{
    if (!context)
        return;
    pz_engine *engine = context->engine;
    dismiss(context);
    pz_profile_free(context->idle);
    pz__request_clear(&context->request);
    pz__pins_give(&engine->pins, &context->pin);
    pz__mem_free(&engine->alloc, context, 1, sizeof *context);
}

pz_status pz_context_begin(pz_context *context, int64_t now_ms, pz_error *err)
{
    if (!context)
        return pz__fail(err, PZ_ERR_ARG, "a context is needed");
    pz_engine *engine = context->engine;
    dismiss(context);
    context->account = NULL;
    context->seen = (seen){.binding = {0, 0}};
    context->request.catalog = NULL;
    pz__pins_renew(&engine->pins, &context->pin);
    if (!context->pin.catalog)
        return pz__no_catalog(err);
    const int64_t now = pz__engine_now(engine, now_ms);
    if (!pz__time_is_valid(now))
        return pz__fail(err, PZ_ERR_TIME,
                        "the moment lies outside the years 1 to 9999: it is in milliseconds");
    const pz_status status = pz__request_begin(&context->request, context->pin.catalog, now);
    return status == PZ_OK ? PZ_OK : pz__fail(err, status, "out of memory");
}

static pz_status not_begun(pz_error *err)
{
    return pz__fail(err, PZ_ERR_STATE, "begin the context with pz_context_begin() first");
}

pz_status pz_context_set(pz_context *context, const char *key, pz_value value, pz_error *err)
{
    if (!context || !key)
        return pz__fail(err, PZ_ERR_ARG, "a context and a key are needed");
    if (!context->request.catalog)
        return not_begun(err);
    return pz__request_set(&context->request, pz_str_of(key), value, err);
}

pz_status pz_context_level(pz_context *context, const char *level, pz_error *err)
{
    if (!context)
        return pz__fail(err, PZ_ERR_ARG, "a context is needed");
    if (!context->request.catalog)
        return not_begun(err);
    return pz__request_level(&context->request, pz_str_of(level), err);
}

static pz_status strange(pz_error *err)
{
    return pz__fail(err, PZ_ERR_ARG, "the profile belongs to another engine than the context");
}

pz_status pz_context_account(pz_context *context, const pz_profile *account, pz_error *err)
{
    if (!context)
        return pz__fail(err, PZ_ERR_ARG, "a context is needed");
    if (!context->request.catalog)
        return not_begun(err);
    if (account && account->engine != context->engine)
        return strange(err);
    context->account = account;
    return PZ_OK;
}

/* The accounts to ask: the one that the host named with those above it, else the person's own. */
static pz_status see_accounts(pz_context *context, const pz_profile *profile, seen *now)
{
    pz__request *request = &context->request;
    const pz_profile *account = context->account;
    if (!account)
        return profile ? pz__people_accounts(profile, &now->person, request->now_ms,
                                             &request->arena, &now->accounts)
                       : PZ_OK;
    const pz__person first = {account->alone, 1};
    now->accounts = first;
    if (!account->people)
        return PZ_OK;
    pz__person above;
    const pz_status status =
        pz__people_accounts(account, &first, request->now_ms, &request->arena, &above);
    const pz__profile **list =
        pz__arena_array(&request->arena, above.count + 1, sizeof(const pz__profile *));
    if (status != PZ_OK || !list)
        return PZ_ERR_NOMEM;
    list[0] = first.members[0];
    for (uint32_t i = 0; i < above.count; i++)
        list[i + 1] = above.members[i];
    now->accounts = (pz__person){list, above.count + 1};
    return PZ_OK;
}

/* Lists on their way out of scratch. */
typedef struct taken {
    const pz__profile *list[PZ__PERSON_MEMBERS_MAX];
    uint32_t count;
} taken;
_Static_assert(PZ__ACCOUNTS_MAX < PZ__PERSON_MEMBERS_MAX, "a list holds accounts, too");

static taken take_out(pz__person person)
{
    taken made = {.count = person.count};
    for (uint32_t i = 0; i < person.count; i++)
        made.list[i] = person.members[i];
    return made;
}

static pz_status put_back(pz__arena *arena, const taken *from, pz__person *out)
{
    const pz__profile **list = pz__arena_array(arena, from->count, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < from->count; i++)
        list[i] = from->list[i];
    *out = (pz__person){list, from->count};
    return PZ_OK;
}

/* Give back all that working it out took but the two lists: a context that goes through many people
 * holds on to no more of each. */
static pz_status let_go(pz__arena *arena, pz__mark mark, seen *now)
{
    const taken person = take_out(now->person), accounts = take_out(now->accounts);
    pz__arena_return(arena, mark);
    const pz_status status = put_back(arena, &person, &now->person);
    return status == PZ_OK ? put_back(arena, &accounts, &now->accounts) : status;
}

/* Work out the person behind a handle, and the accounts. */
static pz_status see(pz_context *context, const pz_profile *profile, pz__binding binding,
                     pz_error *err)
{
    pz__request *request = &context->request;
    pz__arena *arena = &request->arena;
    const pz__mark mark = pz__arena_mark(arena);
    seen now = {.binding = binding};
    pz_status status = PZ_OK;
    if (profile) {
        pz__component component;
        status = pz__people_see(profile, request->catalog, request->now_ms, arena, &component);
        now.person = component.person;
    }
    if (status == PZ_OK)
        status = see_accounts(context, profile, &now);
    const bool is_alone =
        (!profile || !profile->people) && (!context->account || !context->account->people);
    if (status == PZ_OK && !is_alone)
        status = let_go(arena, mark, &now);
    if (status != PZ_OK)
        return pz__fail(err, status, "out of memory");
    context->seen = now;
    return PZ_OK;
}

/* Make the request about this profile (and the account). */
static pz_status bind(pz_context *context, const pz_profile *profile, pz_error *err)
{
    if (!context->request.catalog)
        return not_begun(err);
    if (profile && profile->engine != context->engine)
        return strange(err);
    const pz__binding binding = {
        .person = profile ? profile->serial : 0,
        .account = context->account ? context->account->serial : 0,
    };
    const pz__binding *last = &context->seen.binding;
    if (binding.person != last->person || binding.account != last->account) {
        const pz_status status = see(context, profile, binding, err);
        if (status != PZ_OK)
            return status;
    }
    pz__request_bind(&context->request, context->seen.person, context->seen.accounts, binding);
    return PZ_OK;
}

pz__request *pz__context_request(pz_context *context)
{
    return &context->request;
}

pz_engine *pz__context_engine(const pz_context *context)
{
    return context->engine;
}

void pz__context_leave(pz_context *context, pz__mark mark)
{
    const pz__person nobody = {NULL, 0};
    context->seen = (seen){.binding = {0, 0}};
    pz__request_bind(&context->request, nobody, nobody, context->seen.binding);
    pz__request_changed(&context->request);
    pz__arena_return(&context->request.arena, mark);
}

/* Say what kept a question from being answered. */
static pz_status told(pz_status status, pz_error *err)
{
    if (status == PZ_ERR_STATE)
        return pz__fail(err, status,
                        "the context was told another circumstance after it decided; decide again");
    if (status == PZ_ERR_LIMIT)
        return pz__fail(err, status, "the answer is too large or nested too deep to be told");
    return status == PZ_OK ? PZ_OK : pz__fail(err, status, "%s", pz_status_text(status));
}

pz_status pz_person(pz_value *out, pz_context *context, const pz_profile *profile, pz_error *err)
{
    if (!out || !context || !profile)
        return pz__fail(err, PZ_ERR_ARG, "a result, a context and a profile are needed");
    pz_status status = bind(context, profile, err);
    if (status != PZ_OK)
        return status;
    pz__request *request = &context->request;
    pz__component component;
    status =
        pz__people_see(profile, request->catalog, request->now_ms, &request->arena, &component);
    if (status == PZ_OK)
        status = pz__person_map(profile, &component, &context->seen.accounts, &request->arena, out);
    return told(status, err);
}

/* ---- attributes ---- */

static pz_status attribute_named(const pz_context *context, const char *name,
                                 const pz__attribute **out, pz_error *err)
{
    const pz__catalog *catalog = context->request.catalog;
    *out = pz__catalog_attribute(catalog, pz_str_of(name));
    if (*out)
        return PZ_OK;
    const pz_str near = pz__catalog_nearest_attribute(catalog, pz_str_of(name));
    return pz__fail(err, PZ_ERR_NOT_FOUND, "the catalog declares no attribute '%s'%s%.*s%s", name,
                    near.data ? "; did you mean '" : "", PZ__STR_ARG(near), near.data ? "'?" : "");
}

pz_status pz__context_attribute(const pz_context *context, const char *name, pz_error *err)
{
    const pz__attribute *attribute;
    return attribute_named(context, name, &attribute, err);
}

static pz_status find_attribute(pz_context *context, const pz_profile *profile, const char *name,
                                const pz__attribute **out, pz_error *err)
{
    const pz_status status = bind(context, profile, err);
    return status == PZ_OK ? attribute_named(context, name, out, err) : status;
}

static const pz__resolution *answer(pz_context *context, const pz_profile *profile,
                                    const char *name, pz_status *status, pz_error *err)
{
    const pz__attribute *attribute;
    *status = find_attribute(context, profile, name, &attribute, err);
    if (*status != PZ_OK)
        return NULL;
    const pz__resolution *found = pz__request_answer(&context->request, attribute->index);
    if (!found)
        *status = told(context->request.status, err);
    return found;
}

/* An element as the key of a map: what no key can be stands as its JSON text. */
static pz_status member_key(pz__arena *arena, pz_value element, pz_value *out)
{
    *out = element;
    if (element.kind == PZ_STRING || element.kind == PZ_BOOL || element.kind == PZ_INT ||
        element.kind == PZ_UINT)
        return PZ_OK;
    pz__buf text;
    pz__buf_init(&text, &arena->alloc, PZ_VALUE_LEN_MAX);
    pz__json_write(&text, element, 0);
    const char *kept = text.status == PZ_OK ? pz__arena_text(arena, text.data, text.len) : NULL;
    if (kept)
        *out = pz_value_strn(kept, text.len);
    const pz_status status = text.status == PZ_OK && !kept ? PZ_ERR_NOMEM : text.status;
    pz__buf_clear(&text);
    return status;
}

/* The tiers of the elements or members of an answer; null where it has none. */
static pz_status members_map(pz__arena *arena, const pz__resolution *found, pz_value *out)
{
    *out = pz_value_null();
    if (!found->members)
        return PZ_OK;
    pz_entry *entries = pz__arena_array(arena, found->member_count, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < found->member_count; i++) {
        const pz_status status = member_key(arena, found->members[i].key, &entries[i].key);
        if (status != PZ_OK)
            return status;
        entries[i].value = pz_value_str(pz__tier_name(found->members[i].tier));
    }
    return pz__value_of_entries(arena, out, entries, found->member_count, PZ__DUP_REFUSE);
}

/* Hand an answer out: as much of it as the caller's struct of `size` bytes holds. */
static pz_status show_answer(pz_resolution *out, uint32_t size, pz__arena *arena,
                             const pz__resolution *found, pz_error *err)
{
    pz_resolution full = {
        .size = size,
        .is_resolved = found->tier != PZ__TIER_NONE,
        .has_confidence = found->has_confidence,
        .value = found->value,
        .tier = pz__tier_name(found->tier),
        .reason = pz__reason_name(found->reason),
        .confidence = found->has_confidence ? (double)found->confidence / 65536.0 : 0.0,
        .channel = found->channel,
        .who = found->who,
        .at_ms = found->at_ms,
    };
    if (size > offsetof(pz_resolution, members)) {
        const pz_status status = members_map(arena, found, &full.members);
        if (status != PZ_OK)
            return told(status, err);
    }
    memcpy(out, &full, size < sizeof full ? size : sizeof full);
    return PZ_OK;
}

static bool is_sized(const pz_resolution *out)
{
    return out && out->size >= sizeof(uint32_t);
}

pz_status pz_resolve(pz_resolution *out, pz_context *context, const pz_profile *profile,
                     const char *attribute, pz_error *err)
{
    if (!is_sized(out) || !context || !attribute)
        return pz__fail(err, PZ_ERR_ARG,
                        "a result with its size set, a context and an attribute are needed");
    pz_status status;
    const pz__resolution *found = answer(context, profile, attribute, &status, err);
    return found ? show_answer(out, out->size, &context->request.arena, found, err) : status;
}

/* The value of an attribute for the typed calls. */
static pz_status typed(pz_value *out, pz_context *context, const pz_profile *profile,
                       const char *attribute, pz_kind kind)
{
    if (!context || !attribute)
        return PZ_ERR_ARG;
    pz_status status;
    const pz__resolution *found = answer(context, profile, attribute, &status, NULL);
    if (!found)
        return status;
    if (found->tier == PZ__TIER_NONE)
        return PZ_ERR_NOT_FOUND;
    *out = found->value;
    return found->value.kind == (uint32_t)kind ? PZ_OK : PZ_ERR_TYPE;
}

pz_status pz_resolve_bool(bool *out, pz_context *context, const pz_profile *profile,
                          const char *attribute, bool fallback)
{
    if (!out)
        return PZ_ERR_ARG;
    pz_value value = pz_value_null();
    const pz_status status = typed(&value, context, profile, attribute, PZ_BOOL);
    *out = status == PZ_OK ? value.as.b : fallback;
    return status;
}

pz_status pz_resolve_int(int64_t *out, pz_context *context, const pz_profile *profile,
                         const char *attribute, int64_t fallback)
{
    if (!out)
        return PZ_ERR_ARG;
    pz_value value = pz_value_null();
    const pz_status status = typed(&value, context, profile, attribute, PZ_INT);
    *out = status == PZ_OK ? value.as.i : fallback;
    return status;
}

pz_status pz_resolve_double(double *out, pz_context *context, const pz_profile *profile,
                            const char *attribute, double fallback)
{
    if (!out)
        return PZ_ERR_ARG;
    pz_value value = pz_value_null();
    const pz_status status = typed(&value, context, profile, attribute, PZ_DOUBLE);
    *out = status == PZ_OK ? value.as.d : fallback;
    return status;
}

pz_status pz_resolve_str(pz_str *out, pz_context *context, const pz_profile *profile,
                         const char *attribute, const char *fallback)
{
    if (!out)
        return PZ_ERR_ARG;
    pz_value value = pz_value_null();
    const pz_status status = typed(&value, context, profile, attribute, PZ_STRING);
    *out = status == PZ_OK ? pz_value_text(value) : pz_str_of(fallback);
    return status;
}

static pz_status inspect(pz_value *out, pz_context *context, const pz_profile *profile,
                         const char *attribute, bool is_privileged, pz_error *err)
{
    if (!out || !context || !attribute)
        return pz__fail(err, PZ_ERR_ARG, "a result, a context and an attribute are needed");
    const pz__attribute *found;
    const pz_status status = find_attribute(context, profile, attribute, &found, err);
    if (status != PZ_OK)
        return status;
    return told(pz__layers_list(&context->request, found, is_privileged, out), err);
}

pz_status pz_inspect(pz_value *out, pz_context *context, const pz_profile *profile,
                     const char *attribute, pz_error *err)
{
    return inspect(out, context, profile, attribute, false, err);
}

pz_status pz_inspect_privileged(pz_value *out, pz_context *context, const pz_profile *profile,
                                const char *attribute, pz_error *err)
{
    return inspect(out, context, profile, attribute, true, err);
}

/* ---- many at once ---- */

/* The attributes of a batch, found once; NULL after a failure. */
static const pz__attribute **find_all(pz_context *context, const char *const *names, uint32_t count,
                                      pz_status *status, pz_error *err)
{
    const pz__attribute **list =
        pz__arena_array(&context->request.arena, count, sizeof(const pz__attribute *));
    *status = list ? PZ_OK : pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    for (uint32_t i = 0; list && i < count; i++) {
        if (!names[i])
            *status = pz__fail(err, PZ_ERR_ARG, "the name of attribute %u is missing", i);
        else
            *status = attribute_named(context, names[i], &list[i], err);
        if (*status != PZ_OK)
            return NULL;
    }
    return list;
}

static pz_status take_batch(pz_batch *batch, const void *out, const pz_context *context,
                            const pz_batch *given, pz_error *err)
{
    *batch = (pz_batch){PZ_BATCH};
    const bool is_right = out && context && given &&
                          given->size >= PZ__RELEASED_SIZE(pz_batch, attribute_count) &&
                          pz__take_sized(batch, sizeof *batch, given) &&
                          (batch->profiles || batch->profile_count == 0) &&
                          (batch->attributes || batch->attribute_count == 0);
    if (!is_right)
        return pz__fail(err, PZ_ERR_ARG,
                        "results, a context and a batch that begins with PZ_BATCH are needed");
    return context->request.catalog ? PZ_OK : not_begun(err);
}

pz_status pz_resolve_many(pz_resolution *out, pz_context *context, const pz_batch *given,
                          pz_error *err)
{
    pz_batch batch;
    pz_status status = take_batch(&batch, is_sized(out) ? out : NULL, context, given, err);
    if (status != PZ_OK)
        return status;
    const pz__attribute **attributes =
        find_all(context, batch.attributes, batch.attribute_count, &status, err);
    const uint32_t size = out->size;
    char *at = (char *)out;
    for (uint32_t p = 0; attributes && p < batch.profile_count; p++) {
        status = bind(context, batch.profiles[p], err);
        for (uint32_t a = 0; status == PZ_OK && a < batch.attribute_count; a++, at += size) {
            const pz__resolution *found =
                pz__request_answer(&context->request, attributes[a]->index);
            status = found ? show_answer((pz_resolution *)(void *)at, size, &context->request.arena,
                                         found, err)
                           : told(context->request.status, err);
        }
        if (status != PZ_OK)
            return status;
    }
    return status;
}

pz_status pz_inspect_many(pz_value *out, pz_context *context, const pz_batch *given, pz_error *err)
{
    pz_batch batch;
    pz_status status = take_batch(&batch, out, context, given, err);
    if (status != PZ_OK)
        return status;
    const pz__attribute **attributes =
        find_all(context, batch.attributes, batch.attribute_count, &status, err);
    for (uint32_t p = 0; attributes && p < batch.profile_count; p++) {
        status = bind(context, batch.profiles[p], err);
        for (uint32_t a = 0; status == PZ_OK && a < batch.attribute_count; a++)
            status = told(pz__layers_list(&context->request, attributes[a], false, out++), err);
        if (status != PZ_OK)
            return status;
    }
    return status;
}

pz_status pz_segments(pz_value *out, pz_context *context, const pz_profile *profile, pz_error *err)
{
    if (!out || !context)
        return pz__fail(err, PZ_ERR_ARG, "a result and a context are needed");
    const pz_status status = bind(context, profile, err);
    if (status != PZ_OK)
        return status;
    return told(pz__segments_list(&context->request, out), err);
}

/* ---- decisions ---- */

static pz_status decision_named(const pz_context *context, const char *name,
                                const pz__decision_def **out, pz_error *err)
{
    const pz__catalog *catalog = context->request.catalog;
    *out = pz__catalog_decision(catalog, pz_str_of(name));
    if (*out)
        return PZ_OK;
    const pz_str near = pz__catalog_nearest_decision(catalog, pz_str_of(name));
    return pz__fail(err, PZ_ERR_NOT_FOUND, "the catalog declares no decision '%s'%s%.*s%s", name,
                    near.data ? "; did you mean '" : "", PZ__STR_ARG(near), near.data ? "'?" : "");
}

pz_status pz__context_decision(const pz_context *context, const char *name, pz_error *err)
{
    const pz__decision_def *def;
    return decision_named(context, name, &def, err);
}

pz_status pz_decide(const pz_decision **out, pz_context *context, const pz_profile *profile,
                    const char *name, pz_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !context || !name)
        return pz__fail(err, PZ_ERR_ARG, "a context and the name of a decision are needed");
    const pz__decision_def *def;
    pz_status status = bind(context, profile, err);
    if (status == PZ_OK)
        status = decision_named(context, name, &def, err);
    return status == PZ_OK ? told(pz__decide(&context->request, def, out), err) : status;
}

/* ---- customers by name ---- */

static bool is_same_text(pz_str a, pz_str b)
{
    return (a.data == NULL) == (b.data == NULL) && pz__str_equal(a, b);
}

static guest *find_guest(const pz_context *context, const pz__quest *quest)
{
    guest *g = context->guests;
    while (g && !(is_same_text(g->value, quest->value) && is_same_text(g->kind, quest->kind)))
        g = g->next;
    return g;
}

/* A guest whose handle is empty, not yet in the list. */
static guest *make_guest(pz_context *context, const pz__quest *quest)
{
    pz__arena *arena = &context->request.arena;
    const size_t kind_len = quest->kind.data ? quest->kind.len + 1 : 0;
    guest *g = pz__arena_new(arena, sizeof *g + kind_len + quest->value.len);
    if (!g)
        return NULL;
    char *text = (char *)(g + 1);
    *g = (guest){.next = context->guests, .value = {text, quest->value.len}};
    memcpy(text, quest->value.data, quest->value.len);
    if (quest->kind.data) {
        memcpy(text + quest->value.len, quest->kind.data, quest->kind.len);
        g->kind = (pz_str){text + quest->value.len, quest->kind.len};
    }
    return g;
}

static pz_status take_handle(pz_context *context, pz_profile **out, pz_error *err)
{
    *out = context->idle;
    context->idle = NULL;
    return *out ? PZ_OK : pz__handle_new(out, context->engine, err);
}

/* Read a customer from the store; one whom nobody knows has no handle. */
static pz_status invite(pz_context *context, const pz__quest *quest, guest **out, pz_error *err)
{
    if (context->guest_count == PZ_DECIDE_FOR_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "a request asks about %u customers at most; begin anew",
                        PZ_DECIDE_FOR_MAX);
    pz_profile *handle;
    pz_status status = take_handle(context, &handle, err);
    if (status != PZ_OK)
        return status;
    status = pz__handle_find(handle, quest, err);
    guest *g = NULL;
    if (status == PZ_OK || status == PZ_ERR_NOT_FOUND) {
        if (status != PZ_OK && err) /* it is nothing to tell of */
            err->status = PZ_OK, err->message[0] = '\0';
        g = make_guest(context, quest);
        if (g && status == PZ_OK)
            g->handle = handle;
        if (!g)
            status = pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    }
    if (status != PZ_OK)
        let_go_of(context, handle);
    if (!g)
        return status;
    context->guests = g;
    context->guest_count++;
    *out = g;
    return PZ_OK;
}

pz_status pz_decide_for(const pz_decision **out, pz_context *context, const char *kind,
                        const char *value, const char *name, pz_error *err)
{
    if (out)
        *out = NULL;
    if (!out || !context || !name)
        return pz__fail(err, PZ_ERR_ARG, "a context and the name of a decision are needed");
    if (!context->request.catalog)
        return not_begun(err);
    if (!value)
        return pz_decide(out, context, NULL, name, err);
    const pz__quest quest = {kind ? pz_str_of(kind) : (pz_str){NULL, 0}, pz_str_of(value)};
    pz_status status = kind ? pz__identifier_check(quest.kind, quest.value, err) : PZ_OK;
    guest *g = status == PZ_OK ? find_guest(context, &quest) : NULL;
    if (status == PZ_OK && !g)
        status = invite(context, &quest, &g, err);
    return status == PZ_OK ? pz_decide(out, context, g->handle, name, err) : status;
}

pz_value pz_decision_value(const pz_decision *decision)
{
    return decision ? decision->value : pz_value_null();
}

const char *pz_decision_str(const pz_decision *decision, const char *fallback)
{
    return decision && decision->text ? decision->text : fallback;
}

const char *pz_decision_reason(const pz_decision *decision)
{
    return pz__outcome_name(decision ? decision->outcome : PZ__OUTCOME_ERROR);
}

const char *pz_decision_rule(const pz_decision *decision)
{
    return decision ? decision->rule_id : "";
}

double pz_decision_confidence(const pz_decision *decision)
{
    return decision ? (double)decision->confidence / 65536.0 : 0.0;
}

bool pz_decision_is_impure(const pz_decision *decision)
{
    return decision && decision->is_impure;
}

pz_status pz_decision_read(pz_decided *out, const pz_decision *decision)
{
    if (!out || out->size < PZ__RELEASED_SIZE(pz_decided, confidence))
        return PZ_ERR_ARG;
    const pz_decided full = {out->size, pz_decision_value(decision), pz_decision_reason(decision),
                             pz_decision_rule(decision), pz_decision_confidence(decision)};
    memcpy(out, &full, out->size < sizeof full ? out->size : sizeof full);
    return PZ_OK;
}

static bool is_askable(const void *out, const pz_context *context, const pz_decision *decision)
{
    return out && context && decision && context->request.catalog &&
           decision->request == &context->request;
}

static pz_status not_askable(pz_error *err)
{
    return pz__fail(err, PZ_ERR_ARG, "a context that has decided and its decision are needed");
}

pz_status pz_decision_map(pz_value *out, pz_context *context, const pz_decision *decision,
                          pz_error *err)
{
    if (!is_askable(out, context, decision))
        return not_askable(err);
    return told(pz__decision_map(&context->request, decision, out), err);
}

pz_status pz_decision_bytes(pz_value *out, pz_context *context, const pz_decision *decision,
                            pz_error *err)
{
    if (!is_askable(out, context, decision))
        return not_askable(err);
    pz__arena *arena = &context->request.arena;
    pz_value map;
    pz_status status = pz__decision_map(&context->request, decision, &map);
    if (status != PZ_OK)
        return told(status, err);
    pz__buf bytes;
    pz__buf_init(&bytes, &arena->alloc, PZ_VALUE_LEN_MAX);
    pz__value_encode(&bytes, map);
    status = bytes.status;
    const char *copy = status == PZ_OK ? pz__arena_text(arena, bytes.data, bytes.len) : NULL;
    if (status == PZ_OK && !copy)
        status = PZ_ERR_NOMEM;
    *out = pz_value_bytes(copy, copy ? bytes.len : 0);
    pz__buf_clear(&bytes);
    return told(status, err);
}

pz_status pz_decision_id(pz_str *out, pz_context *context, const pz_decision *decision,
                         pz_error *err)
{
    if (!is_askable(out, context, decision))
        return not_askable(err);
    pz__digest digest;
    const pz_status status = pz__decision_id(&context->request, decision, &digest);
    char *text = status == PZ_OK ? pz__arena_new(&context->request.arena, 33) : NULL;
    if (!text)
        return told(status == PZ_OK ? PZ_ERR_NOMEM : status, err);
    pz__digest_hex(digest, text);
    *out = (pz_str){text, 32};
    return PZ_OK;
}

static pz_status read_keeping(const pz_record_options *given, pz__keeping *out,
                              pz__durability *durability, pz_error *err)
{
    static const pz_record_options none = {PZ_RECORD_OPTIONS};
    pz_record_options options = none;
    if (given) {
        if (!pz__take_sized(&options, sizeof options, given))
            return pz__fail(err, PZ_ERR_ARG, "begin a pz_record_options with PZ_RECORD_OPTIONS");
    }
    if (options.flags & ~(uint32_t)(PZ_RECORD_NO_VALUE | PZ_RECORD_ANONYMOUS))
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    if ((uint32_t)options.durability > PZ_LAZY)
        return pz__fail(err, PZ_ERR_ARG, "the durability of a record is one of pz_durability");
    *durability = (pz__durability)options.durability;
    *out = (pz__keeping){
        .is_without_value = options.flags & PZ_RECORD_NO_VALUE,
        .is_anonymous = options.flags & PZ_RECORD_ANONYMOUS,
        .note = pz_str_of(options.note),
    };
    if (out->note.len > PZ_RECORD_NOTE_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "a note of %zu bytes is longer than %u", out->note.len,
                        PZ_RECORD_NOTE_MAX);
    if (!pz__utf8_valid(out->note.data ? out->note.data : "", out->note.len))
        return pz__fail(err, PZ_ERR_PARSE, "the note is not UTF-8");
    return PZ_OK;
}

static pz_status make_record(pz_value *out, pz_context *context, const pz_decision *decision,
                             const pz_record_options *options, pz__durability *durability,
                             pz_error *err)
{
    pz__keeping how;
    if (!is_askable(out, context, decision))
        return not_askable(err);
    pz_status status = read_keeping(options, &how, durability, err);
    if (status != PZ_OK)
        return status;
    const char *note =
        pz__arena_text(&context->request.arena, how.note.data ? how.note.data : "", how.note.len);
    how.note.data = note;
    status = note ? pz__decision_keep(&context->request, decision, &how, out) : PZ_ERR_NOMEM;
    return told(status, err);
}

pz_status pz_decision_record(pz_value *out, pz_context *context, const pz_decision *decision,
                             const pz_record_options *options, pz_error *err)
{
    pz__durability durability;
    return make_record(out, context, decision, options, &durability, err);
}

pz_status pz_record(uint64_t *number, pz_context *context, const pz_decision *decision,
                    const pz_record_options *options, pz_error *err)
{
    pz_value record;
    uint64_t given = 0;
    if (number)
        *number = 0;
    pz__keep how = {.is_single = true};
    pz_status status = make_record(&record, context, decision, options, &how.durability, err);
    if (status != PZ_OK)
        return status;
    how.now_ms = pz__engine_now(context->engine, 0);
    status = pz__records_keep(context->engine, &how, &record, 1, &given, err);
    if (number && status == PZ_OK)
        *number = given;
    return status;
}

pz_status pz_explain(pz_value *out, pz_context *context, const pz_decision *decision, pz_error *err)
{
    if (!is_askable(out, context, decision))
        return not_askable(err);
    return told(pz__decision_explain(&context->request, decision, out), err);
}

pz_status pz_explain_text(pz_str *out, pz_context *context, const pz_decision *decision,
                          pz_error *err)
{
    if (!is_askable(out, context, decision))
        return not_askable(err);
    return told(pz__decision_sentences(&context->request, decision, out), err);
}
