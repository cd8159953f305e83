/*
 * record.c: a decision as data: its map, and the id that names it.
 *
 * The id is a hash of the inputs, not of the outcome: catalog, subject bytes (person and account),
 * circumstances (the host's level among them), moment and the decision's name. Equal inputs give
 * equal ids on any machine, so a host can recompute one and report outcomes against it. Hashing the
 * subject's bytes costs more than deciding, so the id is made only when somebody asks.
 *
 * The map is what leaves the library; its canonical bytes are what law 3 (purity) is about.
 */
#include "decide/decide.h"

#include "decide/fields.h"
#include "decide/policies.h"

static void hash_number(pz__blake2s *hash, uint64_t n)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> (56 - 8 * i));
    pz__blake2s_put(hash, bytes, sizeof bytes);
}

static void hash_text(pz__blake2s *hash, pz_str text)
{
    hash_number(hash, text.len);
    pz__blake2s_put(hash, text.data, text.len);
}

/* A missing profile hashes as a length that no digest has. */
static pz_status hash_profile(pz__blake2s *hash, const pz__profile *profile)
{
    pz__digest digest;
    const pz_status status = pz__profile_digest(profile, &digest);
    if (status != PZ_OK)
        return status;
    hash_number(hash, sizeof digest.bytes);
    pz__blake2s_put(hash, digest.bytes, sizeof digest.bytes);
    return PZ_OK;
}

/* Nobody is a zero, which is the length of no digest, and several say how many they are by a number
 * that is no length either: a person of two with one account is not a person of one with two. */
static pz_status hash_person(pz__blake2s *hash, pz__person person)
{
    if (person.count == 0)
        hash_number(hash, 0);
    if (person.count > 1)
        hash_number(hash, ~(uint64_t)person.count);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < person.count && status == PZ_OK; i++)
        status = hash_profile(hash, person.members[i]);
    return status;
}

/* Context keys stand in the order of the catalog, which is itself part of the hash. */
static pz_status hash_context(pz__blake2s *hash, pz__request *request)
{
    for (uint32_t i = 0; i < request->catalog->context_count; i++) {
        const pz_value value = request->context[i];
        if (value.kind == PZ__V_PENDING)
            continue;
        pz__digest digest;
        const pz_status status = pz__value_digest(&request->arena.alloc, value, &digest);
        if (status != PZ_OK)
            return status;
        hash_text(hash, request->catalog->context[i].name);
        pz__blake2s_put(hash, digest.bytes, sizeof digest.bytes);
    }
    /* No context key holds the mark. Without a level nothing is put. */
    if (request->level.len) {
        hash_text(hash, PZ__STR("\x1flevel"));
        hash_text(hash, request->level);
    }
    return PZ_OK;
}

pz_status pz__decision_id(pz__request *request, const pz_decision *decision, pz__digest *out)
{
    if (decision->serial != request->serial)
        return PZ_ERR_STATE;
    pz__blake2s hash;
    pz__blake2s_init(&hash, "personalize decision", sizeof "personalize decision" - 1);
    pz__blake2s_put(&hash, request->catalog->digest.bytes, sizeof request->catalog->digest.bytes);
    hash_number(&hash, (uint64_t)request->now_ms);
    hash_text(&hash, decision->def->name);
    pz_status status = hash_person(&hash, decision->person);
    if (status == PZ_OK)
        status = hash_person(&hash, decision->accounts);
    if (status == PZ_OK)
        status = hash_context(&hash, request);
    if (status == PZ_OK)
        *out = pz__blake2s_end(&hash);
    return status;
}

/* Unknowns and errors have no value that could leave the library: the member is left out. */
static bool is_plain(pz_value value)
{
    return value.kind <= PZ_MAP;
}

/* Which policies made the answer what it is. */
static pz_status put_policies(pz__request *request, pz__fields *fields, uint32_t attribute,
                              const pz__resolution *answer)
{
    const bool is_locked = answer->tier == PZ__TIER_LOCK;
    pz_value policies;
    if (!is_locked && answer->reason != PZ__REASON_BOUNDED)
        return PZ_OK;
    const pz_status status = pz__request_forcing(request, attribute, is_locked, &policies);
    if (status == PZ_OK)
        pz__fields_put(fields, "policies", policies);
    return status;
}

