/*
 * resolve.c: what one answer costs, by the kind of attribute.
 *
 *     scalar     five claims about one attribute by as many writers: the newest fact answers
 *     flat       a category of 20 values with evidence for each in 90 buckets: 1,800 cells are
 *                weighed by age, 20 Beta posteriors looked at
 *     taxonomy   five levels, 363 nodes; evidence for 12 leaves in 30 buckets
 *     default    nothing is known
 *     set        20 elements with evidence for each in 30 buckets, two chosen, one removed
 *     layout     30 items by what was used, in 10 buckets each; ten edits
 *
 * The reference reads the same claims or cells once and adds up what stands in them: no decay, no
 * posterior, no layers. `library` is the room's own call over a sealed profile; the arena is
 * returned after each. `inspect` is the same for every layer. `request` is what a host calls:
 * pz_context_begin and pz_resolve.
 *
 * Checked: value (of a list its length and first item) and tier of each answer, both ways, and that
 * an inspection holds a layer that is used.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

#define VALUES 20u
#define BUCKETS 90u
#define BUCKET_S INT64_C(65536)
#define BRANCHES 3u
#define LEVELS 5u
#define ITEMS 30u
#define EDITS 10u

typedef struct world {
    pz_engine *engine;
    pz_context *context;
    pz_profile *profile;
    pz__pin pin;
    pz__arena arena;
} world;

typedef struct job {
    world *w;
    const char *name, *expected, *tier;
    uint32_t length; /* of a list; 0: the value is none */
    const pz__attribute *attribute;
} job;

/* ---- the catalog ---- */

static void put_level(pz__buf *out, uint32_t level)
{
    /* Names are unique in a taxonomy: each is its path, a digit for each level. */
    static char path[LEVELS + 2] = "g";
    pz__buf_byte(out, '{');
    for (uint32_t i = 0; level < LEVELS && i < BRANCHES; i++) {
        path[level + 1] = (char)('0' + i);
        path[level + 2] = '\0';
        pz__buf_format(out, "%s\"%s\": ", i ? ", " : "", path);
        put_level(out, level + 1);
    }
    pz__buf_byte(out, '}');
}

static void put_names(pz__buf *out, const char *letter, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        pz__buf_format(out, "%s\"%s%u\"", i ? ", " : "", letter, i);
}

static void put_catalog(pz__buf *out)
{
    pz__buf_text(out, "{\"taxonomies\": {\"goods\": ");
    put_level(out, 0);
    pz__buf_text(out, "}, \"attributes\": {\"scalar\": {\"type\": \"string\"}, \"default\": "
                      "{\"type\": \"string\", \"default\": \"plain\"}, \"taxonomy\": {\"type\": "
                      "\"string\", \"taxonomy\": \"goods\", \"threshold\": 0.75, \"half_life\": "
                      "\"90d\", \"width\": \"65536s\"}, \"flat\": {\"type\": \"string\", "
                      "\"threshold\": 0.75, \"half_life\": \"30d\", \"width\": \"65536s\", "
                      "\"one_of\": [");
    put_names(out, "v", VALUES);
    pz__buf_text(out, "]}, \"set\": {\"type\": \"list<string>\", \"merge\": \"set\", "
                      "\"threshold\": 0.75, \"half_life\": \"30d\", \"width\": \"65536s\", "
                      "\"one_of\": [");
    put_names(out, "v", VALUES);
    pz__buf_text(out, "]}, \"layout\": {\"type\": \"list<string>\", \"merge\": \"layout\", "
                      "\"ranked\": true, \"half_life\": \"30d\", \"width\": \"65536s\", "
                      "\"default\": [");
    put_names(out, "i", ITEMS);
    pz__buf_text(out, "]}}}");
    pz__buf_byte(out, 0);
}

/* ---- the profile ---- */

static void put_claims(pz__profile *profile)
{
    static const char *const writers[] = {"w1", "w2", "w3", "w4", "w5"};
    for (uint32_t i = 0; i < 5; i++) {
        char text[8];
        snprintf(text, sizeof text, "s%u", i);
        const pz__write write = {
            .writer = pz_str_of(writers[i]), .at_ms = BENCH_NOW - 100000 + i, .now_ms = BENCH_NOW};
        const pz__claim claim = {
            .attribute = PZ__STR("scalar"), .slot = PZ__SLOT_DECLARED, .value = pz_value_str(text)};
        bench_must(pz__profile_put(profile, &write, &claim, NULL), NULL, "a claim");
    }
}

