/*
 * test_erase.c: what is forgotten and what is taken back, and that neither returns.
 */
#include "profile/kit.h"
#include "profile/state.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HORIZON (30 * KIT_DAY)

static pz_status forget_span(pz__profile *p, const char *writer, const char *attribute,
                             int64_t from_ms, int64_t to_ms, pz__forget_what what, int64_t now_ms)
{
    const pz__write write = kit_write(writer, now_ms);
    const pz__forgetting f = {pz_str_of(attribute), from_ms, to_ms, what};
    return pz__profile_forget(p, &write, &f, NULL);
}

static pz_status forget(pz__profile *p, const char *writer, const char *attribute,
                        pz__forget_what what, int64_t now_ms)
{
    return forget_span(p, writer, attribute, INT64_MIN, INT64_MAX, what, now_ms);
}

static pz_status retract(pz__profile *p, const char *writer, const char *id, uint32_t *count)
{
    uint32_t ignored;
    const pz__write write = kit_write(writer, KIT_NOW);
    const pz__retraction r = {.source = PZ__STR("shop"), .id = pz_str_of(id)};
    return pz__profile_retract(p, &write, &r, count ? count : &ignored, NULL);
}

static void observe(pz__profile *p, const char *writer, const char *id, const char *value,
                    int64_t weight, int64_t time_ms)
{
    bool is_new;
    assert_int_equal(kit_observe(p, writer, id, value, weight, time_ms, KIT_NOW, HORIZON, &is_new),
                     PZ_OK);
    assert_true(is_new);
}

static uint32_t claims_of(pz__profile *p, const char *attribute)
{
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    return pz__profile_claims(p, pz_str_of(attribute)).count;
}

static int64_t weight_of(pz__profile *p, const char *attribute)
{
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    const pz__cells cells = pz__profile_cells(p, pz_str_of(attribute));
    int64_t sum = 0;
    for (uint32_t i = 0; i < cells.count; i++)
        sum += cells.list[i].weight;
    return sum;
}

static bool bytes_hold(const pz__profile *p, const char *text)
{
    pz__buf bytes = kit_bytes(p);
    const bool holds = memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;
    pz__buf_clear(&bytes);
    return holds;
}

static void join(pz__profile *p, const pz__profile *other)
{
    assert_int_equal(pz__profile_join(p, other, NULL), PZ_OK);
}

/* ---- forgetting ---- */

