/*
 * request.c: one request, and what the names in its rules mean.
 *
 * The activation has one slot for every name that any rule of the catalog can say. All are pending
 * at first; a rule that reads a pending slot comes here, and what is found stays in the slot:
 *
 *     profile.NAME     resolve (kept in `answers` for the whole binding)
 *     context.NAME     what the host said, else the declared default
 *     segment.NAME     the segment's own rule, over this same activation
 *     count, sum, last totals over the profile's cells
 *     confidence, tier of an attribute's answer
 *     consent          whether the person granted a purpose
 *     now              the moment of the request
 *
 * What is not known is an unknown that names its slot. Every fetch is noted in `touched`, so that a
 * decision can say exactly what it read; settling makes those slots pending again.
 *
 * The answers, and what was counted, survive settling, not a change of binding or circumstance: a
 * second decision about one customer resolves and counts nothing again.
 */
#include "decide/decide.h"

#include <string.h>

#include "base/error.h"
#include "decide/policies.h"

/* Longest spelling of a type in an error. */
#define TYPE_TEXT_MAX 512u

static const pz_value pending = {.kind = PZ__V_PENDING};

void pz__request_init(pz__request *request, const pz_alloc *alloc)
{
    memset(request, 0, sizeof *request);
    pz__arena_init(&request->arena, alloc, PZ__REQUEST_BYTES_MAX);
}

void pz__request_clear(pz__request *request)
{
    pz__arena_clear(&request->arena);
    request->catalog = NULL;
}

/* Looked up by its name, but only once for each set of circumstances. */
static pz_str channel_of(pz__request *request)
{
    if (request->has_channel)
        return request->channel;
    const pz__catalog *catalog = request->catalog;
    const pz__context_key *key = pz__catalog_context(catalog, PZ__STR("channel"));
    request->channel = (pz_str){NULL, 0};
    if (key)
        request->channel = pz_value_text(request->context[key - catalog->context]);
    request->has_channel = true;
    return request->channel;
}

void pz__request_failed(pz__request *request, pz_status status)
{
    if (request->status == PZ_OK)
        request->status = status;
}

pz__view pz__request_bare_view(pz__request *request)
{
    return (pz__view){
        .catalog = request->catalog,
        .person = request->person,
        .accounts = request->accounts,
        .now_ms = request->now_ms,
        .channel = channel_of(request),
        .arena = &request->arena,
    };
}

pz__view pz__request_view(pz__request *request)
{
    pz__view view = pz__request_bare_view(request);
    view.masked = pz__request_masked(request);
    return view;
}

/* Policies are evaluated before the walk over the layers begins: they may resolve other attributes.
 */
static pz_status resolve(pz__request *request, uint32_t attribute, pz__resolution *out)
{
    pz__force room;
    const pz__force *force = NULL;
    const pz__view view = pz__request_view(request);
    if (request->catalog->effects) {
        const pz_status status = pz__request_force(request, attribute, &room, &force);
        if (status != PZ_OK)
            return status;
    }
    return pz__resolve(&view, &request->catalog->attributes[attribute], force, out);
}

const pz__resolution *pz__request_answer(pz__request *request, uint32_t attribute)
{
    pz__resolution *answer = &request->answers[attribute];
    if (request->answered[attribute])
        return answer;
    const pz_status before = request->status;
    request->status = PZ_OK;
    pz__request_failed(request, resolve(request, attribute, answer));
    if (request->status != PZ_OK)
        return NULL;
    request->status = before;
    request->answered[attribute] = request->has_answers = true;
    return answer;
}

static pz_value attribute_value(pz__request *request, uint32_t slot, uint32_t attribute)
{
    const pz__resolution *answer = pz__request_answer(request, attribute);
    if (!answer || answer->tier == PZ__TIER_NONE)
        return pz__cel_unknown(&request->arena, slot);
    return answer->value;
}

static pz_value context_value(pz__request *request, uint32_t slot, uint32_t index)
{
    const pz__context_key *key = &request->catalog->context[index];
    if (request->context[index].kind != PZ__V_PENDING)
        return request->context[index];
    return key->has_default ? key->default_value : pz__cel_unknown(&request->arena, slot);
}

/* Counters are of the class behaviour: total_value has asked whether that may be used. */
static pz_value counter_value(pz__request *request, const pz__view *view, uint32_t slot,
                              const pz__slot_info *info)
{
    const pz__counter *counter = &request->catalog->counters[info->index];
    int64_t total;
    bool known;
    pz__request_failed(request, pz__counter_total(view, counter, info->window_ms, &total, &known));
    if (!known)
        return pz__cel_unknown(&request->arena, slot);
    if (info->type->kind == PZ__T_DOUBLE)
        return pz_value_double((double)total / (double)counter->scale);
    return pz_value_int(total);
}