/* One event that speaks for a value in one bucket, `age` buckets ago. */
static void put_evidence(pz__profile *profile, const char *attribute, const char *value,
                         uint32_t age, int64_t weight)
{
    static uint32_t number;
    char id[16];
    snprintf(id, sizeof id, "e%u", number++);
    const pz__write write = {.writer = PZ__STR("w1"), .at_ms = BENCH_NOW, .now_ms = BENCH_NOW};
    const pz__contribution contribution = {.attribute = pz_str_of(attribute),
                                           .channel = PZ__STR("web"),
                                           .value = pz_value_str(value),
                                           .weight = weight,
                                           .width = 16,
                                           .side = PZ__FOR};
    const pz__observation observation = {.source = PZ__STR("bench"),
                                         .id = pz_str_of(id),
                                         .time_ms = BENCH_NOW - age * BUCKET_S * 1000,
                                         .horizon_ms = INT64_C(400) * 86400000,
                                         .contributions = &contribution,
                                         .contribution_count = 1};
    bool is_new;
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz__profile_observe(profile, &write, &observation, &is_new, &err), &err, "evidence");
}

static void put_register(pz__profile *profile, pz__claim_slot slot, const char *attribute,
                         pz_str part, pz_value value)
{
    const pz__write write = {
        .writer = PZ__STR("w1"), .at_ms = BENCH_NOW - 100000, .now_ms = BENCH_NOW};
    const pz__claim claim = {
        .attribute = pz_str_of(attribute), .slot = (uint8_t)slot, .part = part, .value = value};
    bench_must(pz__profile_put(profile, &write, &claim, NULL), NULL, "a register");
}

/* v1 and v3 chosen, v7 removed; all 20 were seen, v0 to v9 often enough. */
static void fill_set(pz__profile *profile)
{
    static const struct {
        pz__claim_slot slot;
        pz_str part;
        const char *element;
    } words[] = {{PZ__SLOT_CHOICE, {"\x05\x02v1", 4}, "v1"},
                 {PZ__SLOT_CHOICE, {"\x05\x02v3", 4}, "v3"},
                 {PZ__SLOT_REJECT, {"\x05\x02v7", 4}, "v7"}};
    char value[8];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        put_register(profile, words[i].slot, "set", words[i].part, pz_value_str(words[i].element));
    for (uint32_t v = 0; v < VALUES; v++)
        for (uint32_t age = 0; age < 30; age++) {
            snprintf(value, sizeof value, "v%u", v);
            put_evidence(profile, "set", value, age, v < 10 ? 4 * 1024 : 64);
        }
}

/* i29 was used most, i0 least; five items are moved, five are hidden. */
static void fill_layout(pz__profile *profile)
{
    static char names[ITEMS][8];
    for (uint32_t i = 0; i < ITEMS; i++) {
        snprintf(names[i], sizeof names[i], "i%u", i);
        for (uint32_t age = 0; age < 10; age++)
            put_evidence(profile, "layout", names[i], age, (1 + i) * 1024);
    }
    for (uint32_t i = 0; i < EDITS / 2; i++) {
        const pz_entry entry = {pz_value_str(i % 2 ? "pin" : "after"),
                                i % 2 ? pz_value_int(i) : pz_value_str(names[20 + i])};
        const pz_map map = {.entries = &entry};
        const pz_value place = {.kind = PZ_MAP, .len = 1, .as.map = &map};
        put_register(profile, PZ__SLOT_EDIT_PLACE, "layout", pz_str_of(names[i]), place);
        put_register(profile, PZ__SLOT_EDIT_HIDDEN, "layout", pz_str_of(names[10 + i]),
                     pz_value_bool(true));
    }
}

static void fill(pz__profile *profile)
{
    char value[8];
    put_claims(profile);
    fill_set(profile);
    fill_layout(profile);
    for (uint32_t v = 0; v < VALUES; v++)
        for (uint32_t age = 0; age < BUCKETS; age++) {
            snprintf(value, sizeof value, "v%u", v);
            put_evidence(profile, "flat", value, age, v == 7 ? 200 * 1024 : 1024);
        }
    for (uint32_t leaf = 0; leaf < 12; leaf++)
        for (uint32_t age = 0; age < 30; age++) {
            snprintf(value, sizeof value, "g%u%u%u%u0", leaf % 3, leaf / 3 % 3, leaf / 9, leaf % 2);
            put_evidence(profile, "taxonomy", value, age, leaf == 4 ? 100 * 1024 : 1024);
        }
}

/* ---- running ---- */

static pz__view view_of(world *w, const pz__profile **member)
{
    *member = w->profile->state;
    return (pz__view){.catalog = w->pin.catalog,
                      .person = {member, 1},
                      .now_ms = BENCH_NOW,
                      .channel = PZ__STR("web"),
                      .arena = &w->arena};
}

/* Whether a layer is used. */
static bool inspect_once(job *j)
{
    const pz__profile *member;
    const pz__view view = view_of(j->w, &member);
    const pz__layer *layers;
    uint32_t count;
    bool is_used = false;
    bench_must(pz__inspect(&view, j->attribute, NULL, &layers, &count), NULL, j->name);
    for (uint32_t i = 0; i < count && !is_used; i++)
        is_used = layers[i].fate == PZ__FATE_USED;
    return is_used;
}

