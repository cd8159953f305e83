/*
 * policies.c: what policies, levels and consents do to one request.
 *
 * Masks come first, once for each binding: the catalog's own, those of the policies that hold, the
 * host's level and the customer's unite. What policies force on an attribute is worked out when the
 * attribute is: the first lock that holds, and the intersection of the bounds that do.
 *
 * Policies are evaluated over an activation of their own. What they read is therefore no ground of
 * the decision that happens to need them first, and a decision's grounds do not depend on what the
 * request was asked before. Whether a policy holds is kept for the binding. The catalog's compiler
 * has shown that no policy comes back to itself.
 *
 *     rule of           reads profile.NAME as
 *     a lock, a bound   the answer
 *     a level, a mask   policy input: the lock that holds on the attribute, else its recorded fact
 *                       after consent, expiry and time, whatever is masked
 *
 * What masks and missing consents withhold is named from catalog, consents and levels alone: never
 * from what the profile holds.
 */
#include "decide/decide.h"

#include <string.h>

#include "base/error.h"
#include "decide/policies.h"

#define BIT(class) (1u << PZ__CLASS_##class)

/* Longest text about one cause of withholding. */
#define CAUSE_MAX ((size_t)1024)

/* ---- whether a policy holds ---- */

pz__truth pz__policy_truth(pz__request *request, uint32_t index)
{
    const pz__policy *policy = &request->catalog->policies[index];
    if (!policy->when)
        return PZ__TRUE;
    if (request->held[index])
        return (pz__truth)(request->held[index] - 1);
    const pz_value came_to = pz__cel_eval(policy->when, &request->policies);
    const pz__truth truth = pz__cel_truth(came_to);
    pz__request_notice(request, came_to);
    /* Want of memory is no answer to keep. */
    if (request->status == PZ_OK)
        request->held[index] = (uint8_t)(truth + 1);
    request->has_answers = true;
    return truth;
}

/* ---- policy input ---- */

/* The first lock on an attribute that holds; NULL if none does. */
static const pz__attribute_effect *lock_on(pz__request *request, uint32_t attribute)
{
    const pz__catalog *catalog = request->catalog;
    if (!catalog->effects)
        return NULL;
    const pz__attribute_effects *effects = &catalog->effects[attribute];
    for (uint32_t i = 0; i < effects->count; i++)
        if (effects->list[i].effect->is_lock &&
            pz__policy_truth(request, effects->list[i].policy) == PZ__TRUE)
            return &effects->list[i];
    return NULL;
}

/* Whether a layer is the recorded fact in force, whatever mode or rejection says of it. */
static bool is_fact(const pz__layer *layer)
{
    return layer->answer.tier == PZ__TIER_DECLARED && layer->fate != PZ__FATE_EXPIRED &&
           layer->fate != PZ__FATE_FUTURE && layer->fate != PZ__FATE_UNCERTAIN;
}

/* The elements of a set, or the members of a record, that were recorded. */
static pz_status compose_facts(pz__arena *arena, const pz__attribute *attribute,
                               const pz__layer *layers, uint32_t count, pz_value *out)
{
    const bool is_record = attribute->merge == PZ__MERGE_RECORD;
    pz_entry *entries = pz__arena_array(arena, count, sizeof *entries);
    pz_value *items = pz__arena_array(arena, count, sizeof *items);
    uint32_t found = 0;
    if (!entries || !items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_fact(&layers[i]) || layers[i].is_removal)
            continue;
        entries[found] = (pz_entry){layers[i].key, layers[i].answer.value};
        items[found++] = layers[i].key;
    }
    if (found == 0)
        return PZ_OK;
    if (is_record)
        return pz__value_of_entries(arena, out, entries, found, PZ__DUP_REFUSE);
    *out = pz__value_of_items(items, found);
    return PZ_OK;
}

/* The recorded fact; left as it is where there is none. Masks are not asked, nor do they need to be
 * known: this is what they are made of. */
static pz_status read_fact(pz__request *request, const pz__attribute *attribute, pz_value *out)
{
    pz__view view = pz__request_bare_view(request);
    const pz__layer *layers;
    uint32_t count;
    const pz_status status = pz__inspect(&view, attribute, NULL, &layers, &count);
    if (status != PZ_OK)
        return status;
    if (attribute->merge == PZ__MERGE_SET || attribute->merge == PZ__MERGE_RECORD)
        return compose_facts(&request->arena, attribute, layers, count, out);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_fact(&layers[i]))
            continue;
        *out = layers[i].answer.value;
        return PZ_OK;
    }
    return PZ_OK;
}