/* The start of the newest bucket in which the counter counted: buckets are all that is kept. */
static pz_value last_value(pz__request *request, const pz__view *view, uint32_t slot,
                           const pz__slot_info *info)
{
    if (request->person.count == 0)
        return pz__cel_unknown(&request->arena, slot);
    const pz__counter *counter = &request->catalog->counters[info->index];
    pz__cells cells;
    const pz_status status =
        pz__person_cells(&request->person, counter->name, &request->arena, &cells);
    pz__request_failed(request, status);
    if (status != PZ_OK)
        return pz__cel_unknown(&request->arena, slot);
    int64_t newest = INT64_MIN;
    for (uint32_t i = 0; i < cells.count; i++) {
        const pz__cell *cell = &cells.list[i];
        int64_t start;
        /* Bytes from outside may hold a bucket beyond all time. */
        if (__builtin_mul_overflow(cell->bucket, INT64_C(1) << cell->width, &start))
            continue;
        if (start > newest && start <= request->now_ms / 1000 &&
            !pz__is_channel_masked(view, cell->channel))
            newest = start;
    }
    if (newest == INT64_MIN)
        return pz__cel_unknown(&request->arena, slot);
    return pz_value_time_ms(newest * 1000);
}

/* Counting reads cells, so a total is kept for the whole binding, as answers are. */
static pz_value total_value(pz__request *request, uint32_t slot, const pz__slot_info *info)
{
    pz_value *kept = &request->totals[slot];
    if (kept->kind != PZ__V_PENDING)
        return *kept;
    const pz__view view = pz__request_view(request);
    if (view.masked & 1u << PZ__CLASS_BEHAVIOUR)
        return pz__cel_unknown(&request->arena, slot);
    const pz_value value = info->use == PZ__USE_LAST ? last_value(request, &view, slot, info)
                                                     : counter_value(request, &view, slot, info);
    /* Want of memory is no answer to keep. */
    if (value.kind != PZ__V_ERROR) {
        *kept = value;
        request->has_answers = true;
    }
    return value;
}

static pz_value confidence_value(pz__request *request, uint32_t slot, uint32_t attribute)
{
    const pz__resolution *answer = pz__request_answer(request, attribute);
    if (!answer || answer->tier == PZ__TIER_NONE)
        return pz__cel_unknown(&request->arena, slot);
    return pz_value_double(answer->has_confidence ? (double)answer->confidence / 65536.0 : 1.0);
}

static pz_value tier_value(pz__request *request, uint32_t attribute)
{
    const pz__resolution *answer = pz__request_answer(request, attribute);
    return pz_value_str(pz__tier_name(answer ? answer->tier : PZ__TIER_NONE));
}

static pz_value consent_value(const pz__request *request, uint32_t index)
{
    const pz_str purpose = request->catalog->consents[index];
    return pz_value_bool(pz__person_grants(&request->person, purpose, request->now_ms));
}

/* What a slot means to those that read it in `reader`. */
static pz_value slot_value(pz__request *request, pz__activation *reader, uint32_t slot)
{
    const pz__slot_info *info = &request->catalog->slots[slot];
    switch (info->use) {
    case PZ__USE_ATTRIBUTE:
        return attribute_value(request, slot, info->index);
    case PZ__USE_CONTEXT:
        return context_value(request, slot, info->index);
    case PZ__USE_SEGMENT:
        return pz__segment_value(request->catalog, info->index, reader);
    case PZ__USE_NOW:
        return pz_value_time_ms(request->now_ms);
    case PZ__USE_COUNT:
    case PZ__USE_SUM:
    case PZ__USE_LAST:
        return total_value(request, slot, info);
    case PZ__USE_CONFIDENCE:
        return confidence_value(request, slot, info->index);
    case PZ__USE_TIER:
        return tier_value(request, info->index);
    case PZ__USE_INPUT:
        return pz__policy_input(request, slot, info->index);
    case PZ__USE_CONSENT:
        return consent_value(request, info->index);
    }
    return pz__cel_unknown(&request->arena, slot);
}

static void fetch(void *self, uint32_t slot)
{
    pz__request *request = self;
    request->touched[request->touched_count++] = slot;
    request->activation.slots[slot] = slot_value(request, &request->activation, slot);
}

static void fetch_for_policies(void *self, uint32_t slot)
{
    pz__request *request = self;
    request->policy_touched[request->policy_touched_count++] = slot;
    request->policies.slots[slot] = slot_value(request, &request->policies, slot);
    request->has_answers = true;
}

