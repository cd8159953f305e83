/*
 * test_laws.c: laws 8 (forgetting, retracting) and 10 (order) over random histories, each with a
 * control that breaks the law on purpose and has to be noticed.
 *
 * Law 8 plays a history on three replicas that join now and then. Every value written is a token
 * of its own, so that its bytes can be looked for. Then one of them forgets.
 *
 * Law 10 plays one log of events and retractions in two orders, with repeats.
 */
#include "profile/kit.h"
#include "profile/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HORIZON (20 * KIT_DAY)
#define REPLICAS 3u
#define TOKENS_MAX 64u
#define EVENTS_MAX 24u

static const char *const writers[REPLICAS] = {"a", "b", "c"};
static const char *const attributes[] = {"x", "y"};

/* ---- law 8: forgetting ---- */

/* One value that was written: where it is from, and whether it has to be gone in the end. */
typedef struct token {
    char text[12];
    const char *attribute;
    int64_t stamp; /* of a choice; INT64_MIN: it was gathered */
    bool knew;     /* the writer knew of the forgetting */
    bool is_event; /* evidence, which nothing replaces */
} token;

typedef struct tale {
    pz__profile *replicas[REPLICAS];
    token tokens[TOKENS_MAX];
    uint32_t token_count, event_count;
    const char *forgotten; /* "x", "y", "*"; NULL before */
    int64_t forgotten_stamp;
    bool knows[REPLICAS];
} tale;

static int64_t greatest_stamp(const pz__profile *p)
{
    int64_t stamp = INT64_MIN;
    for (uint32_t i = 0; i < p->segment_count; i++)
        stamp = p->segments[i]->max_stamp > stamp ? p->segments[i]->max_stamp : stamp;
    return stamp;
}

static void write_token(gen *g, tale *t, uint32_t r)
{
    if (t->token_count == TOKENS_MAX)
        return;
    token *made = &t->tokens[t->token_count];
    snprintf(made->text, sizeof made->text, "token%03u.", (unsigned)t->token_count++);
    made->attribute = GEN_CHOICE(g, attributes);
    made->stamp = INT64_MIN;
    made->knew = t->knows[r];
    made->is_event = false;
    const int64_t now_ms = KIT_NOW + gen_range(g, -3, 3) * KIT_DAY;
    pz__write write = kit_write(writers[r], now_ms);
    pz__claim claim = {.attribute = pz_str_of(made->attribute),
                       .value = pz_value_str(made->text),
                       .slot = PZ__SLOT_INFERRED};
    if (gen_bool(g)) {
        const pz__contribution c = {.attribute = claim.attribute,
                                    .value = claim.value,
                                    .weight = gen_range(g, 1, 9),
                                    .width = 16};
        char id[8];
        snprintf(id, sizeof id, "e%u", t->event_count++);
        const pz__observation o = {.id = pz_str_of(id),
                                   .time_ms = now_ms,
                                   .horizon_ms = HORIZON,
                                   .contributions = &c,
                                   .contribution_count = 1};
        bool is_new;
        made->is_event = true;
        assert_int_equal(pz__profile_observe(t->replicas[r], &write, &o, &is_new, NULL), PZ_OK);
        return;
    }
    if (gen_bool(g)) {
        static const uint8_t slots[] = {PZ__SLOT_CHOICE, PZ__SLOT_REJECT, PZ__SLOT_EDIT_PLACE};
        claim.slot = GEN_CHOICE(g, slots);
        pz__profile_note_begin(t->replicas[r], PZ__STR("choose"));
    }
    assert_int_equal(pz__profile_put(t->replicas[r], &write, &claim, NULL), PZ_OK);
    pz__profile_note_end(t->replicas[r]);
    if (claim.slot != PZ__SLOT_INFERRED)
        made->stamp = greatest_stamp(t->replicas[r]);
}

static void meet(gen *g, tale *t)
{
    const uint32_t a = (uint32_t)gen_below(g, REPLICAS), b = (uint32_t)gen_below(g, REPLICAS);
    assert_int_equal(pz__profile_join(t->replicas[a], t->replicas[b], NULL), PZ_OK);
    t->knows[a] |= t->knows[b];
}

static void play(gen *g, tale *t, uint64_t steps)
{
    for (uint64_t i = 0; i < steps; i++) {
        if (gen_chance(g, 1, 4))
            meet(g, t);
        else
            write_token(g, t, (uint32_t)gen_below(g, REPLICAS));
    }
}

