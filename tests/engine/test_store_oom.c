/*
 * test_store_oom.c: looking after a store while memory runs out: an error, nothing half copied.
 */
#include "home.h"

#include "support/oom.h"

static void fill(home *h)
{
    pz_profile *before = NULL;
    uint32_t erased;
    for (unsigned i = 0; i < 4; i++) {
        char name[20];
        snprintf(name, sizeof name, "c%u", i);
        pz_profile *one = customer(h, "email", name);
        assert_ok(pz_choose(one, "language", pz_value_str("de"), NULL, &kit_error));
        if (before)
            assert_ok(pz_link(one, id_of(before), 1.0, NULL, &kit_error));
        pz_profile_free(before);
        before = one;
    }
    assert_ok(pz_erase(h->engine, id_of(before), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
    pz_profile_free(before);
}

static pz_status open_empty(const pz_alloc *alloc, pz_store **out)
{
    const pz_store_options options = {PZ_STORE_OPTIONS, .alloc = alloc};
    return pz_store_open(out, "memory:", &options, NULL);
}

/* The second copy goes on where the first one ended, or begins. */
static pz_status copy(const pz_alloc *alloc, void *payload)
{
    pz_store *to;
    pz_store_outcome outcome = {.size = sizeof outcome};
    pz_store_info info = {.size = sizeof info};
    pz_status status = open_empty(alloc, &to);
    if (status == PZ_OK)
        status = pz_store_copy(payload, to, NULL, &outcome, &kit_error);
    if (status == PZ_OK)
        status = pz_store_verify(to, NULL, NULL, &kit_error);
    if (status == PZ_OK)
        status = pz_store_compact(to, NULL, NULL, &kit_error);
    if (status == PZ_OK)
        status = pz_store_info_read(to, &info, &kit_error);
    if (status == PZ_OK) {
        assert_int_equal(outcome.added, 3);
        assert_int_equal(info.profiles, 3);
        assert_int_equal(info.links, 2);
    }
    pz_store_close(to);
    return status;
}

static void copying_verifying_and_compacting_survive_exhaustion(void **state)
{
    home *h = *state;
    fill(h);
    oom_run(copy, pz_engine_store(h->engine));
    assert_ok(pz_store_verify(pz_engine_store(h->engine), NULL, NULL, &kit_error));
}

/* Memory runs out in the middle of a copy: what is there is whole, and the copy goes on. */
static void copy_goes_on_after_exhaustion(void **state)
{
    home *h = *state;
    oom limited;
    pz_store *to;
    fill(h);
    for (size_t nth = 1;; nth += 7) {
        oom_init(&limited);
        const pz_alloc alloc = oom_alloc(&limited);
        assert_ok(open_empty(&alloc, &to));
        oom_fail(&limited, nth, true);
        const pz_status status = pz_store_copy(pz_engine_store(h->engine), to, NULL, NULL, NULL);
        oom_calm(&limited);
        assert_ok(pz_store_verify(to, NULL, NULL, &kit_error));
        assert_ok(pz_store_copy(pz_engine_store(h->engine), to, NULL, NULL, &kit_error));
        assert_ok(pz_store_verify(to, NULL, NULL, &kit_error));
        pz_store_close(to);
        oom_finish(&limited);
        if (status == PZ_OK)
            break;
        assert_int_equal(status, PZ_ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copying_verifying_and_compacting_survive_exhaustion,
                                        in_memory, tear_down),
        cmocka_unit_test_setup_teardown(copy_goes_on_after_exhaustion, in_memory, tear_down),
    };
    return cmocka_run_group_tests_name("store_oom", tests, NULL, NULL);
}