static void each_kind_of_forgetting_takes_its_own(void **state)
{
    (void)state;
    static const struct {
        pz__forget_what what;
        uint32_t claims; /* of choice, rejection, mode, fact and inference */
    } cases[] = {{PZ__FORGET_GATHERED, 4}, {PZ__FORGET_FACTS, 3}, {PZ__FORGET_ALL, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pz__profile *p = kit_new(NULL);
        static const pz__claim_slot slots[] = {PZ__SLOT_CHOICE, PZ__SLOT_REJECT, PZ__SLOT_MODE,
                                               PZ__SLOT_DECLARED, PZ__SLOT_INFERRED};
        for (size_t s = 0; s < 5; s++)
            kit_put(p, "a", slots[s], "category", "v", KIT_NOW, KIT_NOW);
        kit_put(p, "a", PZ__SLOT_CHOICE, "other", "v", KIT_NOW, KIT_NOW);
        observe(p, "a", "e1", "tools", 5, KIT_NOW);
        assert_int_equal(claims_of(p, "category"), 5);
        assert_int_equal(forget(p, "a", "category", cases[i].what, KIT_NOW), PZ_OK);
        assert_int_equal(claims_of(p, "category"), cases[i].claims);
        assert_int_equal(claims_of(p, "other"), 1);
        assert_int_equal(weight_of(p, "category"), 0);
        observe(p, "a", "e2", "tools", 7, KIT_NOW);
        assert_int_equal(weight_of(p, "category"), 7);
        kit_check(p);
        pz__profile_free(p);
    }
}

static void forgotten_data_is_gone_from_the_bytes(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__profile_note_begin(p, PZ__STR("choose"));
    kit_put(p, "a", PZ__SLOT_CHOICE, "category", "secret-one", KIT_NOW, KIT_NOW);
    pz__profile_note_end(p);
    pz__profile_note_begin(p, PZ__STR("choose"));
    kit_put(p, "a", PZ__SLOT_CHOICE, "category", "secret-two", KIT_NOW, KIT_NOW);
    pz__profile_note_end(p);
    observe(p, "a", "e1", "secret-three", 5, KIT_NOW);
    pz__profile *other = kit_copy(p);
    kit_put(other, "b", PZ__SLOT_DECLARED, "category", "secret-four", KIT_NOW, KIT_NOW);
    observe(other, "b", "e2", "secret-five", 5, KIT_NOW);
    join(p, other);
    assert_true(bytes_hold(p, "secret-one"));
    assert_int_equal(forget(p, "a", "*", PZ__FORGET_ALL, KIT_NOW), PZ_OK);
    assert_false(bytes_hold(p, "secret-one") || bytes_hold(p, "secret-two") ||
                 bytes_hold(p, "secret-three"));
    assert_int_equal(claims_of(p, "category"), 0);
    assert_int_equal(weight_of(p, "category"), 0);
    assert_true(bytes_hold(p, "secret-four"));
    kit_put(p, "b", PZ__SLOT_CHOICE, "other", "v", KIT_NOW, KIT_NOW);
    assert_false(bytes_hold(p, "secret-"));
    join(p, other);
    assert_false(bytes_hold(p, "secret-"));
    kit_check(p);
    pz__profile_free(p);
    pz__profile_free(other);
}

static void forgetting_beats_what_was_gathered_elsewhere_at_the_same_time(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL);
    observe(a, "a", "e1", "tools", 5, KIT_NOW);
    pz__profile *b = kit_copy(a);
    assert_int_equal(forget(a, "a", "category", PZ__FORGET_ALL, KIT_NOW), PZ_OK);
    observe(b, "b", "e2", "tools", 7, KIT_NOW);
    kit_put(b, "b", PZ__SLOT_INFERRED, "category", "tools", KIT_NOW, KIT_NOW + KIT_DAY);
    kit_put(b, "b", PZ__SLOT_CHOICE, "category", "roses", KIT_NOW, KIT_NOW + KIT_DAY);
    join(a, b);
    assert_int_equal(weight_of(a, "category"), 0);
    /* The choice came after the forgetting by every clock: it stays, the inference does not. */
    assert_int_equal(claims_of(a, "category"), 1);
    observe(a, "b", "e3", "tools", 9, KIT_NOW);
    assert_int_equal(weight_of(a, "category"), 9);
    kit_check(a);
    pz__profile_free(a);
    pz__profile_free(b);
}

static void a_span_takes_every_bucket_it_touches(void **state)
{
    (void)state;
    const int64_t span = INT64_C(65536) * 1000, start = KIT_NOW / span * span;
    pz__profile *p = kit_new(NULL);
    observe(p, "a", "e1", "one", 1, start - span);
    observe(p, "a", "e2", "two", 2, start);
    observe(p, "a", "e3", "three", 4, start - 2 * span);
    assert_int_equal(forget_span(p, "a", "category", start - 1, start, PZ__FORGET_ALL, KIT_NOW),
                     PZ_OK);
    assert_int_equal(weight_of(p, "category"), 6);
    assert_int_equal(
        forget_span(p, "a", "category", start - span - 1, start - span, PZ__FORGET_ALL, KIT_NOW),
        PZ_OK);
    assert_int_equal(weight_of(p, "category"), 2);
    observe(p, "a", "e4", "four", 8, start - span);
    assert_int_equal(weight_of(p, "category"), 10);
    kit_check(p);
    pz__profile_free(p);
}

static void a_span_spares_what_was_emptied(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    kit_put(p, "a", PZ__SLOT_CHOICE, "x", "old", KIT_NOW - KIT_DAY, KIT_NOW - KIT_DAY);
    kit_put(p, "b", PZ__SLOT_CHOICE, "x", NULL, KIT_NOW, KIT_NOW);
    assert_int_equal(
        forget_span(p, "c", "x", KIT_NOW - 1, KIT_NOW + 1, PZ__FORGET_ALL, KIT_NOW + 1), PZ_OK);
    assert_int_equal(claims_of(p, "x"), 2);
    assert_true(pz__profile_claims(p, PZ__STR("x")).list[0].is_cleared);
    assert_int_equal(forget(p, "c", "x", PZ__FORGET_ALL, KIT_NOW + 2), PZ_OK);
    assert_int_equal(claims_of(p, "x"), 0);
    pz__profile_free(p);
}