static void begin(tale *t)
{
    *t = (tale){.token_count = 0};
    for (uint32_t r = 0; r < REPLICAS; r++)
        t->replicas[r] = kit_new(NULL);
}

static void end(tale *t)
{
    for (uint32_t r = 0; r < REPLICAS; r++)
        pz__profile_free(t->replicas[r]);
}

static void forget(gen *g, tale *t, uint32_t r)
{
    static const char *const what[] = {"x", "y", "*"};
    t->forgotten = GEN_CHOICE(g, what);
    const pz__write write = kit_write(writers[r], KIT_NOW);
    const pz__forgetting f = {pz_str_of(t->forgotten), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    assert_int_equal(pz__profile_forget(t->replicas[r], &write, &f, NULL), PZ_OK);
    t->forgotten_stamp = greatest_stamp(t->replicas[r]);
    t->knows[r] = true;
}

/* The token has to be gone; what was chosen later, by its stamp, may stay. */
static bool is_to_go(const tale *t, const token *what)
{
    if (t->forgotten[0] != '*' && strcmp(t->forgotten, what->attribute) != 0)
        return false;
    return what->stamp == INT64_MIN ? !what->knew : what->stamp <= t->forgotten_stamp;
}

static bool bytes_hold(const pz__profile *p, const char *text)
{
    pz__buf bytes = kit_bytes(p);
    const bool holds = memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;
    pz__buf_clear(&bytes);
    return holds;
}

static bool is_text(pz_value v, const char *text)
{
    return v.kind == PZ_STRING && v.len == strlen(text) && memcmp(v.as.text, text, v.len) == 0;
}

static bool lists_hold(pz__claims claims, pz__cells cells, const char *text)
{
    for (uint32_t i = 0; i < claims.count; i++)
        if (is_text(claims.list[i].value, text))
            return true;
    for (uint32_t i = 0; i < cells.count; i++)
        if (is_text(cells.list[i].value, text))
            return true;
    return false;
}

static bool view_holds(pz__profile *p, const char *text)
{
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    return lists_hold(pz__profile_all_claims(p), pz__profile_all_cells(p), text);
}

/* The control: a reader who looks at the segments and knows nothing of epochs. */
static bool segments_hold(pz__profile *p, const char *text)
{
    for (uint32_t i = 0; i < p->segment_count; i++) {
        const pz__segment *s = p->segments[i];
        if (lists_hold((pz__claims){s->claims, s->claim_count},
                       (pz__cells){s->cells, s->cell_count}, text))
            return true;
    }
    return false;
}

/* Evidence of those who knew is not forgotten. */
static bool has_lost(const tale *t, const pz__profile *p)
{
    for (uint32_t i = 0; i < t->token_count; i++)
        if (t->tokens[i].is_event && t->tokens[i].knew && !bytes_hold(p, t->tokens[i].text))
            return true;
    return false;
}

static bool holds_any(const tale *t, pz__profile *p,
                      bool (*holds)(pz__profile *profile, const char *text))
{
    for (uint32_t i = 0; i < t->token_count; i++)
        if (is_to_go(t, &t->tokens[i]) && holds(p, t->tokens[i].text))
            return true;
    return false;
}

static bool bytes_hold_text(pz__profile *p, const char *text)
{
    return bytes_hold(p, text);
}

typedef struct forgetting_law {
    bool (*reads)(pz__profile *profile, const char *text);
    bool is_scrubbed;
} forgetting_law;

static void scrub(const forgetting_law *law, pz__profile *p)
{
    if (law->is_scrubbed)
        assert_int_equal(pz__profile_scrub(p, NULL), PZ_OK);
}

/* All that was forgotten is gone from every reader's view at once, from the bytes of all writers
 * too, though none of them writes again, and stays gone when the oldest replica comes back. */
static bool forgetting_holds(gen *g, const forgetting_law *law)
{
    tale t;
    begin(&t);
    play(g, &t, gen_below(g, 14));
    pz__profile *stale = kit_copy(t.replicas[gen_below(g, REPLICAS)]);
    play(g, &t, gen_below(g, 6));
    const uint32_t who = (uint32_t)gen_below(g, REPLICAS);
    forget(g, &t, who);
    /* The forgetter's own segment is clean at once. */
    play(g, &t, gen_below(g, 8));
    pz__profile *all = kit_copy(t.replicas[who]);
    for (uint32_t r = 0; r < REPLICAS; r++)
        assert_int_equal(pz__profile_join(all, t.replicas[r], NULL), PZ_OK);
    bool holds = !holds_any(&t, all, law->reads);
    scrub(law, all);
    holds = holds && !holds_any(&t, all, bytes_hold_text) && !has_lost(&t, all);
    /* Of the same states, unscrubbed, nothing comes back, not even before the next scrub. */
    assert_int_equal(pz__profile_join(all, stale, NULL), PZ_OK);
    for (uint32_t r = 0; r < REPLICAS; r++)
        assert_int_equal(pz__profile_join(all, t.replicas[r], NULL), PZ_OK);
    holds = holds && !holds_any(&t, all, law->reads) && !holds_any(&t, all, bytes_hold_text);
    kit_check(all);
    pz__profile_free(stale);
    pz__profile_free(all);
    end(&t);
    return holds;
}

static void what_is_forgotten_is_gone_and_stays_gone(void **state)
{
    (void)state;
    static const forgetting_law law = {view_holds, true};
    GEN_CASES(g, gen_cases_full(1500, 100000))
    {
        assert_true(forgetting_holds(&g, &law));
    }
}

static void readers_without_epochs_and_bytes_that_are_not_scrubbed_are_noticed(void **state)
{
    (void)state;
    static const forgetting_law broken[] = {{segments_hold, true}, {view_holds, false}};
    for (int i = 0; i < 2; i++) {
        size_t noticed = 0;
        GEN_CASES(g, 200)
        {
            noticed += !forgetting_holds(&g, &broken[i]);
        }
        assert_true(noticed > 50);
    }
}

/* ---- events ---- */

typedef struct event {
    char id[8];
    int64_t time_ms;
    pz__contribution list[3];
    uint32_t count;
    bool is_retracted;
} event;

typedef struct log {
    event events[EVENTS_MAX];
    uint32_t count;
    int64_t now_ms;
} log;

static void make_log(gen *g, log *l)
{
    static const char *const names[] = {"x", "y", "count(buy)"};
    static const char *const values[] = {"tools", "roses", "books"};
    l->count = (uint32_t)gen_range(g, 1, EVENTS_MAX);
    l->now_ms = KIT_NOW + 10 * KIT_DAY;
    for (uint32_t i = 0; i < l->count; i++) {
        event *e = &l->events[i];
        snprintf(e->id, sizeof e->id, "e%u", i);
        e->time_ms = KIT_NOW + gen_range(g, 0, 9) * KIT_DAY;
        e->count = (uint32_t)gen_below(g, 4);
        e->is_retracted = gen_chance(g, 1, 3);
        for (uint32_t c = 0; c < e->count; c++) {
            const char *name = GEN_CHOICE(g, names);
            const bool is_counter = name[0] == 'c';
            e->list[c] = (pz__contribution){
                .attribute = pz_str_of(name),
                .channel = pz_str_of(gen_bool(g) ? "web" : ""),
                .value = is_counter ? pz_value_null() : pz_value_str(GEN_CHOICE(g, values)),
                .weight = gen_range(g, 1, 50) * (gen_bool(g) ? 1 : -1),
                .width = (uint8_t)gen_range(g, 15, 17),
                .side = !is_counter && gen_bool(g)};
        }
    }
}

static pz_status play_event(const log *l, const event *e, pz__profile *p, const char *writer)
{
    const pz__write write = kit_write(writer, l->now_ms);
    const pz__observation o = {.source = PZ__STR("s"),
                               .id = pz_str_of(e->id),
                               .time_ms = e->time_ms,
                               .horizon_ms = HORIZON,
                               .contributions = e->list,
                               .contribution_count = e->count};
    bool is_new;
    return pz__profile_observe(p, &write, &o, &is_new, NULL);
}

static pz_status play_retraction(const log *l, const event *e, pz__profile *p, const char *writer)
{
    const pz__write write = kit_write(writer, l->now_ms);
    const pz__retraction r = {.source = PZ__STR("s"), .id = pz_str_of(e->id)};
    uint32_t count;
    return pz__profile_retract(p, &write, &r, &count, NULL);
}

/* The cells of alike segments added up, since it is no matter who holds what. */
static bool same_cells(pz__profile *a, pz__profile *b)
{
    assert_int_equal(pz__profile_seal(a), PZ_OK);
    assert_int_equal(pz__profile_seal(b), PZ_OK);
    const pz__cells x = pz__profile_all_cells(a), y = pz__profile_all_cells(b);
    uint32_t i = 0, j = 0;
    while (i < x.count && j < y.count) {
        const pz__cell *cell = &x.list[i];
        if (pz__cell_compare(cell, &y.list[j]) != 0)
            return false;
        int64_t left = 0, right = 0;
        const pz__cell *other = &y.list[j];
        for (; i < x.count && pz__cell_compare(cell, &x.list[i]) == 0; i++)
            left += x.list[i].weight;
        for (; j < y.count && pz__cell_compare(other, &y.list[j]) == 0; j++)
            right += y.list[j].weight;
        if (left != right)
            return false;
    }
    return i == x.count && j == y.count;
}

/* The control: the cells of the segments, from which nobody subtracts. */
static bool same_segments(pz__profile *a, pz__profile *b)
{
    for (int i = 0; i < 2; i++) {
        pz__profile *p = i ? b : a;
        for (uint32_t s = 0; s < p->segment_count; s++) {
            p->segments[s]->retraction_count = 0;
            p->segments[s]->raw = (pz_str){NULL, 0};
        }
        p->erasures++;
        pz__profile_changed(p, PZ__CHANGED_ALL);
    }
    return same_cells(a, b);
}

typedef bool (*same_fn)(pz__profile *a, pz__profile *b);

/* ---- law 8: retracting ---- */

/* Taking back is never having seen: for who reads at once, and when every writer has written. */
static bool retracting_holds(gen *g, same_fn same)
{
    log l;
    make_log(g, &l);
    pz__profile *p = kit_new(NULL), *without = kit_new(NULL);
    for (uint32_t i = 0; i < l.count; i++) {
        const char *writer = GEN_CHOICE(g, writers);
        assert_int_equal(play_event(&l, &l.events[i], p, writer), PZ_OK);
        if (!l.events[i].is_retracted)
            assert_int_equal(play_event(&l, &l.events[i], without, writer), PZ_OK);
    }
    for (uint32_t i = 0; i < l.count; i++)
        if (l.events[i].is_retracted)
            assert_int_equal(play_retraction(&l, &l.events[i], p, GEN_CHOICE(g, writers)), PZ_OK);
    pz__profile *copy = kit_copy(p);
    bool holds = same(copy, without);
    for (uint32_t r = 0; r < REPLICAS; r++)
        kit_put(p, writers[r], PZ__SLOT_MODE, "z", "AUTO", KIT_NOW, KIT_NOW);
    holds = holds && same_cells(p, without);
    kit_check(p);
    pz__profile_free(copy);
    pz__profile_free(p);
    pz__profile_free(without);
    return holds;
}

static void taking_back_is_never_having_seen(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        assert_true(retracting_holds(&g, same_cells));
    }
}

