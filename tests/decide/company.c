/*
 * company.c: makes catalogs and customers at random.
 *
 * Policies read only attributes that no policy of theirs leads back to, so every document is sound:
 * discount depends on language, taste on discount, ways on events. `adult` alone is policy input,
 * and no policy locks it.
 */
#include "decide/company.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const attribute_names[ATTRIBUTES] = {"language", "taste",   "discount",
                                                 "ways",     "address", "adult"};

/* Two values of each attribute that differ, as `choose` takes them. */
static const char *const values[ATTRIBUTES][4] = {
    {"\"de\"", "\"en\"", "\"fr\"", "\"fr\""},
    {"\"roses\"", "\"tools\"", "\"home\"", "\"lamps\""},
    {"5", "35", "60", "90"},
    {"\"email\"", "\"post\"", "\"phone\"", "\"phone\""},
    {"{\"city\": \"Bonn\"}", "{\"city\": \"Ulm\"}", "{\"zip\": \"1\"}", "{\"city\": \"Linz\"}"},
    {"true", "false", "true", "false"},
};

/* ---- companies ---- */

typedef struct text {
    char *at;
    size_t room;
} text;

static void put(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(t->at, t->room, format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < t->room);
    t->at += len;
    t->room -= (size_t)len;
}

static const char *const types[ATTRIBUTES] = {
    "\"type\": \"string\", \"one_of\": [\"de\", \"en\", \"fr\"]",
    "\"type\": \"string\", \"taxonomy\": \"goods\"",
    "\"type\": \"int\", \"min\": 0, \"max\": 100",
    "\"type\": \"list<string>\", \"merge\": \"set\", \"one_of\": [\"email\", \"post\", \"phone\"]",
    "\"type\": \"map<string, string>\", \"merge\": \"record\"",
    "\"type\": \"bool\"",
};
static const char *const defaults[ATTRIBUTES] = {
    "\"en\"", "\"home\"", "10", "[\"post\"]", "{\"country\": \"DE\"}", "false"};

static void put_attribute(company *c, text *t, gen *g, uint32_t i)
{
    static const char *const purposes[] = {"", "ads", "care"};
    static const char *const classes[] = {"behaviour", "behaviour", "declared", "choice",
                                          "context"};
    static const char *const laws[] = {"replace", "max", "min"};
    c->purpose[i] = GEN_CHOICE(g, purposes);
    c->class[i] = GEN_CHOICE(g, classes);
    c->has_group[i] = i != DISCOUNT && i != ADDRESS && i != WAYS && gen_bool(g);
    put(t, "%s\"%s\": {%s, \"threshold\": 0.6, \"class\": \"%s\"", i ? ",\n" : "",
        attribute_names[i], types[i], c->class[i]);
    if (c->purpose[i][0])
        put(t, ", \"purpose\": \"%s\"", c->purpose[i]);
    if (i == DISCOUNT)
        put(t, ", \"merge\": \"%s\"", GEN_CHOICE(g, laws));
    if (c->has_group[i])
        put(t, ", \"group\": true");
    if (gen_bool(g))
        put(t, ", \"default\": %s", defaults[i]);
    if (gen_chance(g, 1, 4))
        put(t, ", \"retention\": \"15d\"");
    put(t, "%s}", i == ADULT ? ", \"policy_input\": true" : "");
}

static void put_policies(text *t, gen *g, const wishes *w)
{
    static const char *const forces[] = {
        "{\"id\": \"seven\", \"when\": \"context.country == 'DE'\", \"lock\": {\"discount\": 7}},",
        "{\"when\": \"profile.language == 'de'\", \"bound\": {\"discount\": {\"max\": 40}}},",
        "{\"when\": \"segment.fan\", \"bound\": {\"ways\": {\"one_of\": [\"email\", \"post\"]}}},",
        "{\"when\": \"profile.discount > 30\", \"lock\": {\"taste\": \"lamps\"}},",
        "{\"bound\": {\"taste\": {\"one_of\": [\"roses\", \"tools\", \"home\"]}}},",
        "{\"when\": \"consent('care')\", \"bound\": {\"discount\": {\"min\": 8}}},",
    };
    static const char *const masks[] = {
        "{\"when\": \"profile.adult == true\", \"mask\": [\"peers\"]},",
        "{\"when\": \"consent('care')\", \"level\": \"demographic\"},",
        "{\"when\": \"context.country == 'FR'\", \"mask\": [\"declared\"]},",
    };
    put(t, "\"policies\": [%s", w->lines);
    for (size_t i = 0; i < sizeof forces / sizeof *forces; i++)
        if (gen_chance(g, 1, 4))
            put(t, "%s", forces[i]);
    for (size_t i = 0; w->is_masking && i < sizeof masks / sizeof *masks; i++)
        if (gen_chance(g, 1, 6))
            put(t, "%s", masks[i]);
    put(t, "],\n");
}