static void counters_are_forgotten_only_with_everything(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    const pz__write write = kit_write("a", KIT_NOW);
    const pz__contribution c = {.attribute = PZ__STR("count(buy)"), .weight = 1, .width = 10};
    const pz__observation o = {.id = PZ__STR("e"),
                               .time_ms = KIT_NOW,
                               .horizon_ms = HORIZON,
                               .contributions = &c,
                               .contribution_count = 1};
    bool is_new;
    assert_int_equal(pz__profile_observe(p, &write, &o, &is_new, NULL), PZ_OK);
    assert_int_equal(forget(p, "a", "count(buy)", PZ__FORGET_ALL, KIT_NOW), PZ_OK);
    assert_int_equal(weight_of(p, "count(buy)"), 1);
    assert_int_equal(forget(p, "a", "*", PZ__FORGET_GATHERED, KIT_NOW), PZ_OK);
    assert_int_equal(weight_of(p, "count(buy)"), 0);
    pz__profile_free(p);
}

static void what_a_forgetting_covers_is_not_said_twice(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(forget_span(p, "a", i % 2 ? "x" : "y", KIT_NOW + i, KIT_NOW + i + 5,
                                     PZ__FORGET_ALL, KIT_NOW),
                         PZ_OK);
    assert_int_equal(p->segments[0]->forgetting_count, 10);
    assert_int_equal(forget(p, "a", "x", PZ__FORGET_GATHERED, KIT_NOW), PZ_OK);
    assert_int_equal(p->segments[0]->forgetting_count, 11);
    assert_int_equal(forget(p, "a", "x", PZ__FORGET_ALL, KIT_NOW), PZ_OK);
    assert_int_equal(p->segments[0]->forgetting_count, 6);
    assert_int_equal(forget(p, "a", "*", PZ__FORGET_ALL, KIT_NOW), PZ_OK);
    assert_int_equal(p->segments[0]->forgetting_count, 1);
    assert_int_equal(p->segments[0]->forgettings[0].counter, 13);
    kit_check(p);
    pz__profile_free(p);
}

static void a_segment_holds_so_many_forgettings_and_no_more(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    for (unsigned i = 0; i < PZ__SEGMENT_FORGETTINGS_MAX; i++)
        assert_int_equal(
            forget_span(p, "a", "x", KIT_NOW + i, KIT_NOW + i + 1, PZ__FORGET_ALL, KIT_NOW), PZ_OK);
    pz__profile *before = kit_copy(p);
    assert_int_equal(forget_span(p, "a", "x", KIT_NOW - 1, KIT_NOW, PZ__FORGET_ALL, KIT_NOW),
                     PZ_ERR_LIMIT);
    kit_assert_same(p, before);
    assert_int_equal(forget_span(p, "a", "x", KIT_NOW - 1, KIT_NOW + 2, PZ__FORGET_ALL, KIT_NOW),
                     PZ_OK);
    kit_check(p);
    pz__profile_free(p);
    pz__profile_free(before);
}

static void malformed_forgettings_are_refused(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    assert_int_equal(forget(p, "a", "", PZ__FORGET_ALL, KIT_NOW), PZ_ERR_ARG);
    assert_int_equal(forget(p, "a", "\xff", PZ__FORGET_ALL, KIT_NOW), PZ_ERR_ARG);
    assert_int_equal(forget(p, "a", "x", (pz__forget_what)0, KIT_NOW), PZ_ERR_ARG);
    assert_int_equal(forget(p, "a", "x", (pz__forget_what)4, KIT_NOW), PZ_ERR_ARG);
    assert_int_equal(forget_span(p, "a", "x", 5, 5, PZ__FORGET_ALL, KIT_NOW), PZ_ERR_ARG);
    assert_int_equal(forget_span(p, "a", "x", INT64_MIN + 1, 5, PZ__FORGET_ALL, KIT_NOW),
                     PZ_ERR_TIME);
    assert_int_equal(pz__profile_segment_count(p), 0);
    pz__profile_free(p);
}

