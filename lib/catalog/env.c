/*
 * env.c: what names mean in the rules of segments, decisions and policies.
 *
 * Every name is a numbered slot. Attributes, declared context keys, segments and `now` have theirs
 * from the moment they are declared; calls such as count('purchase', duration('24h')) get one when
 * a rule first makes them (calls.c). A catalog with a "context" section closes the set of context
 * keys; without one any key may be asked for, is dyn, and gets its slot when it first is.
 *
 * Functions of the host are found here as well, but not by rules that set masks.
 *
 * A rule that sets a mask says profile.NAME too, but gets another slot: its value is policy input,
 * not the answer, since the answer depends on masks.
 *
 * The rule compiler asks for the longest dotted name first, so in an open context "context.a.b" is
 * refused here and "context.a" taken.
 */
#include "catalog/build.h"

uint32_t pz__slot_new(pz__build *build, pz__slot_use use, uint32_t index, pz_str name,
                      const pz__type *type, int64_t window_ms)
{
    static const pz_str prefixes[] = {
        [PZ__USE_ATTRIBUTE] = {"profile.", 8}, [PZ__USE_CONTEXT] = {"context.", 8},
        [PZ__USE_SEGMENT] = {"segment.", 8},   [PZ__USE_INPUT] = {"profile.", 8},
        [PZ__USE_CONSENT] = {"", 0},
    };
    void *list = build->slots;
    if (!pz__more(build, &list, build->slot_count, &build->slot_cap, sizeof *build->slots))
        return 0;
    build->slots = list;
    pz_str prefix = prefixes[use];
    char *text = pz__keep(build, prefix.len + name.len + 1, 1);
    if (!text)
        return 0;
    if (prefix.len)
        memcpy(text, prefix.data, prefix.len);
    memcpy(text + prefix.len, name.data, name.len);
    build->slots[build->slot_count] = (pz__slot_info){.use = use,
                                                      .index = index,
                                                      .name = {text, prefix.len + name.len},
                                                      .type = type,
                                                      .window_ms = window_ms};
    return build->slot_count++;
}

static bool take_prefix(pz_str *name, const char *prefix)
{
    size_t len = strlen(prefix);
    if (name->len <= len || memcmp(name->data, prefix, len) != 0)
        return false;
    name->data += len;
    name->len -= len;
    return true;
}

static pz_status give_slot(const pz__build *build, uint32_t slot, pz__slot *out)
{
    if (build->is_out_of_memory)
        return PZ_ERR_NOMEM;
    *out = (pz__slot){.index = slot, .type = build->slots[slot].type};
    return PZ_OK;
}

static pz_status find_context(pz__build *build, pz_str name, pz__slot *out)
{
    const pz__context_key *key = pz__context_key_of(build, name);
    bool is_plain = !memchr(name.data, '.', name.len);
    if (!key && !build->catalog->context_is_closed && is_plain) {
        char *text = pz__arena_text(build->arena, name.data, name.len);
        if (!text)
            build->is_out_of_memory = true;
        else
            key = pz__context_add(build, (pz_str){text, name.len}, &pz__type_dyn);
    }
    if (build->is_out_of_memory)
        return PZ_ERR_NOMEM;
    return key ? give_slot(build, key->slot, out) : PZ_ERR_NOT_FOUND;
}

static pz_status find_name(void *self, pz_str name, pz__slot *out)
{
    pz__build *build = self;
    if (pz__str_equal(name, PZ__STR("now")))
        return give_slot(build, 0, out);
    if (take_prefix(&name, "profile.")) {
        uint32_t i = pz__names_find(&build->shared->attributes, name);
        return i == PZ__NAME_NONE ? PZ_ERR_NOT_FOUND
                                  : give_slot(build, build->attributes[i].slot, out);
    }
    if (take_prefix(&name, "segment.")) {
        uint32_t i = pz__names_find(&build->shared->segments, name);
        return i == PZ__NAME_NONE ? PZ_ERR_NOT_FOUND
                                  : give_slot(build, build->segments[i].slot, out);
    }
    return take_prefix(&name, "context.") ? find_context(build, name, out) : PZ_ERR_NOT_FOUND;
}

static void suggest_names(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    static const pz_str calls[] = {{"count", 5},       {"sum", 3},  {"last", 4},
                                   {"confidence", 10}, {"tier", 4}, {"consent", 7}};
    const pz__build *build = self;
    for (uint32_t i = 0; i < build->slot_count; i++)
        if (build->slots[i].use <= PZ__USE_NOW)
            put(payload, build->slots[i].name);
    for (uint32_t i = 0; i < sizeof calls / sizeof *calls; i++)
        put(payload, calls[i]);
}

