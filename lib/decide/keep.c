/*
 * keep.c: what a record keeps of a decision.
 *
 * A record is made to be kept for long and read by others, so it differs from a decision's map: of
 * everything that was read it has the name, where the answer came from, what purpose and source
 * class that falls under, and what was withheld, but not the answer. What is named is named from
 * catalog, consents and levels. Whoever wants to see that nothing refused was used finds the
 * refusal beside the name.
 *
 * Policies that bear on the decision are named with what they came to and what they read, for the
 * same reason: by name only.
 */
#include "decide/decide.h"

#include "decide/fields.h"
#include "decide/policies.h"

/* The source class that an answer of a tier falls under; NULL where no class may be masked. */
static const char *class_of(const pz__attribute *attribute, pz__tier tier, pz__arena *arena)
{
    pz_str name = {NULL, 0};
    if (tier == PZ__TIER_DECLARED)
        name = pz__source_class_name(PZ__CLASS_DECLARED);
    else if (tier == PZ__TIER_GROUP)
        name = pz__source_class_name(PZ__CLASS_PEERS);
    else if (tier == PZ__TIER_INFERRED)
        name = pz__source_class_name(attribute->source_class);
    return name.len ? pz__arena_text(arena, name.data, name.len) : NULL;
}

static pz_status put_attribute(pz__request *request, pz__fields *fields, uint32_t index)
{
    const pz__attribute *attribute = &request->catalog->attributes[index];
    const pz__resolution *answer = pz__request_answer(request, index);
    if (!answer)
        return request->status;
    const char *source_class = class_of(attribute, answer->tier, &request->arena);
    pz__fields_put(fields, "tier", pz_value_str(pz__tier_name(answer->tier)));
    pz__fields_put(fields, "reason", pz_value_str(pz__reason_name(answer->reason)));
    if (source_class)
        pz__fields_put(fields, "class", pz_value_str(source_class));
    pz__fields_put_text(fields, "purpose", attribute->purpose);
    return PZ_OK;
}

static bool is_counter(pz__slot_use use)
{
    return use == PZ__USE_COUNT || use == PZ__USE_SUM || use == PZ__USE_LAST;
}

static pz_status ground_map(pz__request *request, uint32_t slot, pz_value *out)
{
    const pz__slot_info *info = &request->catalog->slots[slot];
    pz_value withheld;
    pz__fields fields;
    pz_status status = PZ_OK;
    pz__fields_init(&fields, &request->arena);
    pz__fields_put_text(&fields, "name", info->name);
    if (info->use == PZ__USE_ATTRIBUTE || info->use == PZ__USE_CONFIDENCE ||
        info->use == PZ__USE_TIER)
        status = put_attribute(request, &fields, info->index);
    else if (is_counter(info->use))
        pz__fields_put_text(&fields, "class", pz__source_class_name(PZ__CLASS_BEHAVIOUR));
    else if (info->use == PZ__USE_CONTEXT)
        pz__fields_put_text(&fields, "class", pz__source_class_name(PZ__CLASS_CONTEXT));
    if (status == PZ_OK)
        status = pz__request_withheld(request, info, &withheld);
    if (status != PZ_OK)
        return status;
    if (withheld.len)
        pz__fields_put(&fields, "withheld", withheld);
    return pz__fields_end(&fields, out);
}

static pz_status grounds_list(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz_value *items = pz__arena_array(&request->arena, decision->use_count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < decision->use_count; i++) {
        const pz_status status = ground_map(request, decision->uses[i].slot, &items[i]);
        if (status != PZ_OK)
            return status;
    }
    *out = pz__value_of_items(items, decision->use_count);
    return PZ_OK;
}

static pz_status names_list(pz__request *request, const uint32_t *slots, uint32_t count,
                            pz_value *out)
{
    pz_value *items = pz__arena_array(&request->arena, count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        items[i] = pz__value_of_str(request->catalog->slots[slots[i]].name);
    *out = pz__value_of_items(items, count);
    return PZ_OK;
}

static pz_status failed_list(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz_value *items = pz__arena_array(&request->arena, decision->failure_count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < decision->failure_count; i++)
        items[i] = pz__value_of_str(decision->failures[i].rule->id);
    *out = pz__value_of_items(items, decision->failure_count);
    return PZ_OK;
}

static pz_value member_of(pz_value map, pz_str name)
{
    return pz_value_get(map, name.data, name.len, NULL);
}

/* A policy as pz__policies_list() tells of it, without what its rule read there. */
static pz_status policy_map(pz__request *request, pz_value policy, pz_value *out)
{
    const pz_value uses = member_of(policy, PZ__STR("uses"));
    pz_value *names = pz__arena_array(&request->arena, uses.len, sizeof *names);
    pz__fields fields;
    if (!names)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < uses.len; i++)
        names[i] = member_of(pz_value_item(uses, i), PZ__STR("name"));
    pz__fields_init(&fields, &request->arena);
    pz__fields_put(&fields, "policy", member_of(policy, PZ__STR("policy")));
    pz__fields_put(&fields, "came_to", member_of(policy, PZ__STR("came_to")));
    if (uses.len)
        pz__fields_put(&fields, "uses", pz__value_of_items(names, uses.len));
    return pz__fields_end(&fields, out);
}