pz_value pz__policy_input(pz__request *request, uint32_t slot, uint32_t index)
{
    const pz__attribute *attribute = &request->catalog->attributes[index];
    const pz__attribute_effect *lock = lock_on(request, index);
    if (lock)
        return lock->effect->lock;
    pz_value fact = {.kind = PZ__V_PENDING};
    if (attribute->is_policy_input)
        pz__request_failed(request, read_fact(request, attribute, &fact));
    return fact.kind == PZ__V_PENDING ? pz__cel_unknown(&request->arena, slot) : fact;
}

/* ---- masks ---- */

/* The level that the customer set, if it is in force: its name, else "". The newest word hides all
 * older ones, whether it is in force or not. */
static pz_str own_level(pz__request *request)
{
    const pz_str none = {NULL, 0};
    pz__claims claims;
    if (request->person.count == 0)
        return none;
    const pz_status status =
        pz__person_claims(&request->person, PZ__OF_SUBJECT, &request->arena, &claims);
    pz__request_failed(request, status);
    if (status != PZ_OK)
        return none;
    uint32_t i = 0;
    while (i < claims.count && claims.list[i].slot != PZ__SLOT_LEVEL)
        i++;
    if (i == claims.count)
        return none;
    const pz__claim *claim = &claims.list[i];
    const bool is_in_force = claim->at_ms <= request->now_ms &&
                             (claim->expires_ms == 0 || request->now_ms < claim->expires_ms);
    return claim->is_cleared || !is_in_force ? none : pz_value_text(claim->value);
}

static uint32_t own_masked(pz__request *request)
{
    uint32_t masked = 0;
    pz__level_find(own_level(request), &masked);
    return masked;
}

uint32_t pz__request_masked(pz__request *request)
{
    if (request->has_masked)
        return request->masked;
    const pz__catalog *catalog = request->catalog;
    uint32_t masked = catalog->masked | request->level_masked | own_masked(request);
    for (uint32_t i = 0; catalog->has_mask_policies && i < catalog->policy_count; i++)
        if (catalog->policies[i].masked & ~masked && pz__policy_truth(request, i) == PZ__TRUE)
            masked |= catalog->policies[i].masked;
    request->masked = masked;
    request->has_masked = request->status == PZ_OK;
    request->has_answers = true;
    return masked;
}

pz_status pz__request_level(pz__request *request, pz_str level, pz_error *err)
{
    uint32_t masked = 0;
    if (level.data && !pz__level_find(level, &masked)) {
        const pz_str near = pz__level_nearest(level);
        return pz__fail(err, PZ_ERR_NOT_FOUND,
                        "there is no level '%.*s': there are basic, demographic, self-service and "
                        "deep%s%.*s%s",
                        PZ__STR_ARG(level), near.data ? "; did you mean '" : "", PZ__STR_ARG(near),
                        near.data ? "'?" : "");
    }
    const char *name = pz__arena_text(&request->arena, level.len ? level.data : "", level.len);
    if (!name)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    request->level = (pz_str){name, level.len};
    request->level_masked = masked;
    pz__request_changed(request);
    return PZ_OK;
}

/* ---- locks and bounds ---- */

static void narrow_ends(pz__force *force, const pz__effect *effect)
{
    if (effect->has_min && (!force->has_min || pz_value_compare(effect->min, force->min) > 0))
        force->min = effect->min;
    if (effect->has_max && (!force->has_max || pz_value_compare(effect->max, force->max) < 0))
        force->max = effect->max;
    force->has_min |= effect->has_min;
    force->has_max |= effect->has_max;
}

static bool is_among(pz_value value, const pz_value *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (pz_value_equal(list[i], value))
            return true;
    return false;
}

/* Of the values allowed so far keep those that this bound allows too. */
static pz_status narrow_values(pz__request *request, pz__force *force, const pz__effect *effect)
{
    if (!effect->has_one_of)
        return PZ_OK;
    if (!force->has_one_of) {
        force->has_one_of = true;
        force->one_of = effect->one_of;
        force->one_of_count = effect->one_of_count;
        return PZ_OK;
    }
    pz_value *both = pz__arena_array(&request->arena, force->one_of_count, sizeof *both);
    uint32_t count = 0;
    if (!both)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < force->one_of_count; i++)
        if (is_among(force->one_of[i], effect->one_of, effect->one_of_count))
            both[count++] = force->one_of[i];
    force->one_of = both;
    force->one_of_count = count;
    return PZ_OK;
}

pz_status pz__request_force(pz__request *request, uint32_t attribute, pz__force *out,
                            const pz__force **force)
{
    const pz__catalog *catalog = request->catalog;
    *force = NULL;
    if (!catalog->effects || catalog->effects[attribute].count == 0)
        return PZ_OK;
    const pz__attribute_effects *effects = &catalog->effects[attribute];
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < effects->count; i++) {
        const pz__effect *effect = effects->list[i].effect;
        if (effect->is_lock && out->has_lock)
            continue;
        if (pz__policy_truth(request, effects->list[i].policy) != PZ__TRUE)
            continue;
        *force = out;
        if (effect->is_lock) {
            out->has_lock = true;
            out->lock = effect->lock;
            continue;
        }
        narrow_ends(out, effect);
        pz__request_failed(request, narrow_values(request, out, effect));
    }
    return request->status;
}

