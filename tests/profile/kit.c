/*
 * kit.c: short words for the tests of the profile room.
 */
#include "profile/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

pz__profile *kit_new(const pz_alloc *alloc)
{
    pz__profile *p = NULL;
    if (pz__profile_new(&p, alloc, PZ__PERSON, PZ__STR("ann"), NULL) != PZ_OK)
        return NULL;
    return p;
}

pz__write kit_write(const char *writer, int64_t at_ms)
{
    return (pz__write){.writer = {writer, strlen(writer)},
                       .channel = PZ__STR("web"),
                       .who = PZ__STR("agent-7"),
                       .at_ms = at_ms,
                       .now_ms = at_ms,
                       .skew_ms = PZ__SKEW_DEFAULT_MS};
}

pz_status kit_put(pz__profile *p, const char *writer, pz__claim_slot slot, const char *attribute,
                  const char *value, int64_t at_ms, int64_t now_ms)
{
    pz__write write = kit_write(writer, at_ms);
    write.now_ms = now_ms;
    pz__claim claim = {.attribute = {attribute, strlen(attribute)},
                       .slot = (uint8_t)slot,
                       .value = pz_value_str(value),
                       .is_cleared = value == NULL};
    return pz__profile_put(p, &write, &claim, NULL);
}

pz_status kit_observe(pz__profile *p, const char *writer, const char *id, const char *value,
                      int64_t weight, int64_t time_ms, int64_t now_ms, int64_t horizon_ms,
                      bool *is_new)
{
    bool ignored;
    pz__write write = kit_write(writer, time_ms);
    write.now_ms = now_ms;
    pz__contribution c = {.attribute = PZ__STR("category"),
                          .channel = PZ__STR("web"),
                          .value = pz_value_str(value),
                          .weight = weight,
                          .width = 16};
    pz__observation o = {.source = PZ__STR("shop"),
                         .id = {id, strlen(id)},
                         .time_ms = time_ms,
                         .horizon_ms = horizon_ms,
                         .contributions = &c,
                         .contribution_count = 1};
    return pz__profile_observe(p, &write, &o, is_new ? is_new : &ignored, NULL);
}

static pz_value random_value(gen *g, char *text)
{
    switch (gen_below(g, 4)) {
    case 0:
        return pz_value_int(gen_i64(g));
    case 1:
        return pz_value_double(gen_double(g));
    case 2:
        return pz_value_bool(gen_bool(g));
    default:
        return pz_value_strn(text, gen_text(g, text, 6));
    }
}

static pz_status random_put(gen *g, pz__profile *p, const char *writer, int64_t now_ms)
{
    static const char *const names[] = {"language", "colour", "category", "", "zone"};
    static const char *const words[] = {"", "web", "app", "\xc3\xa9t\xc3\xa9"};
    char text[32], part[32];
    pz__write write = kit_write(writer, now_ms - gen_range(g, 0, 5) * 1000);
    write.now_ms = now_ms;
    write.channel = pz_str_of(GEN_CHOICE(g, words));
    write.who = pz_str_of(GEN_CHOICE(g, words));
    write.expires_ms = gen_chance(g, 1, 4) ? now_ms + KIT_DAY : 0;
    pz__claim claim = {.attribute = pz_str_of(GEN_CHOICE(g, names)),
                       .slot = (uint8_t)gen_range(g, 1, 10),
                       .value = random_value(g, text),
                       .is_cleared = gen_chance(g, 1, 6)};
    if (gen_chance(g, 1, 3))
        claim.part = (pz_str){part, gen_name(g, part, 2)};
    if (claim.slot == PZ__SLOT_INFERRED && !claim.is_cleared)
        claim.confidence =
            gen_chance(g, 1, 2) ? gen_unit(g) : (double)gen_range(g, 0, 65536) / 65536.0;
    return pz__profile_put(p, &write, &claim, NULL);
}

static pz_status random_event(gen *g, pz__profile *p, const char *writer, int64_t now_ms)
{
    char id[8], text[3][32];
    static const pz_str counters[] = {{"count(a)", 8}, {"sum(b)", 6}};
    pz__contribution list[3] = {{.weight = 1}};
    uint32_t count = (uint32_t)gen_below(g, 4);
    for (uint32_t i = 0; i < count; i++)
        list[i] = (pz__contribution){.attribute = pz_str_of(gen_bool(g) ? "category" : "zone"),
                                     .channel = pz_str_of(gen_bool(g) ? "web" : ""),
                                     .value = random_value(g, text[i]),
                                     .weight = gen_range(g, 1, 5000) * (gen_bool(g) ? 1 : -1),
                                     .width = (uint8_t)gen_range(g, 10, 16),
                                     .side = gen_bool(g)};
    snprintf(id, sizeof id, "e%u", (unsigned)gen_below(g, 40));
    pz__write write = kit_write(writer, now_ms);
    pz__observation o = {.source = PZ__STR("s"),
                         .id = pz_str_of(id),
                         .time_ms = now_ms - gen_range(g, 0, 3) * KIT_DAY,
                         .horizon_ms = 2 * KIT_DAY,
                         .contributions = list,
                         .contribution_count = count,
                         .counters = counters,
                         .counter_count = (uint32_t)gen_below(g, 3)};
    bool is_new;
    return pz__profile_observe(p, &write, &o, &is_new, NULL);
}