static pz_status policies_list(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz_value all;
    pz_status status = pz__policies_list(request, decision, &all);
    pz_value *items = pz__arena_array(&request->arena, all.len, sizeof *items);
    if (status == PZ_OK && !items)
        status = PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < all.len && status == PZ_OK; i++)
        status = policy_map(request, pz_value_item(all, i), &items[i]);
    if (status == PZ_OK)
        *out = pz__value_of_items(items, all.len);
    return status;
}

/* About whom: the least id, and all of them where there are several. */
static pz_status put_people(pz__request *request, const pz_decision *decision, pz__fields *fields)
{
    const pz__person *person = &decision->person;
    if (person->count == 0)
        return PZ_OK;
    pz_value *ids = pz__arena_array(&request->arena, person->count, sizeof *ids);
    pz_str least = pz__profile_subject(person->members[0]);
    if (!ids)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < person->count; i++) {
        const pz_str id = pz__profile_subject(person->members[i]);
        ids[i] = pz__value_of_str(id);
        if (pz__str_compare(id, least) < 0)
            least = id;
    }
    pz__fields_put_text(fields, "subject", least);
    if (person->count > 1)
        pz__fields_put(fields, "members", pz__value_of_items(ids, person->count));
    return PZ_OK;
}

static void put_list(pz__fields *fields, const char *name, pz_value list)
{
    if (list.len)
        pz__fields_put(fields, name, list);
}

static pz_status put_grounds(pz__request *request, const pz_decision *decision, pz__fields *fields)
{
    pz_value uses, unknown, failed, policies;
    pz_status status = grounds_list(request, decision, &uses);
    if (status == PZ_OK)
        status = names_list(request, decision->unknown, decision->unknown_count, &unknown);
    if (status == PZ_OK)
        status = failed_list(request, decision, &failed);
    if (status == PZ_OK)
        status = policies_list(request, decision, &policies);
    if (status != PZ_OK)
        return status;
    put_list(fields, "uses", uses);
    put_list(fields, "unknown", unknown);
    put_list(fields, "failed", failed);
    put_list(fields, "policies", policies);
    return PZ_OK;
}

pz_status pz__decision_keep(pz__request *request, const pz_decision *decision,
                            const pz__keeping *how, pz_value *out)
{
    pz__digest id;
    pz__fields fields;
    pz_status status = pz__decision_id(request, decision, &id);
    if (status != PZ_OK)
        return status;
    pz__request_bind(request, decision->person, decision->accounts, decision->binding);
    request->status = PZ_OK;
    pz__fields_init(&fields, &request->arena);
    pz__fields_put_text(&fields, "decision", decision->def->name);
    if (!how->is_without_value)
        pz__fields_put(&fields, "value", decision->value);
    pz__fields_put(&fields, "reason", pz_value_str(pz__outcome_name(decision->outcome)));
    if (decision->rule)
        pz__fields_put_text(&fields, "rule", decision->rule->id);
    pz__fields_put(&fields, "confidence", pz_value_double((double)decision->confidence / 65536.0));
    if (decision->is_impure)
        pz__fields_put(&fields, "impure", pz_value_bool(true));
    if (!how->is_anonymous)
        status = put_people(request, decision, &fields);
    if (status == PZ_OK)
        status = put_grounds(request, decision, &fields);
    pz__request_settle(request);
    const pz_value id_text = pz__hex_value(&request->arena, id);
    const pz_value catalog_text = pz__hex_value(&request->arena, request->catalog->digest);
    if (status == PZ_OK && (id_text.kind == PZ_NULL || catalog_text.kind == PZ_NULL))
        status = PZ_ERR_NOMEM;
    if (status != PZ_OK)
        return status;
    pz__fields_put(&fields, "id", id_text);
    pz__fields_put(&fields, "catalog", catalog_text);
    pz__fields_put(&fields, "at", pz_value_time_ms(request->now_ms));
    pz__fields_put_text(&fields, "note", how->note);
    return pz__fields_end(&fields, out);
}