pz_status pz__request_forcing(pz__request *request, uint32_t attribute, bool is_lock, pz_value *out)
{
    const pz__attribute_effects *effects = &request->catalog->effects[attribute];
    pz_value *names = pz__arena_array(&request->arena, effects->count, sizeof *names);
    uint32_t count = 0;
    if (!names)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < effects->count; i++) {
        const pz__attribute_effect *one = &effects->list[i];
        if (one->effect->is_lock != is_lock || (is_lock && count == 1) ||
            pz__policy_truth(request, one->policy) != PZ__TRUE)
            continue;
        names[count++] = pz__value_of_str(request->catalog->policies[one->policy].id);
    }
    *out = pz__value_of_items(names, count);
    return request->status;
}

/* ---- what is withheld ---- */

/* The source classes that could speak about an attribute. */
static uint32_t classes_of(const pz__attribute *attribute)
{
    uint32_t classes = BIT(DECLARED);
    if (attribute->is_group)
        classes |= BIT(PEERS);
    if (attribute->threshold > 0.0 || attribute->is_ranked)
        classes |= 1u << attribute->source_class | BIT(CROSS_CHANNEL);
    return classes;
}

/* Texts about what withholds data of some classes. */
typedef struct causes {
    pz__request *request;
    uint32_t classes;
    pz_value *list;
    uint32_t count;
    pz_status status;
} causes;

static void put_cause(causes *c, const char *prefix, pz_str name, const char *suffix)
{
    pz__buf text;
    pz__buf_init(&text, &c->request->arena.alloc, CAUSE_MAX);
    pz__buf_format(&text, "%s%.*s%s", prefix, PZ__STR_ARG(name), suffix);
    const char *kept =
        text.status == PZ_OK ? pz__arena_text(&c->request->arena, text.data, text.len) : NULL;
    if (kept)
        c->list[c->count++] = pz_value_strn(kept, text.len);
    else
        c->status = PZ_ERR_NOMEM;
    pz__buf_clear(&text);
}

/* A level; `whose` follows its name. */
static void put_level(causes *c, pz_str level, const char *whose)
{
    uint32_t masked = 0;
    if (pz__level_find(level, &masked) && masked & c->classes)
        put_cause(c, "masked by level ", level, whose);
}

static void put_policies(causes *c)
{
    const pz__catalog *catalog = c->request->catalog;
    for (uint32_t i = 0; catalog->has_mask_policies && i < catalog->policy_count; i++)
        if (catalog->policies[i].masked & c->classes && pz__policy_truth(c->request, i) == PZ__TRUE)
            put_cause(c, "masked by policy ", catalog->policies[i].id, "");
}

/* Catalog's level and mask, host, customer, purpose: the causes beside policies. */
#define OTHER_CAUSES 5u

static pz_status list_causes(pz__request *request, uint32_t classes, pz_str purpose, pz_value *out)
{
    const pz__catalog *catalog = request->catalog;
    causes c = {.request = request, .classes = classes};
    c.list = pz__arena_array(&request->arena, (size_t)catalog->policy_count + OTHER_CAUSES,
                             sizeof *c.list);
    if (!c.list)
        return PZ_ERR_NOMEM;
    if (purpose.len && !pz__person_grants(&request->person, purpose, request->now_ms))
        put_cause(&c, "purpose ", purpose, " not granted");
    if (pz__request_masked(request) & classes) {
        put_level(&c, catalog->level, "");
        if (catalog->mask_masked & classes)
            put_cause(&c, "masked by the catalog", (pz_str){NULL, 0}, "");
        put_policies(&c);
        put_level(&c, request->level, ", which the host set");
        put_level(&c, own_level(request), ", which the customer set");
    }
    *out = pz__value_of_items(c.list, c.count);
    return c.status == PZ_OK ? request->status : c.status;
}

pz_status pz__request_withheld(pz__request *request, const pz__slot_info *info, pz_value *out)
{
    const pz_str no_purpose = {NULL, 0};
    switch (info->use) {
    case PZ__USE_ATTRIBUTE:
    case PZ__USE_CONFIDENCE:
    case PZ__USE_TIER: {
        const pz__attribute *attribute = &request->catalog->attributes[info->index];
        return list_causes(request, classes_of(attribute), attribute->purpose, out);
    }
    case PZ__USE_COUNT:
    case PZ__USE_SUM:
    case PZ__USE_LAST:
        return list_causes(request, BIT(BEHAVIOUR) | BIT(CROSS_CHANNEL), no_purpose, out);
    default:
        *out = pz__value_of_items(NULL, 0);
        return PZ_OK;
    }
}