static void readers_who_do_not_subtract_are_noticed(void **state)
{
    (void)state;
    size_t noticed = 0;
    GEN_CASES(g, 200)
    {
        noticed += !retracting_holds(&g, same_segments);
    }
    assert_true(noticed > 100);
}

/* ---- law 10 ---- */

/* Play the log in some order with repeats; a retraction comes after its event. Control: repeats
 * under a new id. */
static pz__profile *play_log(gen *g, const log *l, bool is_control)
{
    uint32_t order[3 * EVENTS_MAX];
    bool was_seen[EVENTS_MAX] = {false}, was_retracted[EVENTS_MAX] = {false};
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->count; i++)
        for (uint64_t n = gen_range(g, 1, 3) + (gen_bool(g) ? 0 : 1);
             n > 0 && count < 3 * EVENTS_MAX; n--)
            order[count++] = i;
    gen_shuffle(g, order, count, sizeof order[0]);
    pz__profile *p = kit_new(NULL);
    for (uint32_t k = 0; k < count; k++) {
        event e = l->events[order[k]];
        if (was_seen[order[k]] && e.is_retracted && gen_bool(g)) {
            assert_int_equal(play_retraction(l, &e, p, "a"), PZ_OK);
            was_retracted[order[k]] = true;
            continue;
        }
        if (is_control && was_seen[order[k]])
            e.id[0] = 'r';
        assert_int_equal(play_event(l, &e, p, "a"), PZ_OK);
        was_seen[order[k]] = true;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        if (!was_seen[i])
            assert_int_equal(play_event(l, &l->events[i], p, "a"), PZ_OK);
        if (l->events[i].is_retracted && !was_retracted[i])
            assert_int_equal(play_retraction(l, &l->events[i], p, "a"), PZ_OK);
    }
    return p;
}