static const char *const rules[ATTRIBUTES] = {
    "{\"when\": \"profile.language == 'fr'\", \"value\": \"bonjour\"},",
    "{\"when\": \"profile.taste == 'roses'\", \"value\": \"roses\"},",
    "{\"when\": \"profile.discount >= 50\", \"value\": \"half\"},",
    "{\"when\": \"'phone' in profile.ways\", \"value\": \"call\"},",
    "{\"when\": \"profile.address.city == 'Bonn'\", \"value\": \"Bonn\"},",
    "{\"when\": \"profile.adult\", \"value\": \"adult\"},",
};

static void put_rules(company *c, text *t, gen *g, const wishes *w)
{
    static const char *const others[] = {
        "{\"when\": \"tier(profile.taste) == 'GROUP'\", \"value\": \"group\"},",
        "{\"when\": \"segment.fan\", \"value\": \"fan\"},",
        "{\"when\": \"segment.german && confidence(profile.language) > 0.9\", \"value\": \"de\"},",
        "{\"when\": \"count('visit') == 3\", \"value\": \"third\"},",
        "{\"when\": \"consent('ads') && last('visit') > now - duration('48h')\", \"value\": 1},",
    };
    put(t, "\"decisions\": {\"d\": {\"rules\": [%s", rules[w->read]);
    c->is_read[w->read] = true;
    for (uint32_t i = 0; i < ATTRIBUTES; i++) {
        if (i == w->read || !gen_chance(g, 1, 3))
            continue;
        put(t, "%s", rules[i]);
        c->is_read[i] = true;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (gen_chance(g, 1, 4))
            put(t, "%s", others[i]);
    put(t, "], \"default\": \"none\"}}}\n");
}

const pz__catalog *company_again(const company *c, const char *members)
{
    static char whole[sizeof c->text + 256];
    const pz__catalog *catalog;
    pz_error err = PZ_ERROR_INIT;
    const int len = snprintf(whole, sizeof whole, "{%s%s", members, c->text);
    const pz_status status = pz__catalog_compile(&catalog, NULL, PZ__STR("company.json"),
                                                 (pz_str){whole, (size_t)len}, NULL, &err);
    if (status != PZ_OK)
        fail_msg("%s\n%s", err.message, whole);
    return catalog;
}

void company_make(company *c, gen *g, const wishes *w)
{
    memset(c, 0, sizeof *c);
    text t = {c->text, sizeof c->text};
    put(&t, "\"taxonomies\": {\"goods\": {\"garden\": {\"roses\": {}, \"tools\": {}}, "
            "\"home\": {\"lamps\": {}, \"beds\": {}}}},\n\"attributes\": {");
    for (uint32_t i = 0; i < ATTRIBUTES; i++)
        put_attribute(c, &t, g, i);
    put(&t, "},\n\"segments\": {\"fan\": \"count('visit', duration('240h')) >= 2\", "
            "\"german\": \"profile.language == 'de'\"},\n");
    put_policies(&t, g, w);
    put_rules(c, &t, g, w);
    c->catalog = company_again(c, "");
}

void company_free(company *c)
{
    pz__catalog_unref(c->catalog);
}

question question_make(gen *g)
{
    static const char *const countries[] = {"DE", "FR", "AT", "AT"};
    return (question){.country = GEN_CHOICE(g, countries), .mode = "off", .level = NULL};
}

/* ---- histories ---- */

/* Deeds lie in the last weeks before the question; each is written after the one before it. */
static int64_t next_now(const history *h)
{
    return COMPANY_NOW - 20 * DAY + (int64_t)h->count * 6 * HOUR;
}

static bool has_domain(uint32_t attribute)
{
    return attribute != DISCOUNT && attribute != ADDRESS;
}

void history_add(history *h, gen *g, uint32_t attribute, uint32_t acts)
{
    static const char *const channels[] = {"", "web", "app"};
    static const char *const modes[] = {"AUTO", "MANUAL", "OFF"};
    static const char *const levels[] = {"deep", "self-service", "demographic"};
    act one;
    assert_true(h->count < DEEDS_MAX);
    do
        one = (act)gen_below(g, CONSENT);
    while (!(acts & 1u << one) || (one == EVIDENCE && !has_domain(attribute)) ||
           (one == REJECT && attribute == ADDRESS));
    const int64_t now = next_now(h);
    h->list[h->count++] = (deed){
        .act = one,
        .attribute = attribute,
        .text = one == SET_MODE    ? GEN_CHOICE(g, modes)
                : one == SET_LEVEL ? GEN_CHOICE(g, levels)
                                   : values[attribute][gen_below(g, 4)],
        .channel = GEN_CHOICE(g, channels),
        .now = now,
        .at = now - gen_range(g, 0, 48) * HOUR,
        .confidence = 0.55 + 0.4 * gen_unit(g),
        .weight = (int)gen_range(g, 5, 30),
    };
}

void history_consent(history *h, const char *purpose, bool grants)
{
    const int64_t now = next_now(h);
    assert_true(h->count < DEEDS_MAX);
    h->list[h->count++] = (deed){
        .act = CONSENT, .text = purpose, .channel = "", .now = now, .at = now, .grants = grants};
}

void history_fill(history *h, gen *g, uint32_t count)
{
    const uint32_t often = 1u << DECLARE | 1u << INFER | 1u << EVIDENCE | 1u << VISIT;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t acts = often;
        if (gen_chance(g, 1, 3))
            acts |= 1u << CHOOSE | 1u << REJECT;
        if (gen_chance(g, 1, 10))
            acts |= 1u << SET_MODE;
        history_add(h, g, (uint32_t)gen_below(g, ATTRIBUTES), acts);
    }
}