static pz_status use_map(pz__request *request, const pz__use *use, pz_value *out)
{
    const pz__slot_info *info = &request->catalog->slots[use->slot];
    pz__fields fields;
    pz__fields_init(&fields, &request->arena);
    pz__fields_put_text(&fields, "name", info->name);
    if (is_plain(use->value))
        pz__fields_put(&fields, "value", use->value);
    if (info->use == PZ__USE_ATTRIBUTE) {
        const pz__resolution *answer = pz__request_answer(request, info->index);
        if (!answer)
            return request->status;
        pz__fields_put(&fields, "tier", pz_value_str(pz__tier_name(answer->tier)));
        pz__fields_put(&fields, "reason", pz_value_str(pz__reason_name(answer->reason)));
        if (answer->has_confidence)
            pz__fields_put(&fields, "confidence",
                           pz_value_double((double)answer->confidence / 65536.0));
        pz__fields_put_text(&fields, "channel", answer->channel);
        pz__fields_put_text(&fields, "who", answer->who);
        pz__fields_put_time(&fields, "at", answer->at_ms);
        const pz_status status = put_policies(request, &fields, info->index, answer);
        if (status != PZ_OK)
            return status;
    }
    pz_value withheld;
    const pz_status status = pz__request_withheld(request, info, &withheld);
    if (status != PZ_OK)
        return status;
    if (withheld.len)
        pz__fields_put(&fields, "withheld", withheld);
    return pz__fields_end(&fields, out);
}

static pz_status uses_list(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz_value *items = pz__arena_array(&request->arena, decision->use_count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < decision->use_count; i++) {
        const pz_status status = use_map(request, &decision->uses[i], &items[i]);
        if (status != PZ_OK)
            return status;
    }
    *out = pz__value_of_items(items, decision->use_count);
    return PZ_OK;
}

static pz_status unknown_list(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz_value *items = pz__arena_array(&request->arena, decision->unknown_count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < decision->unknown_count; i++)
        items[i] = pz__value_of_str(request->catalog->slots[decision->unknown[i]].name);
    *out = pz__value_of_items(items, decision->unknown_count);
    return PZ_OK;
}

static pz_status failures_list(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz_value *items = pz__arena_array(&request->arena, decision->failure_count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < decision->failure_count; i++) {
        pz__fields fields;
        pz__fields_init(&fields, &request->arena);
        pz__fields_put_text(&fields, "rule", decision->failures[i].rule->id);
        pz__fields_put(&fields, "message", pz_value_str(decision->failures[i].message));
        const pz_status status = pz__fields_end(&fields, &items[i]);
        if (status != PZ_OK)
            return status;
    }
    *out = pz__value_of_items(items, decision->failure_count);
    return PZ_OK;
}

static pz_status put_lists(pz__request *request, const pz_decision *decision, pz__fields *fields)
{
    pz_value uses, unknown, failures;
    pz_status status = uses_list(request, decision, &uses);
    if (status == PZ_OK)
        status = unknown_list(request, decision, &unknown);
    if (status == PZ_OK)
        status = failures_list(request, decision, &failures);
    if (status != PZ_OK)
        return status;
    pz__fields_put(fields, "uses", uses);
    pz__fields_put(fields, "unknown", unknown);
    if (decision->failure_count)
        pz__fields_put(fields, "errors", failures);
    return PZ_OK;
}

pz_status pz__decision_fields(pz__request *request, const pz_decision *decision, pz__fields *fields)
{
    pz__digest id;
    pz_status status = pz__decision_id(request, decision, &id);
    if (status != PZ_OK)
        return status;
    pz__request_bind(request, decision->person, decision->accounts, decision->binding);
    request->status = PZ_OK;
    pz__fields_init(fields, &request->arena);
    pz__fields_put_text(fields, "decision", decision->def->name);
    pz__fields_put(fields, "value", decision->value);
    pz__fields_put(fields, "reason", pz_value_str(pz__outcome_name(decision->outcome)));
    if (decision->rule) {
        pz__fields_put_text(fields, "rule", decision->rule->id);
        pz__fields_put_text(fields, "because", decision->rule->because);
    }
    pz__fields_put(fields, "confidence", pz_value_double((double)decision->confidence / 65536.0));
    if (decision->is_impure)
        pz__fields_put(fields, "impure", pz_value_bool(true));
    status = put_lists(request, decision, fields);
    if (status != PZ_OK)
        return status;
    const pz_value id_text = pz__hex_value(&request->arena, id);
    const pz_value catalog_text = pz__hex_value(&request->arena, request->catalog->digest);
    if (id_text.kind == PZ_NULL || catalog_text.kind == PZ_NULL)
        return PZ_ERR_NOMEM;
    pz__fields_put(fields, "id", id_text);
    pz__fields_put(fields, "catalog", catalog_text);
    return PZ_OK;
}

pz_status pz__decision_map(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz__fields fields;
    const pz_status status = pz__decision_fields(request, decision, &fields);
    return status == PZ_OK ? pz__fields_end(&fields, out) : status;
}