static const pz__host_function *find_function(void *self, pz_str name)
{
    const pz__build *build = self;
    for (uint32_t i = 0; build->functions && i < build->functions->count; i++)
        if (pz__str_equal(build->functions->list[i].name, name))
            return &build->functions->list[i];
    return NULL;
}

/* A rule compares an attribute, an item of one, or its tier with a constant. */
static void compared(void *self, const pz__compared *comparison)
{
    pz__build *build = self;
    const pz__slot_info *info = &build->slots[comparison->slot];
    const uint32_t start = pz__place_in_text(build, build->rule, comparison->start);
    const uint32_t end = pz__place_in_text(build, build->rule, comparison->end);
    if (comparison->field.len)
        return;
    const bool is_null = comparison->constant.kind == PZ_NULL;
    if (is_null && comparison->relation == PZ__TO_EQUAL && info->type->kind != PZ__T_DYN) {
        pz__warning(
            build, start, end,
            "never equal: what has no value is unknown and not null: ask has(x) or !has(x)");
        return;
    }
    if (info->use == PZ__USE_CONFIDENCE)
        pz__warn_of_confidence(build, comparison, start, end);
    else if (info->use == PZ__USE_TIER)
        pz__warn_of_tier(build, comparison, start, end);
    else if (info->use == PZ__USE_ATTRIBUTE && !build->is_broken[info->index])
        pz__warn_of_comparison(build, &build->attributes[info->index], comparison, start, end);
}

/* Two terms of a rule leave nothing between them, or nothing out. */
static void clashed(void *self, const pz__clash *clash)
{
    pz__build *build = self;
    const pz_str rule = pz_value_text(build->rule->value);
    if (pz__is_warned_enough(build))
        return;
    pz__warning(build, pz__place_in_text(build, build->rule, clash->start),
                pz__place_in_text(build, build->rule, clash->end), "%s true together with %s%s",
                clash->is_always ? "always" : "never",
                pz__quoted(build, (pz_str){rule.data + clash->first_start,
                                           clash->first_end - clash->first_start}),
                clash->is_always ? ": did you mean &&?" : "");
}

/* ---- rules that set masks ---- */

/* The slot of an attribute as policy input; made when a rule first reads it. */
static pz_status find_input(pz__build *build, uint32_t attribute, pz__slot *out)
{
    uint32_t *slot = &build->input_slots[attribute];
    const pz__attribute *read = &build->attributes[attribute];
    if (*slot == UINT32_MAX)
        *slot = pz__slot_new(build, PZ__USE_INPUT, attribute, read->name,
                             build->slots[read->slot].type, 0);
    return give_slot(build, *slot, out);
}

/* What must not be read has its slot all the same: policies.c says so at its place. */
static pz_status find_input_name(void *self, pz_str name, pz__slot *out)
{
    pz__build *build = self;
    pz_str attribute = name;
    if (!take_prefix(&attribute, "profile."))
        return find_name(self, name, out);
    const uint32_t i = pz__names_find(&build->shared->attributes, attribute);
    return i == PZ__NAME_NONE ? PZ_ERR_NOT_FOUND : find_input(build, i, out);
}

static void suggest_inputs(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    const pz__build *build = self;
    for (uint32_t i = 0; i < build->slot_count; i++) {
        const pz__slot_info *slot = &build->slots[i];
        const bool is_input =
            slot->use == PZ__USE_ATTRIBUTE && build->attributes[slot->index].is_policy_input;
        if (is_input || slot->use == PZ__USE_CONTEXT || slot->use == PZ__USE_NOW)
            put(payload, slot->name);
    }
    put(payload, PZ__STR("consent"));
}

/* ---- environments ---- */

static pz_status need_zone(void *self, pz_str name)
{
    return pz__need_zone(self, name);
}

static void suggest_zones(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    pz__suggest_zones(self, put, payload);
}

pz__cel_env pz__cel_env_of(pz__build *build)
{
    return (pz__cel_env){.self = build,
                         .find = find_name,
                         .derive = pz__derive_call,
                         .compared = compared,
                         .clashed = clashed,
                         .strict_texts = true,
                         .function = find_function,
                         .suggest = suggest_names,
                         .closed = true,
                         .zones = &build->shared->zones,
                         .need_zone = need_zone,
                         .suggest_zones = suggest_zones};
}

pz__cel_env pz__input_env_of(pz__build *build)
{
    pz__cel_env env = pz__cel_env_of(build);
    env.find = find_input_name;
    env.derive = pz__derive_input_call;
    env.function = NULL;
    env.suggest = suggest_inputs;
    return env;
}
