/* test_json.c: reading and writing JSON: round trips, places, refusals, limits, memory. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_value.h"
#include "support/oom.h"

static pz_pool *pool;

static int make_pool(void **state)
{
    (void)state;
    return pz_pool_new(&pool, NULL) == PZ_OK ? 0 : -1;
}

static int drop_pool(void **state)
{
    (void)state;
    pz_pool_free(pool);
    return 0;
}

static pz_status parse(pz_value *out, const char *json, uint32_t flags, pz_error *err)
{
    return pz_value_parse(pool, out, json, strlen(json), flags, err);
}

static pz_value parsed(const char *json)
{
    pz_value v;
    assert_int_equal(parse(&v, json, 0, NULL), PZ_OK);
    return v;
}

static void assert_prints(const char *json, const char *expected)
{
    pz_str text;
    assert_int_equal(pz_value_print(pool, &text, parsed(json), 0), PZ_OK);
    assert_string_equal(text.data, expected);
}

static void reading_undoes_printing(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(3000, 200000))
    {
        pz_value back, v = random_value(&g, pool, 3, true);
        pz_str text, again;
        uint32_t indent = (uint32_t)gen_below(&g, 12);
        assert_int_equal(pz_value_print(pool, &text, v, indent), PZ_OK);
        assert_int_equal(pz_value_parse(pool, &back, text.data, text.len, 0, NULL), PZ_OK);
        assert_int_equal(pz_value_compare(v, back), 0);
        assert_int_equal(pz_value_print(pool, &again, back, indent), PZ_OK);
        assert_int_equal(again.len, text.len);
        assert_memory_equal(again.data, text.data, text.len);
        pz_pool_reset(pool);
    }
}

/* Records of one list: the same names in the same places are the same octets, read either way. */
static void records_of_a_list_share_their_names(void **state)
{
    (void)state;
    static const char json[] = "[{\"id\": 1, \"total\": 2}, {\"id\": 3, \"total\": 4}, {\"id\": "
                               "5}, {\"id\": 6, \"other\": 7},"
                               " {}, {}, {\"total\": {\"id\": 8}, \"id\": [{\"id\": 9}]}]";
    pz_value read, decoded;
    pz__buf bytes;
    pz__cursor in;
    assert_int_equal(pz_value_parse(pool, &read, json, strlen(json), 0, NULL), PZ_OK);
    pz__buf_init(&bytes, NULL, SIZE_MAX);
    pz__value_encode(&bytes, read);
    pz__cursor_init(&in, bytes.data, bytes.len);
    assert_int_equal(pz__value_decode(pz__pool_arena(pool), &in, &decoded), PZ_OK);
    const pz_value both[] = {read, decoded};
    for (int i = 0; i < 2; i++) {
        const pz_entry *first = pz__map_entries(both[i].as.items[0]),
                       *second = pz__map_entries(both[i].as.items[1]);
        for (int k = 0; k < 2; k++)
            assert_ptr_equal(first[k].key.as.text, second[k].key.as.text);
        assert_int_equal(second[1].value.as.i, 4);
        assert_int_equal(pz_value_compare(both[i], read), 0);
    }
    assert_prints(json, "[{\"id\":1,\"total\":2},{\"id\":3,\"total\":4},{\"id\":5},{\"id\":6,"
                        "\"other\":7},{},{},{\"total\":{\"id\":8},\"id\":[{\"id\":9}]}]");
    pz__buf_clear(&bytes);
    pz_pool_reset(pool);
}

static void space_of_any_length_is_stepped_over(void **state)
{
    (void)state;
    char json[128];
    for (int before = 0; before < 40; before++)
        for (int after = 0; after < 20; after++) {
            snprintf(json, sizeof json, "%*s[\n%*s%d,%*s\"x\"]", before, "", before, "", 12, after,
                     "");
            assert_prints(json, "[12,\"x\"]");
        }
}