static bool order_holds(gen *g, bool is_control)
{
    log l;
    make_log(g, &l);
    pz__profile *a = play_log(g, &l, false), *b = play_log(g, &l, is_control);
    const bool holds = kit_same(a, b);
    kit_check(a);
    pz__profile_free(a);
    pz__profile_free(b);
    return holds;
}

static void order_and_repetition_of_a_log_leave_no_trace(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        assert_true(order_holds(&g, false));
    }
}

static void repeats_under_another_id_are_noticed(void **state)
{
    (void)state;
    size_t noticed = 0;
    GEN_CASES(g, 200)
    {
        noticed += !order_holds(&g, true);
    }
    assert_true(noticed > 100);
}

/* Split over writers without repeats, in replicas that join in the end: the same to readers. */
static bool split_holds(gen *g, bool is_control)
{
    log l;
    make_log(g, &l);
    pz__profile *whole = kit_new(NULL), *parts[REPLICAS], *all = kit_new(NULL);
    for (uint32_t r = 0; r < REPLICAS; r++)
        parts[r] = kit_new(NULL);
    for (uint32_t i = 0; i < l.count; i++) {
        assert_int_equal(play_event(&l, &l.events[i], whole, "w"), PZ_OK);
        const uint64_t r = gen_below(g, REPLICAS);
        assert_int_equal(play_event(&l, &l.events[i], parts[r], writers[r]), PZ_OK);
        if (is_control)
            assert_int_equal(play_event(&l, &l.events[i], parts[(r + 1) % REPLICAS],
                                        writers[(r + 1) % REPLICAS]),
                             PZ_OK);
    }
    for (uint32_t r = 0; r < REPLICAS; r++)
        assert_int_equal(pz__profile_join(all, parts[r], NULL), PZ_OK);
    for (uint32_t i = 0; i < l.count; i++) {
        if (!l.events[i].is_retracted)
            continue;
        assert_int_equal(play_retraction(&l, &l.events[i], whole, "w"), PZ_OK);
        assert_int_equal(play_retraction(&l, &l.events[i], all, GEN_CHOICE(g, writers)), PZ_OK);
    }
    const bool holds = same_cells(whole, all);
    for (uint32_t r = 0; r < REPLICAS; r++)
        pz__profile_free(parts[r]);
    pz__profile_free(whole);
    pz__profile_free(all);
    return holds;
}

