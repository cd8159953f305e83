/*
 * scene.c: compiles a catalog, writes registers as the verbs do, and asks.
 */
#include "resolve/scene.h"

#include <stdio.h>
#include <stdlib.h>

/* The text with " for '. */
static pz_str with_quotes(scene *s, const char *text)
{
    const size_t len = strlen(text);
    char *copy = pz__arena_text(&s->kept, text, len);
    assert_non_null(copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = copy[i] == '\'' ? '"' : copy[i];
    return (pz_str){copy, len};
}

static void compile(scene *s, const char *attributes)
{
    const size_t size = strlen(attributes) + 64;
    char *whole = malloc(size);
    assert_non_null(whole);
    const bool is_whole = strncmp(attributes, "{'attributes'", 13) == 0;
    snprintf(whole, size, is_whole ? "%s" : "{'attributes': %s}", attributes);
    pz_error err = PZ_ERROR_INIT;
    pz_report *report = NULL;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    if (pz__catalog_compile(&s->catalog, NULL, PZ__STR("scene"), with_quotes(s, whole), report,
                            &err) != PZ_OK)
        fail_msg("the catalog of a scene: %s", err.message);
    pz_report_free(report);
    free(whole);
    s->attribute = &s->catalog->attributes[0];
}

void scene_open(scene *s, const char *attributes)
{
    *s = (scene){.now = DAY(20) + 3 * HOUR, .writer = "w1", .channel = "web", .confidence = 0.9};
    pz__arena_init(&s->arena, NULL, 0);
    pz__arena_init(&s->kept, NULL, 0);
    compile(s, attributes);
    assert_int_equal(pz__profile_new(&s->person, NULL, PZ__PERSON, PZ__STR("me"), NULL), PZ_OK);
    for (uint32_t i = 0; i < SCENE_ACCOUNTS; i++)
        assert_int_equal(pz__profile_new(&s->accounts[i], NULL, PZ__ACCOUNT,
                                         i == 0 ? PZ__STR("team") : PZ__STR("firm"), NULL),
                         PZ_OK);
    s->into = s->person;
}

void scene_close(scene *s)
{
    pz__profile_free(s->person);
    for (uint32_t i = 0; i < SCENE_ACCOUNTS; i++)
        pz__profile_free(s->accounts[i]);
    pz__catalog_unref(s->catalog);
    pz__arena_clear(&s->kept);
    pz__arena_clear(&s->arena);
}

pz_value scene_value(scene *s, const char *json)
{
    const pz_str text = with_quotes(s, json);
    pz_value value;
    pz_error err = PZ_ERROR_INIT;
    if (pz__json_read(&s->kept, &value, text.data, text.len, 0, &err) != PZ_OK)
        fail_msg("%s: %s", json, err.message);
    return value;
}

static pz__write write_at(const scene *s, int64_t at)
{
    return (pz__write){.writer = pz_str_of(s->writer),
                       .channel = pz_str_of(s->channel),
                       .at_ms = at,
                       .now_ms = s->write_now ? s->write_now : at,
                       .expires_ms = s->expires,
                       .skew_ms = PZ__SKEW_DEFAULT_MS};
}

void scene_say(scene *s, pz__claim_slot slot, const char *key, const char *value, int64_t at)
{
    const bool is_inferred = slot == PZ__SLOT_INFERRED;
    const pz__write write = write_at(s, at);
    const double confidence = is_inferred ? s->confidence : 0.0;
    pz__claim claim = {.slot = (uint8_t)slot,
                       .attribute = s->attribute->name,
                       .is_cleared = value == NULL,
                       .confidence = value ? confidence : 0.0};
    if (value)
        claim.value = scene_value(s, value);
    const pz_value about = key ? scene_value(s, key) : pz_value_null();
    assert_int_equal(
        pz__part_make(s->attribute, slot, about, &write, confidence, &s->kept, &claim.part), PZ_OK);
    pz_error err = PZ_ERROR_INIT;
    if (pz__profile_put(s->into, &write, &claim, &err) != PZ_OK)
        fail_msg("put: %s", err.message);
}

static void sight_once(scene *s, pz_value value, bool is_against, int64_t at)
{
    char id[32];
    snprintf(id, sizeof id, "event-%llu", (unsigned long long)s->event_count++);
    const pz__contribution one = {.attribute = s->attribute->name,
                                  .channel = pz_str_of(s->channel),
                                  .value = value,
                                  .weight = 1024,
                                  .width = s->attribute->width,
                                  .side = is_against ? PZ__AGAINST : PZ__FOR};
    const pz__observation observation = {.source = PZ__STR("shop"),
                                         .id = pz_str_of(id),
                                         .time_ms = at,
                                         .horizon_ms = INT64_C(4000) * 24 * HOUR,
                                         .contributions = &one,
                                         .contribution_count = 1};
    const pz__write write = write_at(s, at);
    pz_error err = PZ_ERROR_INIT;
    bool is_new;
    if (pz__profile_observe(s->into, &write, &observation, &is_new, &err) != PZ_OK)
        fail_msg("observe: %s", err.message);
}

void scene_sight(scene *s, const char *value, int times, int64_t at)
{
    const pz_value seen = scene_value(s, value);
    for (int i = 0; i < abs(times); i++)
        sight_once(s, seen, times < 0, at + i * 60000);
}

/* ---- asking ---- */

pz__view scene_view(scene *s)
{
    assert_int_equal(pz__profile_seal(s->person), PZ_OK);
    s->seen[0] = s->person;
    for (uint32_t i = 0; i < SCENE_ACCOUNTS; i++) {
        assert_int_equal(pz__profile_seal(s->accounts[i]), PZ_OK);
        s->seen[1 + i] = s->accounts[i];
    }
    return (pz__view){.catalog = s->catalog,
                      .person = {&s->seen[0], 1},
                      .accounts = {&s->seen[1], SCENE_ACCOUNTS},
                      .now_ms = s->now,
                      .channel = pz_str_of(s->channel),
                      .masked = s->masked,
                      .arena = &s->arena};
}

/* Append JSON with ' for ". */
static void put_json(pz__buf *out, pz_value value)
{
    const size_t from = out->len;
    assert_int_equal(pz__json_write(out, value, 0), PZ_OK);
    for (size_t i = from; i < out->len; i++)
        out->data[i] = out->data[i] == '"' ? '\'' : out->data[i];
}

static const char *take_text(scene *s, pz__buf *out)
{
    assert_true(out->status == PZ_OK && out->len < sizeof s->text);
    if (out->len > 0)
        memcpy(s->text, out->data, out->len);
    s->text[out->len] = '\0';
    pz__buf_clear(out);
    return s->text;
}

static void put_confidence(pz__buf *out, const pz__resolution *r)
{
    char text[32];
    snprintf(text, sizeof text, " %.2f", r->confidence / 65536.0);
    if (r->has_confidence)
        pz__buf_text(out, text);
}

const char *scene_answer(scene *s)
{
    pz__arena_reset(&s->arena);
    const pz__view view = scene_view(s);
    pz__resolution r;
    assert_int_equal(pz__resolve(&view, s->attribute, &s->force, &r), PZ_OK);
    pz__buf out;
    pz__buf_init(&out, NULL, sizeof s->text);
    if (r.tier == PZ__TIER_NONE)
        pz__buf_text(&out, "-");
    else
        put_json(&out, r.value);
    pz__buf_format(&out, " %s %s", pz__tier_name(r.tier), pz__reason_name(r.reason));
    put_confidence(&out, &r);
    for (uint32_t i = 0; i < r.member_count; i++) {
        const pz_str key = pz_value_text(r.members[i].key);
        pz__buf_format(&out, " %.*s:%s", PZ__STR_ARG(key), pz__tier_name(r.members[i].tier));
    }
    return take_text(s, &out);
}

const char *scene_layers(scene *s, bool is_privileged)
{
    pz__arena_reset(&s->arena);
    const pz__view view = scene_view(s);
    const pz__layer *layers;
    uint32_t count;
    pz_status status = is_privileged
                           ? pz__inspect_privileged(&view, s->attribute, &s->force, &layers, &count)
                           : pz__inspect(&view, s->attribute, &s->force, &layers, &count);
    assert_int_equal(status, PZ_OK);
    pz__buf out;
    pz__buf_init(&out, NULL, sizeof s->text);
    for (uint32_t i = 0; i < count; i++) {
        const pz_str key = pz_value_text(layers[i].key);
        pz__buf_format(&out, "%s%.*s%s", i ? ", " : "", PZ__STR_ARG(key), key.len ? " " : "");
        pz__buf_format(&out, "%s %s", pz__tier_name(layers[i].answer.tier),
                       layers[i].is_removal ? "not " : "");
        put_json(&out, layers[i].answer.value);
        pz__buf_format(&out, " %s", pz__fate_name(layers[i].fate));
    }
    return take_text(s, &out);
}