static void odd_but_tolerable_text_is_read_as_documented(void **state)
{
    (void)state;
    assert_int_equal(pz_value_item(parsed("[-9223372036854775808]"), 0).as.i, INT64_MIN);
    assert_int_equal(pz_value_item(parsed("[-9223372036854775809]"), 0).kind, PZ_DOUBLE);
    assert_int_equal(pz_value_item(parsed("[9223372036854775807]"), 0).kind, PZ_INT);
    assert_int_equal(pz_value_item(parsed("[9223372036854775808]"), 0).kind, PZ_UINT);
    assert_prints("[10000000000000000999]", "[10000000000000000999]");
    assert_prints("[18446744073709551616]", "[18446744073709552000.0]");
    assert_prints("[1.0, 1E6, 1.000000000000000005, 1e-999]", "[1.0,1000000.0,1.0,0.0]");
    assert_prints("[-0, -0.0]", "[0,-0.0]");
    assert_prints("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
    assert_prints("{\"\xc3\xa9\":\"NFC\",\"e\xcc\x81\":\"NFD\"}",
                  "{\"\xc3\xa9\":\"NFC\",\"e\xcc\x81\":\"NFD\"}");
    assert_prints("[\"A\\u0000B\\/\\ud83d\\ude00\"]", "[\"A\\u0000B/\xf0\x9f\x98\x80\"]");
    pz_value v;
    assert_int_equal(parse(&v, "[\"\\uD800\"]", 0, NULL), PZ_ERR_PARSE);
    assert_int_equal(parse(&v, "[\"\xef\xbf\xbd\"]", 0, NULL), PZ_OK);
    assert_int_equal(parse(&v, "{\"a\":1,\"a\":1}", PZ_JSON_REFUSE_DUPLICATES, NULL), PZ_ERR_PARSE);
}

static void refusals_say_where_what_and_how(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        uint32_t flags, line, column;
        const char *said;
    } cases[] = {
        {"", 0, 1, 1, "found the end of the text"},
        {"[1,]", 0, 1, 4, "remove the comma"},
        {"{\"a\" 1}", 0, 1, 6, "a colon after the member name"},
        {"{\n  'a': 1}", 0, 2, 3, "double quotes"},
        {"[nul]", 0, 1, 2, "found nul"},
        {"[01]", 0, 1, 2, "zero"},
        {"[1e400]", 0, 1, 2, "largest double"},
        {"[1.]", 0, 1, 4, "decimal point"},
        {"[-]", 0, 1, 3, "a digit"},
        {"[1e+]", 0, 1, 5, "exponent"},
        {"[\"\xc3\xa9\", \"a\nb\"]", 0, 1, 9, "control character"},
        {"[\"\\x\"]", 0, 1, 3, "no such escape"},
        {"[\"\\u12g4\"]", 0, 1, 3, "four hexadecimal digits"},
        {"[\"\\udc00\"]", 0, 1, 3, "surrogate"},
        {"[\"\xff\"]", 0, 1, 3, "UTF-8"},
        {"[\"abc", 0, 1, 6, "not closed"},
        {"// c\n1", 0, 1, 1, "comment"},
        {"/* c", PZ_JSON_RELAXED, 1, 1, "not closed"},
        {"1 2", 0, 1, 3, "the end of the text"},
        {"\xef\xbb\xbf{}", 0, 1, 1, "byte-order mark"},
        {"{\"a\":1,\n \"b\":2, \"a\":3}", PZ_JSON_REFUSE_DUPLICATES, 2, 9, "\"a\" stands twice"},
        {"[,1]", PZ_JSON_RELAXED, 1, 2, "expected a value"},
        {"{}}", 0, 1, 3, "remove it: all that was opened is closed"},
        {"[1]]", 0, 1, 4, "remove it: all that was opened is closed"},
        {"[1}", 0, 1, 3, "add what is missing"},
        {"{\xe2\x80\x9c"
         "a\xe2\x80\x9d: 1}",
         0, 1, 2, "write straight double quotes"},
        {"[\xe2\x80\x9e"
         "a\xe2\x80\x9c]",
         0, 1, 2, "write straight double quotes"},
        {"[\xc2\xab"
         "a\xc2\xbb]",
         0, 1, 2, "write straight double quotes"},
        {"[\xef\xbc\x82]", 0, 1, 2, "write straight double quotes"},
        {"[\xe2\x80", 0, 1, 2, "save the text as UTF-8"},
        {"\xff\xfe{", 0, 1, 1, "save the text as UTF-8"},
        {"{\xc2\xa0\"a\": 1}", 0, 1, 2, "an ordinary space"},
        {"{\"share\": 0,75}", 0, 1, 13, "with a point"},
        {"[1, # one\n2]", 0, 1, 5, "without comments"},
        {"[1, # one\n2]", PZ_JSON_RELAXED, 1, 5, "write comments as //"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pz_error err = PZ_ERROR_INIT;
        pz_value v = pz_value_int(1);
        assert_int_equal(parse(&v, cases[i].json, cases[i].flags, &err), PZ_ERR_PARSE);
        assert_int_equal(err.status, PZ_ERR_PARSE);
        assert_int_equal(v.kind, PZ_NULL);
        if (!strstr(err.message, cases[i].said) || err.line != cases[i].line ||
            err.column != cases[i].column)
            fail_msg("case %zu: %u:%u %s", i, err.line, err.column, err.message);
    }
}

static void relaxed_text_may_hold_comments_and_trailing_commas(void **state)
{
    (void)state;
    pz_value v;
    const char *json = "// first\n{\"a\": [1, /* two */ 2,], \"b\": 3, // end\n} /**/ // last";
    assert_int_equal(parse(&v, json, PZ_JSON_RELAXED, NULL), PZ_OK);
    assert_int_equal(v.len, 2);
    assert_int_equal(pz_value_get(v, "a", 1, NULL).len, 2);
    assert_int_equal(parse(&v, json, 0, NULL), PZ_ERR_PARSE);
    assert_int_equal(parse(&v, "[,]", PZ_JSON_RELAXED, NULL), PZ_ERR_PARSE);
    assert_int_equal(parse(&v, "// \xff\n1", PZ_JSON_RELAXED, NULL), PZ_ERR_PARSE);
}

static void nodes_know_their_places(void **state)
{
    (void)state;
    pz__arena *arena = pz__pool_arena(pool);
    pz__node root;
    const char *json = " {\"a\": [10, \"x\\n\"], \"b\":{}, \"a\": null}";
    assert_int_equal(pz__json_read_node(arena, &root, json, strlen(json), 0, NULL), PZ_OK);
    assert_int_equal(root.start, 1);
    assert_int_equal(root.end, strlen(json));
    assert_int_equal(root.child_count, 3);
    assert_int_equal(root.value.len, 2);
    const pz__node *list = &root.children[0];
    assert_memory_equal(json + list->key_start, "\"a\"", list->key_end - list->key_start);
    assert_memory_equal(json + list->start, "[10, \"x\\n\"]", list->end - list->start);
    assert_memory_equal(json + list->children[1].start, "\"x\\n\"", 5);
    assert_int_equal(list->children[1].end - list->children[1].start, 5);
    assert_int_equal(list->children[0].key.len, 0);
    assert_int_equal(pz__node_get(&root, "a")->value.kind, PZ_NULL);
    assert_int_equal(pz__node_get(&root, "b")->child_count, 0);
    assert_null(pz__node_get(&root, "c"));
    assert_null(pz__node_get(list, "a"));
}

static void depth_and_length_stop_at_their_limits(void **state)
{
    (void)state;
    char json[2 * PZ_JSON_DEPTH_MAX + 3];
    pz_error err = PZ_ERROR_INIT;
    pz_value v;
    for (size_t depth = PZ_JSON_DEPTH_MAX; depth <= PZ_JSON_DEPTH_MAX + 1; depth++) {
        memset(json, '[', depth);
        memset(json + depth, ']', depth);
        pz_status status = pz_value_parse(pool, &v, json, 2 * depth, 0, &err);
        assert_int_equal(status, depth == PZ_JSON_DEPTH_MAX ? PZ_OK : PZ_ERR_LIMIT);
    }
    assert_int_equal(err.column, PZ_JSON_DEPTH_MAX + 1);
    assert_int_equal(pz_value_parse(pool, &v, "1", (size_t)PZ_JSON_BYTES_MAX + 1, 0, NULL),
                     PZ_ERR_LIMIT);
    char *long_text = malloc(PZ_JSON_BYTES_MAX);
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    if (long_text) {
        memset(long_text, ' ', PZ_JSON_BYTES_MAX);
        long_text[PZ_JSON_BYTES_MAX - 1] = '7';
        assert_int_equal(pz__json_read(&arena, &v, long_text, PZ_JSON_BYTES_MAX, 0, NULL), PZ_OK);
        assert_int_equal(v.as.i, 7);
    }
    free(long_text);
    pz__arena_clear(&arena);
    assert_int_equal(pz_value_parse(NULL, &v, "1", 1, 0, NULL), PZ_ERR_ARG);
    assert_int_equal(pz_value_parse(pool, NULL, "1", 1, 0, NULL), PZ_ERR_ARG);
    assert_int_equal(pz_value_parse(pool, &v, NULL, 1, 0, NULL), PZ_ERR_ARG);
}

static void kinds_without_a_json_form_become_text(void **state)
{
    (void)state;
    pz_value items[] = {pz_value_bytes("\xff\x00\x10g", 4), pz_value_bytes("ab", 2),
                        pz_value_time_ms(1500), pz_value_duration_ns(1500000000),
                        pz_value_uint(UINT64_MAX)};
    pz_entry entries[] = {{pz_value_int(-1), pz_value_null()}, {pz_value_bool(true), items[4]}};
    pz_str text;
    pz_value map, bad = pz_value_strn("\xff", 1);
    assert_int_equal(pz_value_print(pool, &text, pz__value_of_items(items, 5), 0), PZ_OK);
    assert_string_equal(text.data, "[\"/wAQZw==\",\"YWI=\",\"1970-01-01T00:00:01.5Z\",\"1.5s\","
                                   "18446744073709551615]");
    assert_int_equal(pz_pool_map(pool, &map, entries, 2), PZ_OK);
    assert_int_equal(pz_value_print(pool, &text, map, 2), PZ_OK);
    assert_string_equal(text.data, "{\n  \"-1\": null,\n  \"true\": 18446744073709551615\n}");
    assert_int_equal(pz_value_print(pool, &text, pz_value_double(1e308 * 10), 0), PZ_ERR_DOMAIN);
    assert_int_equal(pz_value_print(pool, &text, bad, 0), PZ_ERR_DOMAIN);
    assert_null(text.data);
}

static pz_status read_and_print(const pz_alloc *alloc, void *json)
{
    pz_pool *own;
    pz_value v;
    pz__node node;
    pz_str text;
    pz_status status = pz_pool_new(&own, alloc);
    if (status != PZ_OK)
        return status;
    status = pz_value_parse(own, &v, json, strlen(json), 0, NULL);
    if (status == PZ_OK)
        status = pz__json_read_node(pz__pool_arena(own), &node, json, strlen(json), 0, NULL);
    if (status == PZ_OK)
        status = pz_value_print(own, &text, v, 1);
    pz_pool_free(own);
    return status;
}

static pz_status read_duplicate(const pz_alloc *alloc, void *json)
{
    pz__arena arena;
    pz_value v;
    pz__arena_init(&arena, alloc, 0);
    pz_status status =
        pz__json_read(&arena, &v, json, strlen(json), PZ_JSON_REFUSE_DUPLICATES, NULL);
    pz__arena_clear(&arena);
    return status;
}

static void reading_survives_exhaustion(void **state)
{
    (void)state;
    char json[6000];
    size_t len = 0;
    for (int i = 0; i < 300; i++)
        len +=
            (size_t)snprintf(json + len, sizeof json - len, "%s\"n\\t%d\":%d", i ? "," : "{", i, i);
    snprintf(json + len, sizeof json - len, ",\"deep\":[[1,2]]}");
    assert_true(oom_run(read_and_print, json) > 8);
    snprintf(json + len, sizeof json - len, ",\"n\\t7\":[[1,2]]}");
    oom_run_expecting(PZ_ERR_PARSE, read_duplicate, json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_undoes_printing),
        cmocka_unit_test(records_of_a_list_share_their_names),
        cmocka_unit_test(space_of_any_length_is_stepped_over),
        cmocka_unit_test(odd_but_tolerable_text_is_read_as_documented),
        cmocka_unit_test(refusals_say_where_what_and_how),
        cmocka_unit_test(relaxed_text_may_hold_comments_and_trailing_commas),
        cmocka_unit_test(nodes_know_their_places),
        cmocka_unit_test(depth_and_length_stop_at_their_limits),
        cmocka_unit_test(kinds_without_a_json_form_become_text),
        cmocka_unit_test(reading_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, make_pool, drop_pool);
}
