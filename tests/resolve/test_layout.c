/*
 * Layouts: one by one in examples, and against a plain reference over random bases, edits and
 * orders of merging.
 */
#include "resolve/layout_reference.h"
#include "resolve/scene.h"

#include <stdlib.h>

#include "support/gen.h"

#define BAR "{'x': {'type': 'list<string>', 'merge': 'layout', 'default': ['s', 'o', 'h', 'n']}}"
#define RANKED                                                                                     \
    "{'x': {'type': 'list<string>', 'merge': 'layout', 'ranked': true, 'default': ['s', 'o', "     \
    "'h', 'n']}}"
#define EXPECT(s, text) assert_string_equal(scene_answer(s), text)

static void place(scene *s, const char *item, const char *where, int64_t at)
{
    scene_say(s, PZ__SLOT_EDIT_PLACE, item, where, at);
}

static void hide(scene *s, const char *item, const char *is_hidden, int64_t at)
{
    scene_say(s, PZ__SLOT_EDIT_HIDDEN, item, is_hidden, at);
}

/* ---- examples ---- */

static void without_edits_the_base_answers(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    EXPECT(&s, "['s','o','h','n'] DEFAULT DEFAULT");
    scene_say(&s, PZ__SLOT_MODE, NULL, "'OFF'", DAY(2));
    EXPECT(&s, "['s','o','h','n'] DEFAULT DISABLED");
    scene_close(&s);
}

static void hiding_moving_and_pinning_compose(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    hide(&s, "'o'", "true", DAY(2));
    EXPECT(&s, "['s','h','n'] CHOICE EXPLICIT");
    place(&s, "'s'", "{'after': 'n'}", DAY(3));
    EXPECT(&s, "['h','n','s'] CHOICE EXPLICIT");
    place(&s, "'n'", "{'pin': 0}", DAY(4));
    EXPECT(&s, "['n','h','s'] CHOICE EXPLICIT");
    place(&s, "'o'", "{'pin': 0}", DAY(5));
    EXPECT(&s, "['n','h','s'] CHOICE EXPLICIT");
    hide(&s, "'o'", "false", DAY(6));
    EXPECT(&s, "['o','n','h','s'] CHOICE EXPLICIT");
    scene_close(&s);
}

static void ignored_edits_take_no_part(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    place(&s, "'s'", "{'after': 'gone'}", DAY(2));
    place(&s, "'h'", "{'after': 'h'}", DAY(2));
    place(&s, "'gone'", "{'pin': 0}", DAY(2));
    hide(&s, "'n'", "false", DAY(2));
    EXPECT(&s, "['s','o','h','n'] DEFAULT DEFAULT");
    assert_string_equal(scene_layers(&s, false),
                        "n CHOICE false SHADOWED, gone CHOICE {'pin':0} BOUNDED, "
                        "h CHOICE {'after':'h'} SHADOWED, s CHOICE {'after':'gone'} SHADOWED, "
                        "DEFAULT ['s','o','h','n'] USED");
    scene_close(&s);
}

static void of_a_circle_the_newest_edits_are_kept(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    place(&s, "'s'", "{'after': 'o'}", DAY(2));
    place(&s, "'o'", "{'after': 'h'}", DAY(3));
    place(&s, "'h'", "{'after': 's'}", DAY(4));
    /* h after s and o after h stand; s after o would close the circle. */
    EXPECT(&s, "['s','h','o','n'] CHOICE EXPLICIT");
    scene_close(&s);
}

static void the_newest_follower_stands_nearest(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    place(&s, "'s'", "{'after': 'n'}", DAY(2));
    place(&s, "'o'", "{'after': 'n'}", DAY(3));
    EXPECT(&s, "['h','n','o','s'] CHOICE EXPLICIT");
    scene_close(&s);
}

static void the_newer_of_two_pins_has_the_index(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    place(&s, "'h'", "{'pin': 0}", DAY(2));
    place(&s, "'n'", "{'pin': 0}", DAY(3));
    place(&s, "'s'", "{'pin': 99}", DAY(3));
    EXPECT(&s, "['n','h','o','s'] CHOICE EXPLICIT");
    scene_close(&s);
}

