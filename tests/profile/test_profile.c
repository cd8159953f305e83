/*
 * test_profile.c: the whole profile: its life, its view, its digest, its export; memory that runs
 * out and memory that must not grow.
 */
#include "profile/kit.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void subjects_have_one_to_sixty_four_bytes(void **state)
{
    (void)state;
    char id[PZ__SUBJECT_MAX + 1];
    memset(id, 'i', sizeof id);
    pz__profile *p;
    assert_int_equal(pz__profile_new(&p, NULL, PZ__DEVICE, (pz_str){id, 64}, NULL), PZ_OK);
    assert_int_equal(pz__profile_subject(p).len, 64);
    assert_int_equal(pz__profile_kind(p), PZ__DEVICE);
    kit_check(p);
    pz__profile_free(p);
    assert_int_equal(pz__profile_new(&p, NULL, PZ__DEVICE, (pz_str){id, 65}, NULL), PZ_ERR_ARG);
    assert_int_equal(pz__profile_new(&p, NULL, PZ__DEVICE, (pz_str){id, 0}, NULL), PZ_ERR_ARG);
    assert_int_equal(pz__profile_new(&p, NULL, (pz__subject_kind)3, (pz_str){id, 1}, NULL),
                     PZ_ERR_ARG);
    pz__profile_free(NULL);
}

static void the_view_is_sorted_and_whole(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(500, 50000))
    {
        static const char *const writers[] = {"a", "b", "c", "d", "e"};
        pz__profile *p = kit_new(NULL);
        for (uint64_t i = gen_below(&g, 40); i > 0; i--) {
            kit_random_write(&g, p, GEN_CHOICE(&g, writers));
            if (gen_chance(&g, 1, 4))
                assert_int_equal(pz__profile_seal(p), PZ_OK);
        }
        assert_int_equal(pz__profile_seal(p), PZ_OK);
        pz__claims all = pz__profile_all_claims(p);
        uint32_t seen = 0;
        for (uint32_t i = 0; i < all.count; i += seen) {
            pz__claims some = pz__profile_claims(p, all.list[i].attribute);
            assert_ptr_equal(some.list, all.list + i);
            seen = some.count;
            for (uint32_t k = 1; k < some.count; k++) {
                const pz__claim *x = &some.list[k - 1], *y = &some.list[k];
                assert_true(x->slot <= y->slot);
                if (x->slot == y->slot && pz__str_equal(x->part, y->part))
                    assert_true(x->slot == PZ__SLOT_DECLARED ? x->at_ms >= y->at_ms
                                                             : x->stamp >= y->stamp);
            }
        }
        kit_check(p);
        pz__profile_free(p);
    }
}

static void absent_attributes_have_nothing(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    assert_int_equal(pz__profile_claims(p, PZ__STR("x")).count, 0);
    assert_int_equal(pz__profile_cells(p, PZ__STR("x")).count, 0);
    kit_put(p, "w", PZ__SLOT_CHOICE, "m", "v", KIT_NOW, KIT_NOW);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    assert_int_equal(pz__profile_claims(p, PZ__STR("a")).count, 0);
    assert_int_equal(pz__profile_claims(p, PZ__STR("z")).count, 0);
    assert_int_equal(pz__profile_claims(p, PZ__STR("m")).count, 1);
    pz__profile_free(p);
}

static void the_digest_follows_the_content(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__digest a, b, c;
    assert_int_equal(pz__profile_digest(p, &a), PZ_OK);
    kit_put(p, "w", PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW);
    assert_int_equal(pz__profile_digest(p, &b), PZ_OK);
    assert_int_equal(pz__profile_digest(p, &c), PZ_OK);
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_memory_equal(&b, &c, sizeof b);
    pz__buf bytes = kit_bytes(p);
    c = pz__content_hash(bytes.data, bytes.len);
    assert_memory_equal(&b, &c, sizeof b);
    pz__buf_clear(&bytes);
    pz__profile_free(p);
}

static void the_export_names_sources(void **state)
{
    (void)state;
    static const char expected[] =
        "{\"subject\":{\"kind\":\"person\",\"id\":\"ann\"},\"claims\":[{\"attribute\":\"language\","
        "\"slot\":\"choice\",\"value\":\"de\",\"inferred\":false,\"at\":\"2026-03-01T00:00:00Z\","
        "\"stamp_ms\":1772323200000,\"channel\":\"web\",\"who\":\"agent-7\",\"writer\":\"w\"}],"
        "\"evidence\":[{\"attribute\":\"category\",\"value\":\"roses\",\"side\":\"for\","
        "\"weight\":1.5,\"inferred\":true,\"from\":\"2026-02-28T14:47:28Z\",\"seconds\":65536,"
        "\"channel\":\"web\","
        "\"writer\":\"0001\"}],\"counters\":[],\"events\":[{\"at\":\"2026-03-01T00:00:00Z\","
        "\"added\":"
        "[{\"attribute\":\"category\",\"value\":\"roses\",\"side\":\"for\",\"weight\":1.5,"
        "\"inferred\":true,\"channel\":\"web\"}],\"writer\":\"0001\"}],\"consents\":[],\"links\":[]"
        ","
        "\"history\":[],"
        "\"forgotten\":[],\"retracted\":0,\"writers\":["
        "{\"writer\":\"0001\",\"sequence\":1,\"claims\":0,\"cells\":1,\"events\":1,\"dropped\":0,"
        "\"kept_since\":{}},{\"writer\":\"w\",\"sequence\":1,\"claims\":1,\"cells\":0,\"events\":0,"
        "\"dropped\":0,\"kept_since\":{}}]}";
    pz__profile *p = kit_new(NULL);
    kit_put(p, "w", PZ__SLOT_CHOICE, "language", "de", KIT_NOW, KIT_NOW);
    pz__write write = kit_write("w", KIT_NOW);
    write.writer = (pz_str){"\0\1", 2};
    pz__contribution c = {.attribute = PZ__STR("category"),
                          .channel = PZ__STR("web"),
                          .value = pz_value_str("roses"),
                          .weight = 1536,
                          .width = 16};
    pz__observation o = {
        .id = PZ__STR("e"), .time_ms = KIT_NOW, .contributions = &c, .contribution_count = 1};
    bool is_new;
    assert_int_equal(pz__profile_observe(p, &write, &o, &is_new, NULL), PZ_OK);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    pz__buf out;
    pz__buf_init(&out, NULL, 1 << 20);
    assert_int_equal(pz__profile_export(p, &out, 0), PZ_OK);
    pz__buf_byte(&out, 0);
    assert_string_equal(out.data, expected);
    pz__buf_clear(&out);
    pz__profile_free(p);
}

