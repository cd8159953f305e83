/*
 * The law of persons: which profiles are one person depends on what was said about them, and on
 * nothing else: not on the member that is asked, the order of profiles, nor on which replicas of a
 * profile the links were written in, nor on which side of a link holds it.
 *
 * Cases are random worlds of profiles, links, unlinks and identifiers. What comes out is compared
 * over all ways to build and ask, and with a plain reference that colours profiles and looks at all
 * pairs. The control grows a person around the member that is asked, which is what the law forbids:
 * it must be caught.
 */
#include "kit.h"

#include "support/gen.h"

#define PROFILES_MAX 9u
#define SAYINGS_MAX 24u

typedef enum saying_kind { LINK, UNLINK, IDENTIFY } saying_kind;

typedef struct saying {
    saying_kind kind;
    unsigned one, other; /* profiles; of IDENTIFY: the profile, the value */
    unsigned strength;
    int64_t at_ms;
} saying;

typedef struct story {
    unsigned profiles, count;
    saying list[SAYINGS_MAX];
} story;

static const pz_str unique_kinds[] = {{"card", 4}};
static const char *const ids[PROFILES_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
static const char *const values[] = {"1", "2", "3"};
static const char *const writers[] = {"w1", "w2", "w3"};

static story make_story(gen *g, bool with_unlinks)
{
    story s = {.profiles = 2 + (unsigned)gen_below(g, PROFILES_MAX - 1),
               .count = 1 + (unsigned)gen_below(g, SAYINGS_MAX)};
    for (unsigned i = 0; i < s.count; i++) {
        saying *what = &s.list[i];
        what->one = (unsigned)gen_below(g, s.profiles);
        what->other = (what->one + 1 + (unsigned)gen_below(g, s.profiles - 1)) % s.profiles;
        what->strength = 1 + (unsigned)gen_below(g, 3);
        what->at_ms = T0 + 10 * (int64_t)i;
        what->kind = gen_chance(g, 1, 4) ? IDENTIFY : LINK;
        if (with_unlinks && gen_chance(g, 1, 6))
            what->kind = UNLINK;
        if (what->kind == IDENTIFY)
            what->other = (unsigned)gen_below(g, 3);
    }
    return s;
}

/* What is said later is claimed for earlier, so that the two orders are never the same. */
static void say(pz__profile *profile, const saying *what, const char *other, const char *writer)
{
    pz__write write = write_at(writer, what->at_ms);
    write.at_ms = T0 - (what->at_ms - T0);
    if (what->kind == IDENTIFY)
        identify(profile, "card", values[what->other], write);
    else if (what->kind == LINK)
        link_to(profile, other, what->strength * 1000, write);
    else
        unlink_from(profile, other, write);
}

/* Build the profiles of a story: each saying in one replica, under its writer. With one replica and
 * no flips this is the plain way. */
static void build(const story *s, pz__profile *out[PROFILES_MAX], unsigned replicas, gen *g)
{
    pz__profile *all[PROFILES_MAX][3];
    for (unsigned p = 0; p < s->profiles; p++)
        for (unsigned r = 0; r < replicas; r++)
            all[p][r] = make(ids[p]);
    for (unsigned i = 0; i < s->count; i++) {
        const saying *what = &s->list[i];
        const unsigned r = g ? (unsigned)gen_below(g, replicas) : 0;
        const bool is_flipped = g && what->kind != IDENTIFY && gen_bool(g);
        const unsigned here = is_flipped ? what->other : what->one;
        const unsigned there = is_flipped ? what->one : what->other;
        say(all[here][r], what, what->kind == IDENTIFY ? NULL : ids[there], writers[r]);
    }
    for (unsigned p = 0; p < s->profiles; p++) {
        out[p] = all[p][0];
        for (unsigned r = 1; r < replicas; r++) {
            assert_int_equal(pz__profile_join(out[p], all[p][r], NULL), PZ_OK);
            pz__profile_free(all[p][r]);
        }
    }
}

static void drop(pz__profile *list[PROFILES_MAX], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        pz__profile_free(list[i]);
}

/* Who is with whom: a set of bits for each profile, by id. */
typedef struct grouping {
    uint32_t with[PROFILES_MAX];
} grouping;

static const pz__identity_rules rules = {
    .unique = unique_kinds, .unique_count = 1, .now_ms = T0 + DAY};

static grouping group(pz__profile *list[PROFILES_MAX], unsigned count)
{
    grouping found = {{0}};
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    const pz__person all = sealed(list, count);
    for (uint32_t i = 0; i < count; i++) {
        pz__component c;
        assert_int_equal(pz__identity_component(&all, i, &rules, &arena, &c), PZ_OK);
        for (uint32_t k = 0; k < c.person.count; k++) {
            uint32_t place;
            assert_true(pz__identity_find(&all, pz__profile_subject(c.person.members[k]), &place));
            found.with[i] |= 1u << place;
        }
    }
    pz__arena_clear(&arena);
    return found;
}

/* ---- the plain reference ---- */

typedef struct plain_edge {
    uint32_t a, b, strength;
    int64_t stamp;
    bool stands;
} plain_edge;

static uint32_t cards_of(const pz__profile *profile)
{
    uint32_t cards = 0;
    const pz__claims claims = pz__profile_claims(profile, PZ__STR("card"));
    for (uint32_t i = 0; i < claims.count; i++)
        cards |= 1u << (claims.list[i].part.data[0] - '0');
    return cards;
}

static plain_edge plain_edge_of(const pz__person *all, uint32_t a, uint32_t b)
{
    const pz__grant *sides[2] = {pz__profile_find_grant(all->members[a], PZ__GRANT_LINK,
                                                        pz__profile_subject(all->members[b])),
                                 pz__profile_find_grant(all->members[b], PZ__GRANT_LINK,
                                                        pz__profile_subject(all->members[a]))};
    plain_edge edge = {.a = a, .b = b, .stamp = INT64_MAX};
    for (unsigned i = 0; i < 2; i++)
        if (sides[i] && sides[i]->is_granted) {
            edge.stands = true;
            edge.strength = edge.strength > sides[i]->strength ? edge.strength : sides[i]->strength;
            edge.stamp = edge.stamp < sides[i]->stamp ? edge.stamp : sides[i]->stamp;
        }
    for (unsigned i = 0; i < 2; i++)
        if (sides[i] && sides[i]->is_denied)
            edge.stands = false;
    return edge;
}

/* Different cards on both sides. */
static bool is_vetoed(const pz__person *all, uint32_t group_a, uint32_t group_b)
{
    for (uint32_t i = 0; i < all->count; i++)
        for (uint32_t k = 0; k < all->count; k++) {
            const uint32_t x = cards_of(all->members[i]), y = cards_of(all->members[k]);
            const bool is_same_single = x == y && (x & (x - 1)) == 0;
            if (group_a >> i & 1 && group_b >> k & 1 && x && y && !is_same_single)
                return true;
        }
    return false;
}

static bool goes_before(const plain_edge *x, const plain_edge *y)
{
    if (x->strength != y->strength)
        return x->strength > y->strength;
    if (x->stamp != y->stamp)
        return x->stamp < y->stamp;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

static grouping reference(pz__profile *list[PROFILES_MAX], unsigned count)
{
    const pz__person all = sealed(list, count);
    plain_edge edges[PROFILES_MAX * PROFILES_MAX];
    unsigned edge_count = 0;
    grouping found;
    for (uint32_t a = 0; a < PROFILES_MAX; a++)
        found.with[a] = a < count ? 1u << a : 0;
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = a + 1; b < count; b++) {
            const plain_edge edge = plain_edge_of(&all, a, b);
            if (edge.stands)
                edges[edge_count++] = edge;
        }
    for (unsigned done = 0; done < edge_count; done++) {
        plain_edge *first = NULL;
        for (unsigned i = 0; i < edge_count; i++)
            if (edges[i].stands && (!first || goes_before(&edges[i], first)))
                first = &edges[i];
        first->stands = false;
        const uint32_t x = found.with[first->a], y = found.with[first->b];
        if (x == y || is_vetoed(&all, x, y))
            continue;
        for (uint32_t i = 0; i < count; i++)
            if ((x | y) >> i & 1)
                found.with[i] = x | y;
    }
    return found;
}

/* ---- the law ---- */

static void assert_same(grouping a, grouping b)
{
    for (unsigned i = 0; i < PROFILES_MAX; i++)
        assert_int_equal(a.with[i], b.with[i]);
}

static void person_is_what_the_reference_says(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        pz__profile *list[PROFILES_MAX];
        const story s = make_story(&g, true);
        build(&s, list, 3, &g);
        assert_same(group(list, s.profiles), reference(list, s.profiles));
        drop(list, s.profiles);
    }
}