/* ---- profiles ---- */

static pz_value value_of(pz__arena *arena, const char *json)
{
    pz__node node;
    assert_int_equal(pz__json_read_node(arena, &node, json, strlen(json), 0, NULL), PZ_OK);
    return node.value;
}

static void observe(pz__profile *profile, const pz__catalog *catalog, const pz__write *write,
                    const deed *one, uint32_t number, pz__arena *arena)
{
    char id[16];
    pz__contribution list[4];
    uint32_t count = 0;
    bool is_new;
    snprintf(id, sizeof id, "%u", number);
    if (one->act == EVIDENCE)
        list[count++] = (pz__contribution){.attribute = pz_str_of(attribute_names[one->attribute]),
                                           .channel = write->channel,
                                           .value = value_of(arena, one->text),
                                           .weight = one->weight * 1024,
                                           .width = 16,
                                           .side = PZ__FOR};
    for (uint32_t i = 0; one->act == VISIT && i < catalog->counter_count; i++)
        list[count++] = (pz__contribution){.attribute = catalog->counters[i].name,
                                           .channel = write->channel,
                                           .weight = 1,
                                           .width = catalog->counters[i].width,
                                           .side = PZ__FOR};
    const pz__observation o = {.source = PZ__STR("s"),
                               .id = pz_str_of(id),
                               .time_ms = one->at,
                               .horizon_ms = catalog->horizon_ms,
                               .contributions = list,
                               .contribution_count = count,
                               .counters = catalog->counter_names,
                               .counter_count = catalog->counter_count};
    assert_int_equal(pz__profile_observe(profile, write, &o, &is_new, NULL), PZ_OK);
}

