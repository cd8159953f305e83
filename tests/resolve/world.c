/*
 * world.c: builds a catalog's attribute by hand and writes a profile through its door.
 */
#include "resolve/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "profile/profile.h"

static const pz__type text_type = {.kind = PZ__T_STRING};

static pz_value text_or_null(const char *text)
{
    return text ? pz_value_str(text) : pz_value_null();
}

void world_plain(world *w)
{
    *w = (world){.now = DAY(20) + 3 * HOUR, .writer = "w1", .channel = "web"};
    pz__arena_init(&w->arena, NULL, 0);
    w->attribute = (pz__attribute){.name = PZ__STR("x"),
                                   .type = &text_type,
                                   .source_class = PZ__CLASS_BEHAVIOUR,
                                   .min_evidence = 1024,
                                   .strength = 1.0,
                                   .width = 16};
    w->catalog = (pz__catalog){.attributes = &w->attribute, .attribute_count = 1};
    assert_int_equal(pz__profile_new(&w->person, NULL, PZ__PERSON, PZ__STR("me"), NULL), PZ_OK);
    assert_int_equal(pz__profile_new(&w->account, NULL, PZ__ACCOUNT, PZ__STR("firm"), NULL), PZ_OK);
}

void world_end(world *w)
{
    pz__profile_free(w->person);
    pz__profile_free(w->account);
    pz__arena_clear(&w->arena);
}

uint32_t world_node(world *w, uint32_t parent, pz_value value)
{
    assert_true(w->domain.count < WORLD_NODES_MAX);
    uint32_t n = w->domain.count++;
    uint32_t depth = n == 0 ? 0 : w->nodes[parent].depth + 1;
    w->nodes[n] = (pz__domain_node){.value = value, .parent = parent, .depth = depth};
    return n;
}

static bool is_leaf(const world *w, uint32_t n)
{
    return w->nodes[n].end == n + 1;
}

void world_close_domain(world *w)
{
    uint32_t count = w->domain.count, leaves = 0, indexed = 0;
    for (uint32_t n = 0; n < count; n++)
        w->nodes[n].end = n + 1;
    for (uint32_t n = count; n-- > 1;)
        if (w->nodes[w->nodes[n].parent].end < w->nodes[n].end)
            w->nodes[w->nodes[n].parent].end = w->nodes[n].end;
    for (uint32_t n = 1; n < count; n++)
        leaves += is_leaf(w, n);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t below = 0;
        for (uint32_t m = n; m < w->nodes[n].end; m++)
            below += is_leaf(w, m) && m > 0;
        w->nodes[n].share = (double)below / (double)leaves;
    }
    for (uint32_t n = 1; n < count; n++) {
        uint32_t at = indexed++;
        while (at > 0 &&
               pz_value_compare(w->nodes[w->by_value[at - 1]].value, w->nodes[n].value) > 0) {
            w->by_value[at] = w->by_value[at - 1];
            at--;
        }
        w->by_value[at] = n;
    }
    w->domain.nodes = w->nodes;
    w->domain.by_value = w->by_value;
    w->attribute.domain = &w->domain;
}

static void infer_as_usual(world *w)
{
    w->attribute.threshold = 0.75;
    w->attribute.min_evidence = 3 * 1024;
    w->attribute.strength = 2.0;
}

void world_flat(world *w)
{
    static const char *const values[] = {"de", "en", "fr"};
    world_plain(w);
    world_node(w, 0, pz_value_null());
    for (size_t i = 0; i < 3; i++)
        world_node(w, 0, pz_value_str(values[i]));
    world_close_domain(w);
    infer_as_usual(w);
}

void world_tree(world *w)
{
    world_plain(w);
    world_node(w, 0, pz_value_null());
    uint32_t garden = world_node(w, 0, pz_value_str("garden"));
    world_node(w, garden, pz_value_str("roses"));
    world_node(w, garden, pz_value_str("tools"));
    uint32_t home = world_node(w, 0, pz_value_str("home"));
    world_node(w, home, pz_value_str("lamps"));
    world_node(w, home, pz_value_str("sofas"));
    world_close_domain(w);
    infer_as_usual(w);
    w->attribute.is_taxonomy = true;
}

/* ---- writing ---- */

static pz__write write_at(const world *w, int64_t at)
{
    return (pz__write){.writer = pz_str_of(w->writer),
                       .channel = pz_str_of(w->channel),
                       .at_ms = at,
                       .now_ms = w->write_now ? w->write_now : at,
                       .expires_ms = w->expires,
                       .skew_ms = PZ__SKEW_DEFAULT_MS};
}

static void put_into(world *w, pz__profile *profile, const pz__claim *claim, int64_t at)
{
    const pz__write write = write_at(w, at);
    pz__claim filled = *claim;
    filled.attribute = w->attribute.name;
    pz_error err = PZ_ERROR_INIT;
    pz_status status = pz__profile_put(profile, &write, &filled, &err);
    if (status != PZ_OK)
        fail_msg("put: %s", err.message);
}

void world_put(world *w, const pz__claim *claim, int64_t at)
{
    put_into(w, w->person, claim, at);
}