static pz_status random_grant(gen *g, pz__profile *p, const char *writer, int64_t now_ms)
{
    static const char *const names[] = {"ads", "service", "\xc3\xa9tude"};
    const pz__grant_kind kind = gen_bool(g) ? PZ__GRANT_PURPOSE : PZ__GRANT_LINK;
    pz__write write = kit_write(writer, now_ms);
    write.expires_ms = gen_chance(g, 1, 4) ? now_ms + KIT_DAY : 0;
    const pz_str name = pz_str_of(GEN_CHOICE(g, names));
    if (gen_bool(g))
        return pz__profile_deny(p, &write, kind, name, NULL);
    const uint32_t strength = kind == PZ__GRANT_LINK ? (uint32_t)gen_range(g, 1, 65536) : 0;
    return pz__profile_grant(p, &write, kind, name, strength, NULL);
}

pz_status kit_random_forget(gen *g, pz__profile *p, const char *writer)
{
    const int64_t now_ms = KIT_NOW + gen_range(g, -2000, 2000);
    static const char *const names[] = {"language", "category", "zone", "*"};
    pz__write write = kit_write(writer, now_ms);
    pz__forgetting f = {.attribute = pz_str_of(GEN_CHOICE(g, names)),
                        .from_ms = INT64_MIN,
                        .to_ms = INT64_MAX,
                        .what = (pz__forget_what)gen_range(g, 1, 3)};
    if (gen_bool(g))
        f.from_ms = now_ms - gen_range(g, 1, 4) * KIT_DAY;
    if (gen_bool(g))
        f.to_ms = now_ms - gen_range(g, -1, 0) * KIT_DAY;
    return pz__profile_forget(p, &write, &f, NULL);
}

static pz_status random_retract(gen *g, pz__profile *p, const char *writer, int64_t now_ms)
{
    char id[8];
    uint32_t count;
    snprintf(id, sizeof id, "e%u", (unsigned)gen_below(g, 40));
    pz__write write = kit_write(writer, now_ms);
    pz__retraction r = {.source = PZ__STR("s"),
                        .id = pz_str_of(gen_chance(g, 1, 4) ? "" : id),
                        .attribute = pz_str_of(gen_bool(g) ? "zone" : ""),
                        .from_ms = now_ms - 2 * KIT_DAY,
                        .to_ms = now_ms};
    return pz__profile_retract(p, &write, &r, &count, NULL);
}

static pz_status random_verb(gen *g, pz__profile *p, const char *writer, int64_t now_ms)
{
    pz__write write = kit_write(writer, now_ms);
    if (gen_bool(g))
        return pz__profile_undo(p, &write, pz_str_of(gen_bool(g) ? "zone" : ""), NULL);
    pz_status status = PZ_OK;
    pz__profile_note_begin(p, PZ__STR("choose"));
    for (uint64_t i = gen_below(g, 3); i > 0 && status == PZ_OK; i--)
        status = random_put(g, p, writer, now_ms);
    pz__profile_note_end(p);
    return status;
}

pz_status kit_random_write(gen *g, pz__profile *p, const char *writer)
{
    int64_t now_ms = KIT_NOW + gen_range(g, -2000, 2000);
    if (gen_chance(g, 2, 5))
        return random_put(g, p, writer, now_ms);
    if (gen_chance(g, 2, 3))
        return random_event(g, p, writer, now_ms);
    switch (gen_below(g, 4)) {
    case 0:
        return random_grant(g, p, writer, now_ms);
    case 1:
        return kit_random_forget(g, p, writer);
    case 2:
        return random_retract(g, p, writer, now_ms);
    default:
        return random_verb(g, p, writer, now_ms);
    }
}

pz__buf kit_bytes(const pz__profile *p)
{
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, PZ__PROFILE_BYTES_MAX);
    assert_int_equal(pz__profile_encode(p, &bytes), PZ_OK);
    return bytes;
}

bool kit_same(const pz__profile *a, const pz__profile *b)
{
    pz__buf x = kit_bytes(a), y = kit_bytes(b);
    bool is_same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    pz__buf_clear(&x);
    pz__buf_clear(&y);
    return is_same;
}

pz__profile *kit_copy(const pz__profile *p)
{
    pz__profile *copy = NULL;
    assert_int_equal(pz__profile_copy(&copy, p), PZ_OK);
    return copy;
}

void kit_assert_same(const pz__profile *a, const pz__profile *b)
{
    assert_true(kit_same(a, b));
}

void kit_check(const pz__profile *p)
{
    pz__buf bytes = kit_bytes(p);
    pz__profile *again = NULL;
    pz_error err = PZ_ERROR_INIT;
    if (pz__profile_decode(&again, NULL, bytes.data, bytes.len, &err) != PZ_OK)
        fail_msg("own bytes are refused: %s", err.message);
    kit_assert_same(p, again);
    assert_int_equal(pz__profile_seal(again), PZ_OK);
    uint32_t claims = 0, cells = 0;
    for (uint32_t i = 0; i < pz__profile_segment_count(again); i++) {
        claims += pz__profile_segment(again, i).claim_count;
        cells += pz__profile_segment(again, i).cell_count;
    }
    /* What was forgotten or taken back may still lie in segments of others. */
    assert_in_range(pz__profile_all_claims(again).count, 0, claims);
    assert_in_range(pz__profile_all_cells(again).count, 0, cells);
    pz__profile_free(again);
    pz__buf_clear(&bytes);
}