static void carry_out(pz__profile *profile, const pz__catalog *catalog, const deed *one,
                      uint32_t number, pz__arena *arena)
{
    static const pz__verb_kind kinds[] = {
        [CHOOSE] = PZ__VERB_CHOOSE,     [REJECT] = PZ__VERB_REJECT,
        [DECLARE] = PZ__VERB_DECLARE,   [INFER] = PZ__VERB_INFER,
        [SET_MODE] = PZ__VERB_SET_MODE, [SET_LEVEL] = PZ__VERB_SET_LEVEL,
        [CONSENT] = PZ__VERB_CONSENT,
    };
    pz__verb verb = {.write = {.writer = PZ__STR("w1"),
                               .channel = pz_str_of(one->channel),
                               .at_ms = one->at,
                               .now_ms = one->now,
                               .skew_ms = PZ__SKEW_DEFAULT_MS}};
    if (one->act == EVIDENCE || one->act == VISIT) {
        observe(profile, catalog, &verb.write, one, number, arena);
        return;
    }
    verb.kind = kinds[one->act];
    verb.name = pz_str_of(
        one->act == SET_LEVEL || one->act == CONSENT ? one->text : attribute_names[one->attribute]);
    verb.confidence = one->confidence;
    if (one->act == CONSENT)
        verb.value = pz_value_bool(one->grants);
    else if (one->act == SET_MODE)
        verb.value = pz_value_str(one->text);
    else if (one->act != SET_LEVEL)
        verb.value = value_of(arena, one->text);
    pz_error err = PZ_ERROR_INIT;
    if (pz__verb_apply(&verb, catalog, profile, arena, &err) != PZ_OK)
        fail_msg("%s", err.message);
}

pz__profile *history_profile(const history *h, const pz__catalog *catalog,
                             bool (*keeps)(const void *self, const deed *one), const void *self)
{
    pz__profile *profile;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    assert_int_equal(pz__profile_new(&profile, NULL, PZ__PERSON, PZ__STR("me"), NULL), PZ_OK);
    for (uint32_t i = 0; i < h->count; i++)
        if (!keeps || keeps(self, &h->list[i]))
            carry_out(profile, catalog, &h->list[i], i, &arena);
    assert_int_equal(pz__profile_seal(profile), PZ_OK);
    pz__arena_clear(&arena);
    return profile;
}

/* ---- decisions ---- */

void question_ask(pz__request *request, const pz__catalog *catalog, const pz__profile *profile,
                  const question *q)
{
    const pz__profile **list;
    assert_int_equal(pz__request_begin(request, catalog, COMPANY_NOW), PZ_OK);
    list = pz__arena_array(&request->arena, 1, sizeof(const pz__profile *));
    assert_non_null(list);
    list[0] = profile;
    assert_int_equal(pz__request_set(request, PZ__STR("channel"), pz_value_str("web"), NULL),
                     PZ_OK);
    assert_int_equal(pz__request_set(request, PZ__STR("country"), pz_value_str(q->country), NULL),
                     PZ_OK);
    assert_int_equal(pz__request_set(request, PZ__STR("mode"), pz_value_str(q->mode), NULL), PZ_OK);
    assert_int_equal(pz__request_level(request, pz_str_of(q->level), NULL), PZ_OK);
    pz__request_bind(request, (pz__person){list, 1}, (pz__person){NULL, 0}, (pz__binding){1, 0});
}

char *decision_bytes_now(pz__request *request, const pz_decision **decision, size_t *len)
{
    pz_value map;
    pz__digest id;
    pz__buf bytes;
    char hex[33];
    const pz__decision_def *def = pz__catalog_decision(request->catalog, PZ__STR("d"));
    assert_int_equal(pz__decide(request, def, decision), PZ_OK);
    assert_int_equal(pz__decision_map(request, *decision, &map), PZ_OK);
    assert_int_equal(pz__decision_id(request, *decision, &id), PZ_OK);
    pz__digest_hex(id, hex);
    pz__buf_init(&bytes, NULL, 1u << 20);
    pz__value_encode(&bytes, map);
    assert_int_equal(bytes.status, PZ_OK);
    char *copy = malloc(bytes.len);
    memcpy(copy, bytes.data, bytes.len);
    char *at = memmem(copy, bytes.len, hex, 32);
    assert_non_null(at);
    memset(at, '-', 32);
    *len = bytes.len;
    pz__buf_clear(&bytes);
    return copy;
}

char *decision_bytes(pz__request *request, const pz__catalog *catalog, const pz__profile *profile,
                     const question *q, size_t *len)
{
    const pz_decision *decision;
    question_ask(request, catalog, profile, q);
    return decision_bytes_now(request, &decision, len);
}

bool decisions_differ(pz__request *request, const pz__catalog *catalog, const pz__profile *a,
                      const pz__profile *b, const question *q)
{
    size_t a_len, b_len;
    char *left = decision_bytes(request, catalog, a, q, &a_len);
    char *right = decision_bytes(request, catalog, b, q, &b_len);
    const bool differ = a_len != b_len || memcmp(left, right, a_len) != 0;
    free(left);
    free(right);
    return differ;
}