static void every_member_sees_the_same_person(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        pz__profile *list[PROFILES_MAX];
        const story s = make_story(&g, true);
        build(&s, list, 2, &g);
        const grouping found = group(list, s.profiles);
        for (unsigned i = 0; i < s.profiles; i++)
            for (unsigned k = 0; k < s.profiles; k++)
                if (found.with[i] >> k & 1)
                    assert_int_equal(found.with[i], found.with[k]);
        drop(list, s.profiles);
    }
}

/* Without unlinks, and with one saying for each pair, nothing depends on who knew of what. */
static void replicas_and_sides_make_no_difference(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        pz__profile *plain[PROFILES_MAX], *spread[PROFILES_MAX];
        story s = make_story(&g, false);
        unsigned kept = 0;
        for (unsigned i = 0; i < s.count; i++) {
            bool is_first = true;
            for (unsigned k = 0; k < kept; k++)
                is_first &=
                    s.list[k].kind == IDENTIFY || s.list[i].kind == IDENTIFY ||
                    !((s.list[k].one == s.list[i].one && s.list[k].other == s.list[i].other) ||
                      (s.list[k].one == s.list[i].other && s.list[k].other == s.list[i].one));
            if (is_first)
                s.list[kept++] = s.list[i];
        }
        s.count = kept;
        build(&s, plain, 1, NULL);
        build(&s, spread, 3, &g);
        assert_same(group(plain, s.profiles), group(spread, s.profiles));
        drop(plain, s.profiles);
        drop(spread, s.profiles);
    }
}