/* Many forgettings are laid out instead of being looked at one by one: the same answers. */
static void many_forgettings_answer_as_few(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "*", "d"};
    static const pz__claim_slot slots[] = {PZ__SLOT_CHOICE, PZ__SLOT_DECLARED, PZ__SLOT_INFERRED};
    GEN_CASES(g, gen_cases_full(60, 3000))
    {
        pz__profile *p = kit_new(NULL);
        for (uint64_t i = gen_below(&g, 120); i > 0; i--) {
            const int64_t from = gen_chance(&g, 1, 5) ? INT64_MIN : gen_range(&g, 0, 60) * 1000;
            const int64_t to = gen_chance(&g, 1, 5) ? INT64_MAX : gen_range(&g, 61, 90) * 1000;
            assert_int_equal(forget_span(p, gen_bool(&g) ? "u" : "v", GEN_CHOICE(&g, names), from,
                                         to, (pz__forget_what)gen_range(&g, 1, 3),
                                         KIT_NOW + gen_range(&g, -50, 50)),
                             PZ_OK);
        }
        for (int i = 0; i < 200; i++) {
            const pz__claim claim = {.attribute = pz_str_of(GEN_CHOICE(&g, names)),
                                     .slot = (uint8_t)GEN_CHOICE(&g, slots),
                                     .at_ms = gen_range(&g, -1, 91) * 1000,
                                     .stamp = KIT_NOW + gen_range(&g, -60, 160),
                                     .is_cleared = gen_chance(&g, 1, 4)};
            const pz__cell cell = {.attribute = claim.attribute,
                                   .value = gen_bool(&g) ? pz_value_null() : pz_value_int(1),
                                   .bucket =
                                       gen_chance(&g, 1, 9) ? gen_i64(&g) : gen_range(&g, -1, 92),
                                   .width = (uint8_t)gen_below(&g, 7)};
            pz__cover_drop(p);
            const bool stands = pz__claim_stands(p, &claim);
            const pz__epoch by_one = pz__cell_epoch(p, &cell);
            pz__cover_make(p);
            const pz__epoch laid_out = pz__cell_epoch(p, &cell);
            assert_int_equal(pz__claim_stands(p, &claim), stands);
            assert_int_equal(laid_out.counter, by_one.counter);
            assert_true(pz__str_equal(laid_out.writer, by_one.writer));
        }
        pz__profile_free(p);
    }
}

/* As much as a hostile profile can hold. Looked at one by one this would take minutes. */
static void hostile_forgettings_cost_no_more_than_their_bytes(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    char writer[8];
    static pz__contribution many[1024];
    for (unsigned w = 0; w < 32; w++) {
        snprintf(writer, sizeof writer, "w%02u", w);
        kit_put(p, writer, PZ__SLOT_MODE, "z", "AUTO", KIT_NOW, KIT_NOW);
        pz__segment *s = p->segments[w];
        s->forgettings =
            pz__mem_zero(&s->alloc, PZ__SEGMENT_FORGETTINGS_MAX, sizeof *s->forgettings);
        s->forgetting_cap = s->forgetting_count = PZ__SEGMENT_FORGETTINGS_MAX;
        for (unsigned i = 0; i < PZ__SEGMENT_FORGETTINGS_MAX; i++)
            s->forgettings[i] = (pz__own_forgetting){.attribute = PZ__STR("*"),
                                                     .from_ms = (i * 32 + w) * 100,
                                                     .to_ms = (i * 32 + w) * 100 + 50,
                                                     .counter = i + 1,
                                                     .what = PZ__FORGET_ALL};
        pz__segment_measure(s);
        s->raw = (pz_str){NULL, 0};
    }
    p->erasures++;
    const pz__write write = kit_write("x", KIT_NOW);
    bool is_new;
    for (unsigned round = 0; round < 16; round++) {
        for (unsigned i = 0; i < 1024; i++)
            many[i] = (pz__contribution){.attribute = PZ__STR("x"),
                                         .value = pz_value_int(i),
                                         .weight = 1,
                                         .width = (uint8_t)(round % 16)};
        const char id[] = {(char)('a' + (char)round), 0};
        const pz__observation o = {.id = pz_str_of(id),
                                   .time_ms = KIT_NOW,
                                   .horizon_ms = HORIZON,
                                   .contributions = many,
                                   .contribution_count = 1024};
        assert_int_equal(pz__profile_observe(p, &write, &o, &is_new, NULL), PZ_OK);
    }
    for (int i = 0; i < 10; i++) {
        p->erasures++;
        pz__profile_changed(p, PZ__CHANGED_ALL);
        assert_int_equal(pz__profile_seal(p), PZ_OK);
    }
    assert_int_equal(pz__profile_cells(p, PZ__STR("x")).count, PZ__SEGMENT_CELLS_MAX);
    pz__profile_free(p);
}