static void an_edit_may_expire_and_clearing_takes_all_back(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    hide(&s, "'n'", "true", DAY(2));
    s.expires = DAY(10);
    hide(&s, "'o'", "true", DAY(2));
    s.expires = 0;
    EXPECT(&s, "['s','o','h'] CHOICE EXPLICIT");
    s.writer = "w2";
    scene_say(&s, PZ__SLOT_CHOICE, NULL, NULL, DAY(3));
    EXPECT(&s, "['s','o','h','n'] DEFAULT DEFAULT");
    scene_close(&s);
}

static void the_account_edits_beneath_the_person(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    s.into = s.accounts[1];
    hide(&s, "'o'", "true", DAY(5));
    place(&s, "'n'", "{'pin': 0}", DAY(5));
    EXPECT(&s, "['n','s','h'] ACCOUNT_CHOICE EXPLICIT");
    s.into = s.person;
    hide(&s, "'o'", "false", DAY(2));
    place(&s, "'n'", "{'after': 's'}", DAY(2));
    EXPECT(&s, "['s','n','o','h'] CHOICE EXPLICIT");
    place(&s, "'n'", NULL, DAY(3));
    EXPECT(&s, "['n','s','o','h'] ACCOUNT_CHOICE EXPLICIT");
    scene_close(&s);
}

static void a_ranking_orders_what_is_not_placed(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, RANKED);
    scene_sight(&s, "'n'", 3, DAY(18));
    scene_sight(&s, "'h'", 5, DAY(18));
    scene_sight(&s, "'s'", -1, DAY(18));
    EXPECT(&s, "['h','n','o','s'] INFERRED INFERRED");
    place(&s, "'o'", "{'pin': 0}", DAY(19));
    EXPECT(&s, "['o','h','n','s'] INFERRED INFERRED");
    s.masked = 1u << PZ__CLASS_BEHAVIOUR;
    EXPECT(&s, "['o','s','h','n'] CHOICE EXPLICIT");
    s.masked = 0;
    scene_say(&s, PZ__SLOT_MODE, NULL, "'MANUAL'", DAY(19));
    EXPECT(&s, "['o','s','h','n'] CHOICE EXPLICIT");
    scene_close(&s);
}

static void locks_and_bounds_hold_for_layouts(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, BAR);
    hide(&s, "'o'", "true", DAY(2));
    const pz_value allowed[] = {pz_value_str("o"), pz_value_str("n"), pz_value_str("s")};
    s.force = (pz__force){.has_one_of = true, .one_of = allowed, .one_of_count = 3};
    EXPECT(&s, "['s','n'] CHOICE EXPLICIT");
    s.force = (pz__force){.has_lock = true, .lock = scene_value(&s, "['n']")};
    EXPECT(&s, "['n'] LOCK LOCKED");
    assert_string_equal(
        scene_layers(&s, false),
        "LOCK ['n'] USED, o CHOICE true SHADOWED, DEFAULT ['s','o','h','n'] SHADOWED");
    scene_close(&s);
}

static void without_a_base_there_is_no_layout(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "{'x': {'type': 'list<string>', 'merge': 'layout', 'recommended': ['s']}}");
    EXPECT(&s, "['s'] RECOMMENDED RECOMMENDED");
    scene_say(&s, PZ__SLOT_MODE, NULL, "'MANUAL'", DAY(2));
    EXPECT(&s, "- NONE UNRESOLVED");
    scene_close(&s);
}

/* ---- against the reference ---- */

#define REPLICAS 3
#define EDITS_MAX 24

static const char *const names[ITEMS_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                             "i", "j", "k", "l", "m", "n", "o", "p"};
static const pz__type text_type = {.kind = PZ__T_STRING};
static const pz__type *const of_text[] = {&text_type};
static const pz__type list_type = {.kind = PZ__T_LIST, .arg_count = 1, .args = of_text};

/* One history: what was done, and the replicas that hold it. */
typedef struct history {
    plain_edit edits[EDITS_MAX];
    size_t edit_count;
    int scores[ITEMS_MAX];
    pz__profile *person[REPLICAS], *accounts[2];
    pz__attribute attribute;
    pz__arena arena;
} history;

