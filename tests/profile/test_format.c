/*
 * test_format.c: golden bytes of every version of the format. Files of tests/data/profile are
 * hexadecimal, "#" begins a comment. What was once written must stay readable and, while the
 * version is current, must be written again to the very same bytes.
 */
#include "profile/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN(name) PZ_TEST_DATA "/" name

static int digit(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static pz__buf read_golden(const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s is missing", path);
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, 1 << 20);
    while (fgets(line, sizeof line, file))
        for (const char *c = line; *c && *c != '#'; c++)
            if (digit(c[0]) >= 0 && digit(c[1]) >= 0) {
                pz__buf_byte(&bytes, (uint8_t)(digit(c[0]) << 4 | digit(c[1])));
                c++;
            }
    fclose(file);
    return bytes;
}

/* Claims, evidence, counters and events of two writers, consents, links and history. */
static pz__profile *sample(void)
{
    static const pz_str counters[] = {{"count(purchase)", 15}};
    pz__profile *p = kit_new(NULL);
    kit_put(p, "shop", PZ__SLOT_CHOICE, "language", "de", KIT_NOW - 60000, KIT_NOW);
    kit_put(p, "shop", PZ__SLOT_DECLARED, "country", "DE", KIT_NOW - 9 * KIT_DAY, KIT_NOW);
    kit_put(p, "shop", PZ__SLOT_CHOICE, "toolbar", NULL, KIT_NOW, KIT_NOW);
    pz__write write = kit_write("shop", KIT_NOW);
    write.expires_ms = KIT_NOW + KIT_DAY;
    write.who = PZ__STR("");
    pz__claim guess = {.attribute = PZ__STR("category"),
                       .slot = PZ__SLOT_INFERRED,
                       .part = PZ__STR("web"),
                       .value = pz_value_str("roses"),
                       .confidence = 60000 / 65536.0};
    assert_int_equal(pz__profile_put(p, &write, &guess, NULL), PZ_OK);
    kit_observe(p, "shop", "e1", "roses", 5120, KIT_NOW - 4 * KIT_DAY, KIT_NOW, 9 * KIT_DAY, NULL);
    assert_int_equal(pz__profile_keep_counters(p, PZ__STR("shop"), counters, 1, KIT_NOW, NULL), 0);
    kit_observe(p, "shop", "e2", "roses", 1024, KIT_NOW, KIT_NOW, 3 * KIT_DAY, NULL);
    assert_int_equal(pz__profile_keep_counters(p, PZ__STR("crm"), counters, 1, KIT_NOW, NULL), 0);
    kit_observe(p, "crm", "e3", "tools", -512, KIT_NOW, KIT_NOW, 3 * KIT_DAY, NULL);
    write = kit_write("shop", KIT_NOW);
    pz__profile_note_begin(p, PZ__STR("choose"));
    kit_put(p, "shop", PZ__SLOT_CHOICE, "language", "fr", KIT_NOW, KIT_NOW);
    pz__profile_note_end(p);
    assert_int_equal(pz__profile_undo(p, &write, PZ__STR("language"), NULL), PZ_OK);
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_PURPOSE, PZ__STR("service"), 0, NULL),
                     PZ_OK);
    write.writer = PZ__STR("crm");
    assert_int_equal(pz__profile_deny(p, &write, PZ__GRANT_PURPOSE, PZ__STR("ads"), NULL), PZ_OK);
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_LINK, PZ__STR("ann-2"), 50000, NULL),
                     PZ_OK);
    write.writer = PZ__STR("shop");
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_PURPOSE, PZ__STR("ads"), 0, NULL),
                     PZ_OK);
    return p;
}

/* The same with forgettings, retractions, and evidence gathered after a forgetting. */
static pz__profile *erased_sample(void)
{
    pz__profile *p = sample();
    pz__write write = kit_write("crm", KIT_NOW);
    uint32_t count;
    const pz__forgetting ever = {PZ__STR("country"), INT64_MIN, INT64_MAX, PZ__FORGET_FACTS};
    const pz__forgetting span = {PZ__STR("category"), KIT_NOW - 9 * KIT_DAY, KIT_NOW - 2 * KIT_DAY,
                                 PZ__FORGET_GATHERED};
    assert_int_equal(pz__profile_forget(p, &write, &ever, NULL), PZ_OK);
    assert_int_equal(pz__profile_forget(p, &write, &span, NULL), PZ_OK);
    const pz__retraction one = {.source = PZ__STR("shop"), .id = PZ__STR("e2")};
    assert_int_equal(pz__profile_retract(p, &write, &one, &count, NULL), PZ_OK);
    assert_int_equal(count, 1);
    kit_observe(p, "crm", "e4", "seeds", 1024, KIT_NOW - 3 * KIT_DAY, KIT_NOW, 9 * KIT_DAY, NULL);
    return p;
}

/* And of that, what was forgotten gone from every writer's segment. */
static pz__profile *scrubbed_sample(void)
{
    pz__profile *p = erased_sample();
    assert_int_equal(pz__profile_scrub(p, NULL), PZ_OK);
    return p;
}