static void join_order_makes_no_difference(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(500, 50000))
    {
        pz__profile *one[PROFILES_MAX], *two[PROFILES_MAX], *other[PROFILES_MAX];
        const story s = make_story(&g, true), t = make_story(&g, true);
        const unsigned count = s.profiles < t.profiles ? s.profiles : t.profiles;
        build(&s, one, 1, NULL);
        build(&t, other, 2, &g);
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(pz__profile_copy(&two[i], other[i]), PZ_OK);
            assert_int_equal(pz__profile_join(two[i], one[i], NULL), PZ_OK);
            assert_int_equal(pz__profile_join(one[i], other[i], NULL), PZ_OK);
        }
        assert_same(group(one, count), group(two, count));
        drop(one, s.profiles);
        drop(two, count);
        drop(other, t.profiles);
    }
}

/* What the law forbids: neighbours are taken as they come, around the one that is asked. */
static uint32_t grown(const pz__person *all, uint32_t from)
{
    uint32_t with = 1u << from;
    for (bool grows = true; grows;) {
        grows = false;
        for (uint32_t a = 0; a < all->count; a++)
            for (uint32_t b = 0; b < all->count; b++)
                if (a != b && with >> a & 1 && !(with >> b & 1) &&
                    plain_edge_of(all, a, b).stands && !is_vetoed(all, with, 1u << b)) {
                    with |= 1u << b;
                    grows = true;
                }
    }
    return with;
}

static void control_growing_around_the_asked_is_caught(void **state)
{
    (void)state;
    unsigned caught = 0;
    GEN_CASES(g, 500)
    {
        pz__profile *list[PROFILES_MAX];
        const story s = make_story(&g, true);
        build(&s, list, 1, NULL);
        const pz__person all = sealed(list, s.profiles);
        const grouping found = group(list, s.profiles);
        for (uint32_t i = 0; i < all.count; i++)
            if (grown(&all, i) != found.with[i]) {
                caught++;
                break;
            }
        drop(list, s.profiles);
    }
    assert_true(caught > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(person_is_what_the_reference_says),
        cmocka_unit_test(every_member_sees_the_same_person),
        cmocka_unit_test(replicas_and_sides_make_no_difference),
        cmocka_unit_test(join_order_makes_no_difference),
        cmocka_unit_test(control_growing_around_the_asked_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