static void put_register(pz__profile *profile, pz_str writer, pz__claim_slot slot, pz_str part,
                         pz_value value, bool is_cleared, int64_t at)
{
    const pz__write write = {.writer = writer, .at_ms = at, .now_ms = at};
    const pz__claim claim = {.slot = (uint8_t)slot,
                             .attribute = PZ__STR("x"),
                             .part = part,
                             .value = value,
                             .is_cleared = is_cleared};
    assert_int_equal(pz__profile_put(profile, &write, &claim, NULL), PZ_OK);
}

static void write_edit(pz__profile *profile, pz_str writer, const plain_edit *e, int64_t at)
{
    const pz_str item = pz_str_of(names[e->item]);
    const bool is_pin = e->kind == PIN;
    const pz_entry entry = {pz_value_str(is_pin ? "pin" : "after"),
                            is_pin ? pz_value_int(e->to) : pz_value_str(names[e->to])};
    const pz_map map = {.entries = &entry};
    const pz_value where = {.kind = PZ_MAP, .len = 1, .as.map = &map};
    switch (e->kind) {
    case HIDE:
    case SHOW:
        put_register(profile, writer, PZ__SLOT_EDIT_HIDDEN, item, pz_value_bool(e->kind == HIDE),
                     false, at);
        return;
    case CLEAR:
        put_register(profile, writer, PZ__SLOT_CHOICE, PZ__STR(""), pz_value_null(), true, at);
        return;
    default:
        put_register(profile, writer, PZ__SLOT_EDIT_PLACE, item,
                     e->kind == UNPLACE ? pz_value_null() : where, e->kind == UNPLACE, at);
    }
}

static plain_edit draw_edit(gen *g, int items)
{
    static const edit_kind kinds[] = {HIDE, HIDE, SHOW, PIN, PIN, AFTER, AFTER, AFTER, UNPLACE};
    plain_edit e = {.kind = GEN_CHOICE(g, kinds), .item = (int)gen_below(g, (uint64_t)items)};
    if (gen_chance(g, 1, 40))
        e.kind = CLEAR;
    e.to = (int)gen_below(g, (uint64_t)items);
    e.owner = gen_chance(g, 3, 4) ? 0 : 1 + (int)gen_below(g, 2);
    return e;
}

/* Evidence about the items, of whole weights. */
static void see_items(history *h, gen *g, int items)
{
    pz__contribution list[ITEMS_MAX];
    uint32_t count = 0;
    for (int i = 0; i < items; i++) {
        h->scores[i] = gen_bool(g) ? 0 : (int)gen_range(g, -3, 3);
        if (h->scores[i] != 0)
            list[count++] = (pz__contribution){.attribute = PZ__STR("x"),
                                               .value = pz_value_str(names[i]),
                                               .weight = 1024 * abs(h->scores[i]),
                                               .side = h->scores[i] < 0,
                                               .width = 16};
    }
    const pz__observation seen = {.source = PZ__STR("s"),
                                  .id = PZ__STR("1"),
                                  .time_ms = DAY(1),
                                  .horizon_ms = 400 * 24 * HOUR,
                                  .contributions = list,
                                  .contribution_count = count};
    const pz__write write = {.writer = PZ__STR("w0"), .at_ms = DAY(1), .now_ms = DAY(1)};
    bool is_new;
    assert_int_equal(pz__profile_observe(h->person[0], &write, &seen, &is_new, NULL), PZ_OK);
}