/* ---- taking back ---- */

static void an_event_is_taken_back_exactly(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    observe(p, "a", "e1", "tools", 5, KIT_NOW);
    observe(p, "a", "gift", "tools", 1000, KIT_NOW);
    observe(p, "a", "e3", "tools", -3, KIT_NOW);
    uint32_t count;
    assert_int_equal(retract(p, "a", "gift", &count), PZ_OK);
    assert_int_equal(count, 1);
    assert_int_equal(weight_of(p, "category"), 2);
    assert_int_equal(p->segments[0]->cells[0].weight, 5);
    kit_check(p);
    bool is_new;
    assert_int_equal(kit_observe(p, "a", "gift", "tools", 1000, KIT_NOW, KIT_NOW, HORIZON, &is_new),
                     PZ_OK);
    assert_false(is_new);
    pz__profile *before = kit_copy(p);
    assert_int_equal(retract(p, "a", "gift", &count), PZ_OK);
    assert_int_equal(count, 0);
    assert_int_equal(retract(p, "a", "nope", &count), PZ_ERR_NOT_FOUND);
    kit_assert_same(p, before);
    pz__profile_free(p);
    pz__profile_free(before);
}

static void what_another_writer_holds_is_subtracted_when_read(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL);
    observe(a, "a", "e1", "tools", 5, KIT_NOW);
    observe(a, "a", "gift", "roses", 9, KIT_NOW);
    pz__profile *b = kit_copy(a), *c = kit_copy(a);
    assert_int_equal(retract(b, "b", "gift", NULL), PZ_OK);
    assert_int_equal(weight_of(b, "category"), 5);
    assert_int_equal(pz__profile_segment(b, 0).cell_count, 2);
    /* A third writer observed the same event, unaware. */
    observe(c, "c", "gift", "roses", 9, KIT_NOW);
    join(b, c);
    assert_int_equal(weight_of(b, "category"), 5);
    bool is_new;
    assert_int_equal(kit_observe(b, "d", "gift", "roses", 9, KIT_NOW, KIT_NOW, HORIZON, &is_new),
                     PZ_OK);
    assert_false(is_new);
    kit_put(b, "a", PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW);
    assert_int_equal(pz__profile_segment(b, 0).cell_count, 1);
    assert_int_equal(weight_of(b, "category"), 5);
    kit_check(b);
    pz__profile_free(a);
    pz__profile_free(b);
    pz__profile_free(c);
}

static void events_are_taken_back_by_attribute_and_time(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    observe(p, "a", "e1", "tools", 1, KIT_NOW - 2 * KIT_DAY);
    observe(p, "b", "e2", "tools", 2, KIT_NOW - KIT_DAY);
    observe(p, "a", "e3", "tools", 4, KIT_NOW);
    const pz__write write = kit_write("c", KIT_NOW);
    pz__retraction r = {
        .attribute = PZ__STR("category"), .from_ms = KIT_NOW - 2 * KIT_DAY, .to_ms = KIT_NOW};
    uint32_t count;
    r.attribute = PZ__STR("other");
    assert_int_equal(pz__profile_retract(p, &write, &r, &count, NULL), PZ_ERR_NOT_FOUND);
    r.attribute = PZ__STR("category");
    assert_int_equal(pz__profile_retract(p, &write, &r, &count, NULL), PZ_OK);
    assert_int_equal(count, 2);
    assert_int_equal(pz__profile_segment(p, 2).sequence, 1);
    assert_int_equal(weight_of(p, "category"), 4);
    assert_int_equal(pz__profile_retract(p, &write, &r, &count, NULL), PZ_ERR_NOT_FOUND);
    r.to_ms = r.from_ms;
    assert_int_equal(pz__profile_retract(p, &write, &r, &count, NULL), PZ_ERR_ARG);
    kit_check(p);
    pz__profile_free(p);
}