static uint64_t run_inspect(void *payload, uint64_t count)
{
    job *j = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        const pz__mark mark = pz__arena_mark(&j->w->arena);
        sum += inspect_once(j);
        pz__arena_return(&j->w->arena, mark);
    }
    return sum;
}

static pz__resolution resolve_once(job *j)
{
    const pz__profile *member;
    const pz__view view = view_of(j->w, &member);
    pz__resolution answer;
    bench_must(pz__resolve(&view, j->attribute, NULL, &answer), NULL, j->name);
    return answer;
}

static uint64_t run_room(void *payload, uint64_t count)
{
    job *j = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        const pz__mark mark = pz__arena_mark(&j->w->arena);
        sum += resolve_once(j).value.len;
        pz__arena_return(&j->w->arena, mark);
    }
    return sum;
}

static pz_resolution ask(job *j)
{
    pz_resolution answer = {PZ_RESOLUTION};
    bench_must(pz_context_begin(j->w->context, 0, NULL), NULL, "beginning");
    bench_must(pz_resolve(&answer, j->w->context, j->w->profile, j->name, NULL), NULL, j->name);
    return answer;
}

static uint64_t run_request(void *payload, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += ask(payload).value.len;
    return sum;
}

static uint64_t run_plain(void *payload, uint64_t count)
{
    const job *j = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        const pz__claims claims = pz__profile_claims(j->w->profile->state, j->attribute->name);
        const pz__cells cells = pz__profile_cells(j->w->profile->state, j->attribute->name);
        for (uint32_t k = 0; k < claims.count; k++)
            sum ^= (uint64_t)claims.list[k].at_ms;
        for (uint32_t k = 0; k < cells.count; k++)
            sum += (uint64_t)cells.list[k].weight;
    }
    return sum;
}

static bool is_expected(const job *j, pz_value value, const char *tier)
{
    const bool is_list = j->length > 0;
    if (is_list && (value.kind != PZ_LIST || value.len != j->length))
        return false;
    const pz_str text = pz_value_text(is_list ? pz_value_item(value, 0) : value);
    return pz__str_equal(text, pz_str_of(j->expected)) && strcmp(tier, j->tier) == 0;
}

static void bench_attribute(const bench *b, job *j)
{
    j->attribute = pz__catalog_attribute(j->w->pin.catalog, pz_str_of(j->name));
    const pz__resolution inside = resolve_once(j);
    bench_expect(is_expected(j, inside.value, pz__tier_name(inside.tier)), j->name);
    const pz_resolution outside = ask(j);
    bench_expect(is_expected(j, outside.value, outside.tier), j->name);
    bench_expect(inspect_once(j), j->name);
    const bench_case cases[] = {
        {"reference", run_plain, NULL, j, .checked = 1},
        {"library", run_room, NULL, j, .checked = 1},
        {"inspect", run_inspect, NULL, j, .checked = 1},
        {"request", run_request, NULL, j, .checked = 1},
    };
    bench_compare(b, "resolve", j->name, cases, sizeof cases / sizeof *cases);
}

void bench_resolve(const bench *b)
{
    pz__buf catalog;
    pz__buf_init(&catalog, NULL, 1 << 20);
    put_catalog(&catalog);
    world w = {.engine = bench_engine(b, NULL, 0, catalog.data)};
    pz__arena_init(&w.arena, &b->alloc, 0);
    w.pin = pz__pins_take(&w.engine->pins);
    bench_must(pz_context_new(&w.context, w.engine, NULL), NULL, "a context");
    bench_must(pz_profile_new(&w.profile, w.engine, PZ_PERSON, "ann", NULL), NULL, "a profile");
    fill(w.profile->state);
    bench_must(pz__profile_seal(w.profile->state), NULL, "sealing");
    const pz__cells cells = pz__profile_cells(w.profile->state, PZ__STR("flat"));
    bench_expect(cells.count == VALUES * BUCKETS, "a cell for each value and bucket");
    job jobs[] = {
        {&w, "scalar", "s4", "DECLARED", 0, NULL},
        {&w, "flat", "v7", "INFERRED", 0, NULL},
        {&w, "taxonomy", "g11000", "INFERRED", 0, NULL},
        {&w, "default", "plain", "DEFAULT", 0, NULL},
        {&w, "set", "v0", "INFERRED", 9, NULL},
        {&w, "layout", "i29", "INFERRED", ITEMS - EDITS / 2, NULL},
    };
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        bench_attribute(b, &jobs[i]);
    pz__buf_clear(&catalog);
    pz_profile_free(w.profile);
    pz_context_free(w.context);
    pz__pins_give(&w.engine->pins, &w.pin);
    pz__arena_clear(&w.arena);
    pz_engine_close(w.engine);
}