static void live(history *h, gen *g, int items)
{
    *h = (history){.attribute = {.name = PZ__STR("x"), .type = &list_type, .width = 16}};
    h->attribute.merge = PZ__MERGE_LAYOUT;
    h->attribute.has_default = true;
    h->attribute.is_ranked = gen_chance(g, 1, 3);
    pz__arena_init(&h->arena, NULL, 0);
    for (size_t i = 0; i < REPLICAS; i++)
        assert_int_equal(pz__profile_new(&h->person[i], NULL, PZ__PERSON, PZ__STR("p"), NULL),
                         PZ_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pz__profile_new(&h->accounts[i], NULL, PZ__ACCOUNT, PZ__STR("f"), NULL),
                         PZ_OK);
    if (h->attribute.is_ranked)
        see_items(h, g, items);
    static const pz_str writers[REPLICAS] = {{"w0", 2}, {"w1", 2}, {"w2", 2}};
    h->edit_count = gen_len(g, EDITS_MAX);
    for (size_t i = 0; i < h->edit_count; i++) {
        h->edits[i] = draw_edit(g, items);
        const int64_t at = DAY(2) + (int64_t)i * 60000;
        const size_t r = gen_below(g, REPLICAS);
        if (h->edits[i].owner == 0)
            write_edit(h->person[r], writers[r], &h->edits[i], at);
        else
            write_edit(h->accounts[h->edits[i].owner - 1], writers[0], &h->edits[i], at);
    }
}

/* Every replica hears of the others, in any order and more than once. */
static void meet(history *h, gen *g)
{
    size_t order[2 * REPLICAS];
    for (size_t i = 0; i < 2 * REPLICAS; i++)
        order[i] = i % REPLICAS;
    gen_shuffle(g, order, 2 * REPLICAS, sizeof order[0]);
    for (size_t i = 1; i < 2 * REPLICAS; i++)
        if (order[i] != order[0])
            assert_int_equal(pz__profile_join(h->person[order[0]], h->person[order[i]], NULL),
                             PZ_OK);
    pz__profile *const joined = h->person[order[0]];
    h->person[order[0]] = h->person[0];
    h->person[0] = joined;
}

static void part(history *h)
{
    for (size_t i = 0; i < REPLICAS; i++)
        pz__profile_free(h->person[i]);
    for (size_t i = 0; i < 2; i++)
        pz__profile_free(h->accounts[i]);
    pz__arena_clear(&h->arena);
}

/* What the library shows, as numbers. */
static size_t ask(history *h, const int *base, size_t base_count, int *out)
{
    pz_value items[ITEMS_MAX];
    for (size_t i = 0; i < base_count; i++)
        items[i] = pz_value_str(names[base[i]]);
    h->attribute.default_value = pz__value_of_items(items, (uint32_t)base_count);
    const pz__profile *const seen[] = {h->person[0], h->accounts[0], h->accounts[1]};
    assert_int_equal(pz__profile_seal(h->person[0]), PZ_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pz__profile_seal(h->accounts[i]), PZ_OK);
    pz__arena_reset(&h->arena);
    const pz__view view = {
        .person = {&seen[0], 1}, .accounts = {&seen[1], 2}, .now_ms = DAY(20), .arena = &h->arena};
    pz__resolution r;
    assert_int_equal(pz__resolve(&view, &h->attribute, NULL, &r), PZ_OK);
    for (uint32_t i = 0; i < r.value.len; i++)
        out[i] = pz_value_text(r.value.as.items[i]).data[0] - 'a';
    return r.value.len;
}

static size_t draw_base(gen *g, int items, int *base)
{
    for (int i = 0; i < items; i++)
        base[i] = i;
    gen_shuffle(g, base, (size_t)items, sizeof *base);
    return 1 + gen_below(g, (uint64_t)items);
}

static size_t place_of(const int *list, size_t count, int item)
{
    size_t i = 0;
    while (i < count && list[i] != item)
        i++;
    return i;
}

/* Nothing lost or doubled, the hidden hidden. */
static bool shows_what_it_must(const plain_layout *l, const int *shown, size_t count)
{
    size_t due = 0;
    for (int item = 0; item < ITEMS_MAX; item++) {
        const size_t first = place_of(shown, count, item);
        const bool is_due = !layout_hides(l, item);
        due += is_due;
        if (is_due != (first < count))
            return false;
    }
    return due == count;
}

static bool has_pins(const plain_layout *l)
{
    for (int item = 0; item < ITEMS_MAX; item++) {
        const int e = layout_place(l, item);
        if (!layout_hides(l, item) && e >= 0 && l->edits[e].kind == PIN)
            return true;
    }
    return false;
}