/* Guesses: whole 65536ths and what is none, in force and taken back. */
static pz__profile *stated_sample(void)
{
    static const double stated[] = {0.0, 0.5, 0.7, 0.749999999, 0.75, 0.9, 1.0};
    static const char *const channels[] = {"a", "b", "c", "d", "e", "f", "g"};
    pz__profile *p = kit_new(NULL);
    const pz__write write = kit_write("shop", KIT_NOW);
    for (size_t i = 0; i < sizeof stated / sizeof stated[0]; i++) {
        const pz__claim guess = {.attribute = PZ__STR("category"),
                                 .slot = PZ__SLOT_INFERRED,
                                 .part = pz_str_of(channels[i]),
                                 .value = pz_value_str("roses"),
                                 .confidence = stated[i]};
        assert_int_equal(pz__profile_put(p, &write, &guess, NULL), PZ_OK);
    }
    kit_put(p, "shop", PZ__SLOT_INFERRED, "category", NULL, KIT_NOW, KIT_NOW);
    return p;
}

static void print_hex(const pz__buf *bytes)
{
    for (size_t i = 0; i < bytes->len; i++)
        printf("%02x%s", (uint8_t)bytes->data[i], i % 32 == 31 || i + 1 == bytes->len ? "\n" : "");
}

static void assert_golden(pz__profile *p, const char *path)
{
    pz__buf made = kit_bytes(p);
    if (getenv("PZ_PRINT_GOLDEN")) {
        printf("# %s\n", path);
        print_hex(&made);
    } else {
        pz__buf golden = read_golden(path);
        assert_int_equal(made.len, golden.len);
        assert_memory_equal(made.data, golden.data, made.len);
        pz__buf_clear(&golden);
    }
    pz__buf_clear(&made);
    pz__profile_free(p);
}

static void version_1_is_written_to_the_golden_bytes(void **state)
{
    (void)state;
    assert_golden(sample(), GOLDEN("version1.hex"));
    assert_golden(erased_sample(), GOLDEN("version1-erased.hex"));
    assert_golden(scrubbed_sample(), GOLDEN("version1-scrubbed.hex"));
    assert_golden(stated_sample(), GOLDEN("version1-stated.hex"));
}

static void version_1_reads_back(void **state)
{
    (void)state;
    static const char *const files[] = {
        GOLDEN("version1.hex"), GOLDEN("version1-erased.hex"), GOLDEN("version1-scrubbed.hex"),
        GOLDEN("version1-stated.hex"), GOLDEN("version1-unknown.hex")};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        pz__buf golden = read_golden(files[i]);
        pz__profile *p;
        pz_error err = PZ_ERROR_INIT;
        if (pz__profile_decode(&p, NULL, golden.data, golden.len, &err) != PZ_OK)
            fail_msg("%s: %s", files[i], err.message);
        pz__buf again = kit_bytes(p);
        assert_int_equal(again.len, golden.len);
        assert_memory_equal(again.data, golden.data, golden.len);
        pz__buf_clear(&again);
        pz__buf_clear(&golden);
        pz__profile_free(p);
    }
}

static void fifty_typical_claims_fit_in_two_kilobytes(void **state)
{
    (void)state;
    static const char *const values[] = {"de", "web", "newsletter", "garden", "2026-Q1", "large"};
    pz__profile *p = kit_new(NULL);
    char name[32];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "preference.topic%d", i);
        int64_t at_ms = KIT_NOW - (50 - i) * (KIT_DAY + 12345);
        kit_put(p, "0123456789abcdef", i % 3 ? PZ__SLOT_CHOICE : PZ__SLOT_DECLARED, name,
                values[i % 6], at_ms, at_ms);
    }
    pz__buf bytes = kit_bytes(p);
    assert_in_range(bytes.len, 1, 2048);
    pz__buf_clear(&bytes);
    pz__profile_free(p);
}

/* What the library makes of a golden file, for readers that are not this library. */
static int print_export(const char *path)
{
    pz__buf golden = read_golden(path), json;
    pz__profile *p;
    pz_error err = PZ_ERROR_INIT;
    pz__buf_init(&json, NULL, 1 << 20);
    pz_status status = pz__profile_decode(&p, NULL, golden.data, golden.len, &err);
    if (status == PZ_OK)
        status = pz__profile_seal(p);
    if (status == PZ_OK)
        status = pz__profile_export(p, &json, 2);
    printf("%.*s\n", (int)json.len, json.data ? json.data : "");
    if (status != PZ_OK)
        fprintf(stderr, "%s: %s\n", path, err.message);
    pz__profile_free(p);
    pz__buf_clear(&json);
    pz__buf_clear(&golden);
    return status != PZ_OK;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--export") == 0)
        return print_export(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_written_to_the_golden_bytes),
        cmocka_unit_test(version_1_reads_back),
        cmocka_unit_test(fifty_typical_claims_fit_in_two_kilobytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