static void a_log_split_over_writers_reads_the_same(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        assert_true(split_holds(&g, false));
    }
}

static void repeats_over_writers_are_noticed(void **state)
{
    (void)state;
    size_t noticed = 0;
    GEN_CASES(g, 200)
    {
        noticed += !split_holds(&g, true);
    }
    assert_true(noticed > 100);
}

/* The ring is the newest 256 of what was taken, in whatever order it came. */
static void the_ring_does_not_depend_on_order(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(20, 500))
    {
        enum { COUNT = PZ__SEGMENT_RING_MAX + 64 };
        uint32_t order[COUNT];
        pz__profile *list[2];
        for (uint32_t i = 0; i < COUNT; i++)
            order[i] = i;
        for (int r = 0; r < 2; r++) {
            list[r] = kit_new(NULL);
            gen_shuffle(&g, order, COUNT, sizeof order[0]);
            for (uint32_t i = 0; i < COUNT; i++) {
                char id[8];
                snprintf(id, sizeof id, "e%u", order[i]);
                assert_int_equal(kit_observe(list[r], "a", id, order[i] % 2 ? "odd" : "even", 3,
                                             KIT_NOW + order[i] / 3 * 1000, KIT_NOW + KIT_DAY,
                                             HORIZON, NULL),
                                 PZ_OK);
            }
        }
        kit_assert_same(list[0], list[1]);
        assert_int_equal(pz__profile_segment(list[0], 0).ring_count, PZ__SEGMENT_RING_MAX);
        pz__profile_free(list[0]);
        pz__profile_free(list[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_forgotten_is_gone_and_stays_gone),
        cmocka_unit_test(readers_without_epochs_and_bytes_that_are_not_scrubbed_are_noticed),
        cmocka_unit_test(taking_back_is_never_having_seen),
        cmocka_unit_test(readers_who_do_not_subtract_are_noticed),
        cmocka_unit_test(order_and_repetition_of_a_log_leave_no_trace),
        cmocka_unit_test(repeats_under_another_id_are_noticed),
        cmocka_unit_test(a_log_split_over_writers_reads_the_same),
        cmocka_unit_test(repeats_over_writers_are_noticed),
        cmocka_unit_test(the_ring_does_not_depend_on_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