/* Writes to a profile; whatever fails must leave the bytes as they were. */
static pz_status write_all(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__profile *p = kit_new(alloc);
    if (!p)
        return PZ_ERR_NOMEM;
    pz_status status = PZ_OK;
    gen g = gen_from(7);
    static const char *const writers[] = {"a", "b"};
    for (int i = 0; i < 24 && status != PZ_ERR_NOMEM; i++) {
        pz__digest before, after;
        pz__segment_info info[2] = {{.sequence = 0}};
        for (uint32_t k = 0; k < pz__profile_segment_count(p); k++)
            info[k] = pz__profile_segment(p, k);
        uint32_t count = pz__profile_segment_count(p);
        status = pz__profile_digest(p, &before);
        bool is_known = status == PZ_OK;
        if (status == PZ_OK)
            status = kit_random_write(&g, p, writers[i % 2]);
        if (status != PZ_OK) {
            assert_int_equal(pz__profile_segment_count(p), count);
            for (uint32_t k = 0; k < count; k++) {
                assert_int_equal(pz__profile_segment(p, k).sequence, info[k].sequence);
                assert_int_equal(pz__profile_segment(p, k).cell_count, info[k].cell_count);
            }
        }
        if (is_known && status == PZ_ERR_NOMEM && pz__profile_digest(p, &after) == PZ_OK)
            assert_memory_equal(&before, &after, sizeof before);
        if (status == PZ_ERR_LATE)
            status = PZ_OK;
    }
    if (status == PZ_OK)
        status = pz__profile_seal(p);
    pz__buf out;
    pz__buf_init(&out, alloc, 1 << 20);
    if (status == PZ_OK)
        status = pz__profile_export(p, &out, 2);
    pz__buf_clear(&out);
    pz__profile_free(p);
    return status;
}

/* Copy, encode, decode and join a given profile. */
static pz_status move_all(const pz_alloc *alloc, void *payload)
{
    const pz__profile *source = payload;
    pz__profile *p = NULL, *q = kit_new(alloc);
    pz__buf bytes;
    pz__buf_init(&bytes, alloc, PZ__PROFILE_BYTES_MAX);
    pz_status status = q ? pz__profile_encode(source, &bytes) : PZ_ERR_NOMEM;
    if (status == PZ_OK)
        status = pz__profile_decode(&p, alloc, bytes.data, bytes.len, NULL);
    if (status == PZ_OK)
        status = pz__profile_join(q, p, NULL);
    if (status != PZ_OK && q)
        assert_int_equal(pz__profile_segment_count(q), 0);
    pz__digest a, b;
    if (status == PZ_OK)
        status = pz__profile_digest(q, &a);
    if (status == PZ_OK && pz__profile_digest(source, &b) == PZ_OK)
        assert_memory_equal(&a, &b, sizeof a);
    pz__profile_free(p);
    pz__profile_free(q);
    pz__buf_clear(&bytes);
    return status;
}

static void exhaustion_changes_nothing(void **state)
{
    (void)state;
    oom_run(write_all, NULL);
    pz__profile *p = kit_new(NULL);
    gen g = gen_from(3);
    for (int i = 0; i < 30; i++)
        kit_random_write(&g, p, i % 3 ? "a" : "b");
    oom_run(move_all, p);
    pz__profile_free(p);
}

static void a_profile_that_is_kept_open_does_not_grow(void **state)
{
    (void)state;
    oom o;
    oom_init(&o);
    pz_alloc alloc = oom_alloc(&o);
    pz__profile *p = kit_new(&alloc);
    size_t settled = 0;
    char value[256];
    for (int i = 0; i < 20000; i++) {
        memset(value, 'a' + i % 26, sizeof value - 1);
        value[sizeof value - 1] = '\0';
        assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "x", value, KIT_NOW, KIT_NOW), PZ_OK);
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        int64_t time_ms = KIT_NOW + i * 1000;
        kit_observe(p, "w", id, value, 5, time_ms, time_ms, 60000, NULL);
        if (i == 2000) {
            settled = o.live_bytes;
            o.peak_bytes = 0;
        }
    }
    /* Cells of new buckets stay, as they must; ids and replaced values do not. */
    assert_in_range(o.peak_bytes, 1, 3 * settled);
    kit_check(p);
    pz__profile_free(p);
    oom_finish(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_have_one_to_sixty_four_bytes),
        cmocka_unit_test(the_view_is_sorted_and_whole),
        cmocka_unit_test(absent_attributes_have_nothing),
        cmocka_unit_test(the_digest_follows_the_content),
        cmocka_unit_test(the_export_names_sources),
        cmocka_unit_test(exhaustion_changes_nothing),
        cmocka_unit_test(a_profile_that_is_kept_open_does_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