/* Orders that nothing later contradicts: items that nobody placed stand as in the base (or by
 * score), and what was put behind another last stands directly behind it, pins aside. */
static bool keeps_orders(const plain_layout *l, const int *shown, size_t count)
{
    int newest = -1;
    for (size_t i = 0; i < count; i++) {
        const int e = layout_place(l, shown[i]);
        if (e >= 0 && l->edits[e].kind == AFTER && l->edits[e].owner == 0 && e > newest)
            newest = e;
        for (size_t j = i + 1; j < count && e < 0 && !l->scores; j++)
            if (layout_place(l, shown[j]) < 0 && place_of(l->base, l->base_count, shown[i]) >
                                                     place_of(l->base, l->base_count, shown[j]))
                return false;
    }
    if (newest < 0 || has_pins(l))
        return true;
    const plain_edit *e = &l->edits[newest];
    const size_t anchor = place_of(shown, count, e->to);
    return anchor == count || e->to == e->item || place_of(shown, count, e->item) == anchor + 1;
}

static bool is_as_reference(const plain_layout *l, const int *shown, size_t count)
{
    int expected[ITEMS_MAX];
    const size_t due = layout_reference(l, expected);
    return due == count && memcmp(expected, shown, count * sizeof *shown) == 0;
}

static plain_layout layout_of(const history *h, const int *base, size_t base_count)
{
    return (plain_layout){.base = base,
                          .base_count = base_count,
                          .edits = h->edits,
                          .edit_count = h->edit_count,
                          .scores = h->attribute.is_ranked ? h->scores : NULL};
}

static void a_layout_is_what_the_reference_says(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(20000))
    {
        const int items = 1 + (int)gen_below(&g, 12);
        history h;
        live(&h, &g, items);
        meet(&h, &g);
        for (int version = 1; version <= 2; version++) {
            int base[ITEMS_MAX], shown[ITEMS_MAX];
            const size_t base_count = draw_base(&g, items, base);
            const plain_layout l = layout_of(&h, base, base_count);
            const size_t count = ask(&h, base, base_count, shown);
            assert_true(is_as_reference(&l, shown, count));
            assert_true(shows_what_it_must(&l, shown, count));
            assert_true(keeps_orders(&l, shown, count));
        }
        part(&h);
    }
}

/* A layout that stores the whole list, as settings do: new items of the vendor never show. */
static void the_check_of_layouts_can_fail(void **state)
{
    (void)state;
    size_t wrong = 0, lost = 0;
    GEN_CASES(g, 300)
    {
        const int items = 2 + (int)gen_below(&g, 10);
        history h;
        live(&h, &g, items);
        meet(&h, &g);
        int old[ITEMS_MAX], base[ITEMS_MAX], shown[ITEMS_MAX];
        const size_t old_count = draw_base(&g, items, old);
        const size_t count = ask(&h, old, old_count, shown);
        const size_t base_count = draw_base(&g, items, base);
        const plain_layout l = layout_of(&h, base, base_count);
        wrong += !is_as_reference(&l, shown, count);
        lost += !shows_what_it_must(&l, shown, count);
        part(&h);
    }
    assert_true(wrong > 100 && lost > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_edits_the_base_answers),
        cmocka_unit_test(hiding_moving_and_pinning_compose),
        cmocka_unit_test(ignored_edits_take_no_part),
        cmocka_unit_test(of_a_circle_the_newest_edits_are_kept),
        cmocka_unit_test(the_newest_follower_stands_nearest),
        cmocka_unit_test(the_newer_of_two_pins_has_the_index),
        cmocka_unit_test(an_edit_may_expire_and_clearing_takes_all_back),
        cmocka_unit_test(the_account_edits_beneath_the_person),
        cmocka_unit_test(a_ranking_orders_what_is_not_placed),
        cmocka_unit_test(locks_and_bounds_hold_for_layouts),
        cmocka_unit_test(without_a_base_there_is_no_layout),
        cmocka_unit_test(a_layout_is_what_the_reference_says),
        cmocka_unit_test(the_check_of_layouts_can_fail),
    };
    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