/* The register of one rejected value: its canonical bytes are the part. */
static void put_reject(world *w, const char *value, bool is_cleared, int64_t at)
{
    pz__buf part;
    pz__buf_init(&part, NULL, 4096);
    pz__value_encode(&part, pz_value_str(value));
    world_put(w,
              &(pz__claim){.slot = PZ__SLOT_REJECT,
                           .part = {part.data, part.len},
                           .value = is_cleared ? pz_value_null() : pz_value_str(value),
                           .is_cleared = is_cleared},
              at);
    pz__buf_clear(&part);
}

void world_choose(world *w, const char *value, int64_t at)
{
    world_put(w, &(pz__claim){.slot = PZ__SLOT_CHOICE, .value = pz_value_str(value)}, at);
    int64_t expires = w->expires;
    w->expires = 0;
    put_reject(w, value, true, at);
    w->expires = expires;
}

void world_choose_account(world *w, const char *value, int64_t at)
{
    put_into(w, w->account, &(pz__claim){.slot = PZ__SLOT_CHOICE, .value = pz_value_str(value)},
             at);
}

void world_clear(world *w, int64_t at)
{
    world_put(w, &(pz__claim){.slot = PZ__SLOT_CHOICE, .is_cleared = true}, at);
    world_put(w, &(pz__claim){.slot = PZ__SLOT_REJECT, .is_cleared = true}, at);
}

void world_reject(world *w, const char *value, int64_t at)
{
    put_reject(w, value, false, at);
}

void world_mode(world *w, const char *mode, int64_t at)
{
    world_put(w, &(pz__claim){.slot = PZ__SLOT_MODE, .value = pz_value_str(mode)}, at);
}

void world_declare(world *w, const char *value, int64_t at)
{
    world_put(w,
              &(pz__claim){.slot = PZ__SLOT_DECLARED,
                           .value = text_or_null(value),
                           .is_cleared = value == NULL},
              at);
}

void world_infer(world *w, const char *value, double confidence, int64_t at)
{
    world_put(w,
              &(pz__claim){.slot = PZ__SLOT_INFERRED,
                           .part = pz_str_of(w->channel),
                           .value = text_or_null(value),
                           .is_cleared = value == NULL,
                           .confidence = confidence},
              at);
}

void world_observe(world *w, pz_str name, pz_value value, int64_t weight, uint8_t width,
                   uint8_t side, int64_t at)
{
    char id[32];
    snprintf(id, sizeof id, "event-%llu", (unsigned long long)w->event_count++);
    const pz__contribution one = {.attribute = name,
                                  .channel = pz_str_of(w->channel),
                                  .value = value,
                                  .weight = weight,
                                  .width = width,
                                  .side = side};
    const pz__observation observation = {.source = PZ__STR("shop"),
                                         .id = pz_str_of(id),
                                         .time_ms = at,
                                         .horizon_ms = INT64_C(4000) * 24 * HOUR,
                                         .contributions = &one,
                                         .contribution_count = 1};
    const pz__write write = write_at(w, at);
    pz_error err = PZ_ERROR_INIT;
    bool is_new;
    if (pz__profile_observe(w->person, &write, &observation, &is_new, &err) != PZ_OK)
        fail_msg("observe: %s", err.message);
    assert_true(is_new);
}

void world_sight(world *w, const char *value, int times, int64_t at)
{
    for (int i = 0; i < times; i++)
        world_observe(w, w->attribute.name, pz_value_str(value), 1024, w->attribute.width, PZ__FOR,
                      at + i * 60000);
}

void world_sight_against(world *w, const char *value, int times, int64_t at)
{
    for (int i = 0; i < times; i++)
        world_observe(w, w->attribute.name, pz_value_str(value), 1024, w->attribute.width,
                      PZ__AGAINST, at + i * 60000);
}

/* ---- asking ---- */

pz__view world_view(world *w)
{
    assert_int_equal(pz__profile_seal(w->person), PZ_OK);
    assert_int_equal(pz__profile_seal(w->account), PZ_OK);
    w->seen[0] = w->person;
    w->seen[1] = w->account;
    return (pz__view){.catalog = &w->catalog,
                      .person = {&w->seen[0], 1},
                      .accounts = {&w->seen[1], 1},
                      .now_ms = w->now,
                      .arena = &w->arena};
}

pz__resolution world_ask(world *w)
{
    pz__arena_reset(&w->arena);
    const pz__view view = world_view(w);
    pz__resolution out;
    assert_int_equal(pz__resolve(&view, &w->attribute, NULL, &out), PZ_OK);
    return out;
}

const char *world_answer(world *w)
{
    const pz__resolution r = world_ask(w);
    pz_str text = pz_value_text(r.value);
    snprintf(w->text, sizeof w->text, "%.*s %s %s", text.data ? (int)text.len : 1,
             text.data ? text.data : "-", pz__tier_name(r.tier), pz__reason_name(r.reason));
    return w->text;
}

const char *world_layers(world *w)
{
    pz__arena_reset(&w->arena);
    const pz__view view = world_view(w);
    const pz__layer *layers;
    uint32_t count;
    assert_int_equal(pz__inspect(&view, &w->attribute, NULL, &layers, &count), PZ_OK);
    size_t len = 0;
    w->text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        pz_str text = pz_value_text(layers[i].answer.value);
        len += (size_t)snprintf(w->text + len, sizeof w->text - len, "%s%s %.*s %s", i ? ", " : "",
                                pz__tier_name(layers[i].answer.tier), PZ__STR_ARG(text),
                                pz__fate_name(layers[i].fate));
        assert_true(len < sizeof w->text);
    }
    return w->text;
}