pz_value pz__policy_slot(pz__request *request, uint32_t slot)
{
    if (request->policies.slots[slot].kind == PZ__V_PENDING)
        fetch_for_policies(request, slot);
    return request->policies.slots[slot];
}

static void fill_pending(pz_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = pending;
}

/* A catalog without policies needs none of this. */
static pz_status begin_policies(pz__request *request, const pz__catalog *catalog)
{
    pz__arena *arena = &request->arena;
    request->policies = (pz__activation){.slots = NULL};
    request->policy_touched_count = 0;
    if (catalog->policy_count == 0)
        return PZ_OK;
    pz_value *slots = pz__arena_array(arena, catalog->slot_count, sizeof *slots);
    request->policy_touched =
        pz__arena_array(arena, catalog->slot_count, sizeof *request->policy_touched);
    request->held = pz__arena_zero(arena, catalog->policy_count, sizeof *request->held);
    if (!slots || !request->policy_touched || !request->held)
        return PZ_ERR_NOMEM;
    fill_pending(slots, catalog->slot_count);
    request->policies = (pz__activation){
        .slots = slots,
        .slot_count = catalog->slot_count,
        .self = request,
        .fetch = fetch_for_policies,
        .arena = arena,
    };
    return PZ_OK;
}

pz_status pz__request_begin(pz__request *request, const pz__catalog *catalog, int64_t now_ms)
{
    pz__arena *arena = &request->arena;
    pz__arena_reset(arena);
    request->catalog = NULL;
    request->person = request->accounts = (pz__person){NULL, 0};
    request->binding = (pz__binding){0, 0};
    request->now_ms = now_ms;
    request->serial++;
    request->touched_count = 0;
    request->has_channel = request->has_answers = request->has_masked = false;
    request->level = (pz_str){NULL, 0};
    request->level_masked = 0;
    request->status = PZ_OK;
    pz_value *slots = pz__arena_array(arena, catalog->slot_count, sizeof *slots);
    request->context = pz__arena_array(arena, catalog->context_count, sizeof *request->context);
    request->answers = pz__arena_array(arena, catalog->attribute_count, sizeof *request->answers);
    request->answered = pz__arena_zero(arena, catalog->attribute_count, sizeof(bool));
    request->touched = pz__arena_array(arena, catalog->slot_count, sizeof *request->touched);
    request->totals = pz__arena_array(arena, catalog->slot_count, sizeof *request->totals);
    if (!slots || !request->context || !request->answers || !request->answered ||
        !request->touched || !request->totals)
        return PZ_ERR_NOMEM;
    fill_pending(slots, catalog->slot_count);
    fill_pending(request->totals, catalog->slot_count);
    fill_pending(request->context, catalog->context_count);
    request->activation = (pz__activation){
        .slots = slots,
        .slot_count = catalog->slot_count,
        .self = request,
        .fetch = fetch,
        .arena = arena,
    };
    if (begin_policies(request, catalog) != PZ_OK)
        return PZ_ERR_NOMEM;
    request->catalog = catalog;
    return PZ_OK;
}

void pz__request_settle(pz__request *request)
{
    for (uint32_t i = 0; i < request->touched_count; i++)
        request->activation.slots[request->touched[i]] = pending;
    request->touched_count = 0;
}

void pz__request_notice(pz__request *request, pz_value result)
{
    if (result.kind != PZ__V_ERROR)
        return;
    const pz__cel_error *error = (const pz__cel_error *)(const void *)result.as.text;
    if (error->status == PZ_ERR_NOMEM)
        request->status = PZ_ERR_NOMEM;
}

pz_status pz__segments_list(pz__request *request, pz_value *out)
{
    const pz__catalog *catalog = request->catalog;
    const uint32_t *found;
    uint32_t count;
    pz__request_settle(request);
    request->status = PZ_OK;
    pz_status status = pz__segments_match(catalog, &request->activation, &found, &count);
    pz__request_settle(request);
    /* An attribute that could not be resolved looks unknown, and its segment like a false one. */
    if (status == PZ_OK)
        status = request->status;
    if (status != PZ_OK)
        return status;
    pz_value *names = pz__arena_array(&request->arena, count, sizeof *names);
    if (!names)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        names[i] = pz__value_of_str(catalog->segments[found[i]].name);
    *out = pz__value_of_items(names, count);
    return PZ_OK;
}

static void forget_policies(pz__request *request)
{
    request->has_masked = false;
    for (uint32_t i = 0; i < request->policy_touched_count; i++)
        request->policies.slots[request->policy_touched[i]] = pending;
    request->policy_touched_count = 0;
    if (request->policies.slots)
        memset(request->held, 0, request->catalog->policy_count * sizeof *request->held);
}