static void an_event_that_left_the_ring_is_not_guessed_at(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    char id[16];
    for (unsigned i = 0; i <= PZ__SEGMENT_RING_MAX; i++) {
        snprintf(id, sizeof id, "e%u", i);
        observe(p, "a", id, "tools", 1, KIT_NOW + i);
    }
    assert_int_equal(p->segments[0]->ring_count, PZ__SEGMENT_RING_MAX);
    assert_int_equal(retract(p, "a", "e0", NULL), PZ_ERR_NOT_FOUND);
    assert_int_equal(retract(p, "a", "e1", NULL), PZ_OK);
    assert_int_equal(weight_of(p, "category"), PZ__SEGMENT_RING_MAX);
    /* What was taken back keeps its place: no older event comes into the ring for it. */
    observe(p, "a", "late", "tools", 1, KIT_NOW - 1);
    assert_int_equal(retract(p, "a", "late", NULL), PZ_ERR_NOT_FOUND);
    kit_check(p);
    pz__profile_free(p);
}

static void what_was_evicted_is_not_taken_back(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    char value[16], id[16];
    observe(p, "a", "old", "v", 1, KIT_NOW - KIT_DAY);
    for (unsigned i = 0; i < PZ__ATTRIBUTE_VALUES_MAX; i++) {
        snprintf(value, sizeof value, "v%u", i);
        snprintf(id, sizeof id, "e%u", i);
        observe(p, "a", id, value, 1, KIT_NOW);
    }
    assert_int_equal(pz__profile_segment(p, 0).dropped, 1);
    assert_int_equal(pz__profile_segment(p, 0).cell_count, PZ__ATTRIBUTE_VALUES_MAX);
    assert_int_equal(weight_of(p, "category"), PZ__ATTRIBUTE_VALUES_MAX);
    kit_check(p);
    pz__profile_free(p);
}

static void a_segment_holds_so_many_retractions_and_no_more(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    char id[16];
    for (unsigned i = 0; i <= PZ__SEGMENT_RETRACTIONS_MAX; i++) {
        snprintf(id, sizeof id, "e%u", i);
        observe(p, "a", id, "tools", 1, KIT_NOW + i);
        assert_int_equal(retract(p, "a", id, NULL),
                         i < PZ__SEGMENT_RETRACTIONS_MAX ? PZ_OK : PZ_ERR_LIMIT);
    }
    assert_int_equal(weight_of(p, "category"), 1);
    /* With everything forgotten there is room again. */
    assert_int_equal(forget(p, "a", "*", PZ__FORGET_ALL, KIT_NOW), PZ_OK);
    observe(p, "a", "new", "tools", 1, KIT_NOW + 2000);
    assert_int_equal(retract(p, "a", "new", NULL), PZ_OK);
    kit_check(p);
    pz__profile_free(p);
}

/* ---- export ---- */

static void an_export_tells_everything_but_what_was_erased(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    const pz__write write = kit_write("a", KIT_NOW);
    observe(p, "a", "gift", "secret-gift", 1, KIT_NOW);
    observe(p, "a", "e1", "secret-event", 1, KIT_NOW);
    observe(p, "a", "e2", "secret-roses", 1, KIT_NOW - 3 * KIT_DAY);
    pz__profile_note_begin(p, PZ__STR("choose"));
    kit_put(p, "a", PZ__SLOT_CHOICE, "x", "secret-choice", KIT_NOW, KIT_NOW);
    pz__profile_note_end(p);
    pz__profile_note_begin(p, PZ__STR("choose"));
    kit_put(p, "a", PZ__SLOT_CHOICE, "y", "told", KIT_NOW, KIT_NOW);
    kit_put(p, "a", PZ__SLOT_CHOICE, "y", "told too", KIT_NOW, KIT_NOW);
    pz__profile_note_end(p);
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_PURPOSE, PZ__STR("ads"), 0, NULL),
                     PZ_OK);
    assert_int_equal(pz__profile_deny(p, &write, PZ__GRANT_LINK, PZ__STR("bob"), NULL), PZ_OK);
    /* Another writer erases: all of it still lies in the segment of the first. */
    assert_int_equal(retract(p, "b", "gift", NULL), PZ_OK);
    assert_int_equal(
        forget_span(p, "b", "category", KIT_NOW - KIT_DAY, KIT_NOW + 1, PZ__FORGET_ALL, KIT_NOW),
        PZ_OK);
    assert_int_equal(forget(p, "b", "x", PZ__FORGET_ALL, KIT_NOW), PZ_OK);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    pz__buf out;
    pz__buf_init(&out, NULL, SIZE_MAX);
    assert_int_equal(pz__profile_export(p, &out, 0), PZ_OK);
    pz__buf_byte(&out, 0);
    static const char *const told[] = {"secret-roses",
                                       "\"told too\"",
                                       "\"was_set\":false",
                                       "\"purpose\":\"ads\",\"granted\":true",
                                       "\"subject\":\"bob\",\"granted\":false,\"denied\":true",
                                       "\"retracted\":1",
                                       "\"verb\":\"choose\"",
                                       "\"inferred\":true"};
    static const char *const hidden[] = {"secret-gift", "secret-event", "secret-choice"};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (!strstr(out.data, told[i]))
            fail_msg("%s is not in %s", told[i], out.data);
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        assert_null(strstr(out.data, hidden[i]));
    pz__buf_clear(&out);
    pz__profile_free(p);
}

