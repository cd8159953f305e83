/*
 * test_tree.c: the tree against a sorted array, its balance, and that old trees stay as they were.
 */
#include "store/kit.h"
#include "store/tree.h"
#include "support/gen.h"
#include "support/oom.h"

#define KEYS 200u

typedef struct model {
    int value[KEYS]; /* 0 for absent */
} model;

static pz_str key_of(char room[4], unsigned i)
{
    room[0] = (char)('0' + i / 100);
    room[1] = (char)('0' + i / 10 % 10);
    room[2] = (char)('0' + i % 10);
    return (pz_str){room, 3};
}

typedef struct check {
    const model *m;
    unsigned next;
} check;

static pz_status check_leaf(void *payload, const pz__leaf *leaf)
{
    check *c = payload;
    char room[4];
    while (c->next < KEYS && !c->m->value[c->next])
        c->next++;
    assert_true(c->next < KEYS);
    assert_true(pz__str_equal(pz__leaf_key(leaf), key_of(room, c->next)));
    assert_int_equal(leaf->len, sizeof(int));
    assert_memory_equal(pz__leaf_bytes(leaf), &c->m->value[c->next], sizeof(int));
    c->next++;
    return PZ_OK;
}

static void assert_same(const pz__tree *tree, const model *m, unsigned from)
{
    char room[4];
    check c = {m, from};
    assert_ok(pz__tree_walk(tree, key_of(room, from), check_leaf, &c));
    while (c.next < KEYS && !m->value[c.next])
        c.next++;
    assert_int_equal(c.next, KEYS);
}

static unsigned assert_balanced(const pz__tree *tree)
{
    if (!tree)
        return 0;
    unsigned left = assert_balanced(tree->left), right = assert_balanced(tree->right);
    assert_true(left <= right + 1 && right <= left + 1);
    assert_int_equal(tree->height, 1 + (left > right ? left : right));
    return tree->height;
}

static void assert_neighbours(const pz__tree *tree, const model *m, unsigned i)
{
    char room[4], other[4];
    unsigned before = i, after = i;
    while (before > 0 && !m->value[before - 1])
        before--;
    while (after < KEYS && !m->value[after])
        after++;
    const pz__leaf *leaf = pz__tree_before(tree, key_of(room, i));
    assert_int_equal(leaf != NULL, before > 0);
    if (leaf)
        assert_true(pz__str_equal(pz__leaf_key(leaf), key_of(other, before - 1)));
    leaf = pz__tree_at_or_after(tree, key_of(room, i));
    assert_int_equal(leaf != NULL, after < KEYS);
    if (leaf)
        assert_true(pz__str_equal(pz__leaf_key(leaf), key_of(other, after)));
    assert_int_equal(pz__tree_get(tree, key_of(room, i)) != NULL, m->value[i] != 0);
}

/* One random change to tree and model; memory may run out, and then nothing has changed. */
static void change(pz__tree **tree, model *m, const pz_alloc *alloc, gen *g)
{
    char room[4];
    unsigned i = (unsigned)gen_below(g, KEYS);
    int value = (int)gen_range(g, 1, 1000);
    bool put = gen_chance(g, 3, 5);
    pz__tree *next;
    pz_status status =
        put ? pz__tree_put(&next, *tree, alloc, key_of(room, i), &value, sizeof value)
            : pz__tree_remove(&next, *tree, alloc, key_of(room, i));
    if (status != PZ_OK) {
        assert_null(next);
        assert_true(status == PZ_ERR_NOMEM || (!put && !m->value[i]));
        return;
    }
    m->value[i] = put ? value : 0;
    pz__tree_unref(*tree, alloc);
    *tree = next;
}

static void the_tree_agrees_with_a_sorted_array(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(20, 2000))
    {
        oom o;
        oom_init(&o);
        pz_alloc alloc = oom_alloc(&o);
        model now = {{0}}, then = {{0}};
        pz__tree *tree = NULL, *kept = NULL;
        for (unsigned step = 0; step < 400; step++) {
            if (step % 100 == 50) { /* keep this one and see that it stays */
                assert_same(kept, &then, 0);
                pz__tree_unref(kept, &alloc);
                kept = pz__tree_ref(tree);
                then = now;
            }
            if (gen_chance(&g, 1, 4))
                oom_fail(&o, (size_t)gen_range(&g, 1, 8), true);
            change(&tree, &now, &alloc, &g);
            oom_calm(&o);
            assert_neighbours(tree, &now, (unsigned)gen_below(&g, KEYS));
        }
        assert_balanced(tree);
        assert_same(tree, &now, 0);
        assert_same(tree, &now, (unsigned)gen_below(&g, KEYS));
        assert_same(kept, &then, 0);
        pz__tree_unref(tree, &alloc);
        assert_same(kept, &then, 0);
        pz__tree_unref(kept, &alloc);
        oom_finish(&o);
    }
}

static void ascending_keys_stay_balanced(void **state)
{
    (void)state;
    pz_alloc alloc = pz__alloc_or_default(NULL);
    pz__tree *tree = NULL, *next;
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t key[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        assert_ok(pz__tree_put(&next, tree, &alloc, (pz_str){(const char *)key, 2}, NULL, 0));
        pz__tree_unref(tree, &alloc);
        tree = next;
    }
    assert_true(assert_balanced(tree) <= 19); /* 1.44 * log2(10000) */
    pz__tree_unref(tree, &alloc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_agrees_with_a_sorted_array),
        cmocka_unit_test(ascending_keys_stay_balanced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