static void forget_answers(pz__request *request)
{
    pz__request_settle(request);
    if (!request->has_answers)
        return;
    request->has_answers = false;
    forget_policies(request);
    memset(request->answered, 0, request->catalog->attribute_count * sizeof(bool));
    fill_pending(request->totals, request->catalog->slot_count);
}

void pz__request_changed(pz__request *request)
{
    request->serial++;
    request->has_channel = false;
    forget_answers(request);
}

static bool is_same_person(pz__person a, pz__person b)
{
    return a.members == b.members && a.count == b.count;
}

void pz__request_bind(pz__request *request, pz__person person, pz__person accounts,
                      pz__binding binding)
{
    if (is_same_person(request->person, person) && is_same_person(request->accounts, accounts) &&
        request->binding.person == binding.person && request->binding.account == binding.account)
        return;
    request->person = person;
    request->accounts = accounts;
    request->binding = binding;
    forget_answers(request);
}

static pz_str nearest_context(const pz__catalog *catalog, pz_str key)
{
    pz_str best = {NULL, 0};
    for (uint32_t i = 0; i < catalog->context_count; i++) {
        const pz_str pair[2] = {catalog->context[i].name, best};
        const pz_str nearer = pz__nearest(key, pair, best.data ? 2 : 1);
        if (nearer.data)
            best = nearer;
    }
    return best;
}

static pz_status no_such_key(const pz__catalog *catalog, pz_str key, pz_error *err)
{
    const pz_str near = nearest_context(catalog, key);
    if (near.data)
        return pz__fail(err, PZ_ERR_NOT_FOUND,
                        "the catalog declares no context key '%.*s'; did you mean '%.*s'?",
                        PZ__STR_ARG(key), PZ__STR_ARG(near));
    return pz__fail(err, PZ_ERR_NOT_FOUND,
                    "the catalog declares no context key '%.*s'; add it to \"context\"",
                    PZ__STR_ARG(key));
}

static pz_status cannot_keep(pz_str key, pz_status status, pz_error *err)
{
    if (status == PZ_ERR_LIMIT)
        return pz__fail(err, status, "the value of context key '%.*s' is nested deeper than %d",
                        PZ__STR_ARG(key), PZ_JSON_DEPTH_MAX);
    if (status == PZ_ERR_PARSE)
        return pz__fail(err, status, "a text in the value of context key '%.*s' is not UTF-8",
                        PZ__STR_ARG(key));
    return pz__fail(err, status, "%s", pz_status_text(status));
}

/* The value of a key is of another kind, or has such items. */
static pz_status wrong_type(pz__request *request, const pz__context_key *key, pz_value value,
                            pz_error *err)
{
    pz__buf type;
    pz__buf_init(&type, &request->arena.alloc, TYPE_TEXT_MAX);
    pz__type_print(&type, key->type);
    const pz_str found = pz_str_of(pz_kind_name((pz_kind)value.kind));
    const pz_status status =
        type.status == PZ_OK
            ? pz__fail(err, PZ_ERR_TYPE,
                       "context key '%.*s' is declared %.*s, and was given %s%.*s",
                       PZ__STR_ARG(key->name), (int)type.len, type.data,
                       value.kind == PZ_LIST || value.kind == PZ_MAP ? "another " : "",
                       PZ__STR_ARG(found))
            : pz__fail(err, type.status, "%s", pz_status_text(type.status));
    pz__buf_clear(&type);
    return status;
}

pz_status pz__request_set(pz__request *request, pz_str key, pz_value value, pz_error *err)
{
    const pz__catalog *catalog = request->catalog;
    const pz__context_key *known = pz__catalog_context(catalog, key);
    /* An open catalog has slots only for keys that its rules name: no rule can miss another. */
    if (!known)
        return catalog->context_is_closed ? no_such_key(catalog, key, err) : PZ_OK;
    pz_value kept = pending;
    if (value.kind != PZ_NULL) {
        /* Text may be a timestamp, a whole number a double: JSON cannot tell. */
        pz_value fitting;
        const pz_status fit = pz__value_fit(&request->arena, known->type, value, &fitting);
        if (fit == PZ_ERR_NOMEM)
            return pz__fail(err, fit, "out of memory");
        if (fit != PZ_OK)
            return wrong_type(request, known, value, err);
        pz_status status = pz__value_copy(&request->arena, &kept, fitting);
        if (status == PZ_OK)
            status = pz__value_sort(&request->arena, &kept);
        if (status != PZ_OK)
            return cannot_keep(key, status, err);
    }
    request->context[known - catalog->context] = kept;
    pz__request_changed(request);
    if (pz__str_equal(known->name, PZ__STR("channel"))) {
        request->channel = pz_value_text(kept);
        request->has_channel = true;
    }
    return PZ_OK;
}