/* ---- memory ---- */

static pz_status erase_things(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__profile *p = kit_new(alloc), *copy = NULL;
    if (!p)
        return PZ_ERR_NOMEM;
    pz_status status = kit_observe(p, "a", "e1", "tools", 5, KIT_NOW, KIT_NOW, HORIZON, NULL);
    if (status == PZ_OK)
        status = kit_observe(p, "b", "e2", "tools", 5, KIT_NOW, KIT_NOW, HORIZON, NULL);
    if (status == PZ_OK)
        status = retract(p, "a", "e2", NULL);
    if (status == PZ_OK)
        status = pz__profile_copy(&copy, p);
    if (status == PZ_OK) {
        status = forget(p, "a", "category", PZ__FORGET_ALL, KIT_NOW);
        if (status != PZ_OK) {
            oom_calm(alloc->payload);
            kit_assert_same(p, copy);
        }
    }
    if (status == PZ_OK)
        status = kit_put(p, "b", PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW);
    if (status == PZ_OK)
        status = pz__profile_seal(p);
    pz__profile_free(copy);
    pz__profile_free(p);
    return status;
}

static void erasing_survives_exhaustion(void **state)
{
    (void)state;
    oom_run(erase_things, NULL);
}

/* So many forgettings that they are laid out, or looked at one by one where memory is short. */
static pz_status forget_much(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__profile *p = kit_new(alloc);
    if (!p)
        return PZ_ERR_NOMEM;
    pz_status status = PZ_OK;
    for (int i = 0; i < 34 && status == PZ_OK; i++)
        status = forget_span(p, "a", i % 2 ? "x" : "category", KIT_NOW - i * KIT_DAY - 1000,
                             KIT_NOW - i * KIT_DAY, PZ__FORGET_ALL, KIT_NOW);
    if (status == PZ_OK)
        status = kit_observe(p, "b", "e", "tools", 5, KIT_NOW, KIT_NOW, HORIZON, NULL);
    if (status == PZ_OK)
        status = pz__profile_seal(p);
    if (status == PZ_OK)
        assert_int_equal(weight_of(p, "category"), 5);
    pz__profile_free(p);
    return status;
}

static void forgetting_much_survives_exhaustion(void **state)
{
    (void)state;
    oom_run(forget_much, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_forgetting_takes_its_own),
        cmocka_unit_test(forgotten_data_is_gone_from_the_bytes),
        cmocka_unit_test(forgetting_beats_what_was_gathered_elsewhere_at_the_same_time),
        cmocka_unit_test(a_span_takes_every_bucket_it_touches),
        cmocka_unit_test(a_span_spares_what_was_emptied),
        cmocka_unit_test(counters_are_forgotten_only_with_everything),
        cmocka_unit_test(what_a_forgetting_covers_is_not_said_twice),
        cmocka_unit_test(a_segment_holds_so_many_forgettings_and_no_more),
        cmocka_unit_test(malformed_forgettings_are_refused),
        cmocka_unit_test(many_forgettings_answer_as_few),
        cmocka_unit_test(hostile_forgettings_cost_no_more_than_their_bytes),
        cmocka_unit_test(an_event_is_taken_back_exactly),
        cmocka_unit_test(what_another_writer_holds_is_subtracted_when_read),
        cmocka_unit_test(events_are_taken_back_by_attribute_and_time),
        cmocka_unit_test(an_event_that_left_the_ring_is_not_guessed_at),
        cmocka_unit_test(what_was_evicted_is_not_taken_back),
        cmocka_unit_test(a_segment_holds_so_many_retractions_and_no_more),
        cmocka_unit_test(an_export_tells_everything_but_what_was_erased),
        cmocka_unit_test(erasing_survives_exhaustion),
        cmocka_unit_test(forgetting_much_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
