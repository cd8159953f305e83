/* test_lexer.c: tokens and literals. */
#include "cel/kit.h"

#include "cel/lexer.h"

static uint32_t kinds(const char *source, pz__token_kind *out, uint32_t cap)
{
    pz__lexer lexer;
    pz__lexer_init(&lexer, pz_str_of(source));
    for (uint32_t n = 0; n < cap; n++) {
        out[n] = pz__lexer_next(&lexer).kind;
        if (out[n] == PZ__TOK_END || out[n] == PZ__TOK_BAD)
            return n;
    }
    return cap;
}

static void assert_bad(const char *source, const char *part)
{
    pz__lexer lexer;
    pz__token token;
    pz__lexer_init(&lexer, pz_str_of(source));
    do
        token = pz__lexer_next(&lexer);
    while (token.kind != PZ__TOK_END && token.kind != PZ__TOK_BAD);
    assert_int_equal(token.kind, PZ__TOK_BAD);
    assert_non_null(strstr(lexer.message, part));
}

static void longest_match_wins(void **state)
{
    (void)state;
    pz__token_kind k[16];
    assert_int_equal(kinds("<= < in inn .5 0x1Fu 1e3 1.e", k, 16), 10);
    const pz__token_kind expected[] = {PZ__TOK_LE,    PZ__TOK_LT,   PZ__TOK_IN,    PZ__TOK_IDENT,
                                       PZ__TOK_FLOAT, PZ__TOK_UINT, PZ__TOK_FLOAT, PZ__TOK_INT,
                                       PZ__TOK_DOT,   PZ__TOK_IDENT};
    assert_memory_equal(k, expected, sizeof expected);
}

static void comments_and_blanks_stand_anywhere(void **state)
{
    (void)state;
    pz__token_kind k[8];
    assert_int_equal(kinds("a // dot\n\t. // name\r\n b //", k, 8), 3);
    assert_int_equal(k[1], PZ__TOK_DOT);
}

static void prefixes_and_quotes_delimit_texts(void **state)
{
    (void)state;
    pz__token_kind k[8];
    assert_int_equal(kinds("r'\\' Br\"\"\"a\n\"\"\" b'x' '\\''", k, 8), 4);
    assert_int_equal(k[0], PZ__TOK_STRING);
    assert_int_equal(k[1], PZ__TOK_BYTES);
    assert_int_equal(k[2], PZ__TOK_BYTES);
    assert_int_equal(k[3], PZ__TOK_STRING);
}

static void impossible_tokens_say_the_remedy(void **state)
{
    (void)state;
    assert_bad("a = 1", "'=='");
    assert_bad("a & b", "'&&'");
    assert_bad("a | b", "'||'");
    assert_bad("'abc", "closing quote");
    assert_bad("'a\nb'", "closing quote");
    assert_bad("12ab", "ends in letters");
    assert_bad("a.`b#`", "quoted field");
    assert_bad("a # b", "no meaning");
}

static void reserved_words_are_whole_words(void **state)
{
    (void)state;
    assert_true(pz__word_reserved(PZ__STR("for")));
    assert_true(pz__word_reserved(PZ__STR("while")));
    assert_false(pz__word_reserved(PZ__STR("fo")));
    assert_false(pz__word_reserved(PZ__STR("forx")));
}

static pz_status text_literal(pz__arena *arena, const char *source, pz_value *v)
{
    pz__lexer lexer;
    pz__literal_error error;
    pz__lexer_init(&lexer, pz_str_of(source));
    pz__token token = pz__lexer_next(&lexer);
    return pz__literal_text(arena, pz_str_of(source), token, v, &error);
}

static void escapes_denote_characters_in_strings_and_octets_in_bytes(void **state)
{
    (void)state;
    pz__arena arena;
    pz_value v;
    pz__arena_init(&arena, NULL, 0);
    assert_int_equal(text_literal(&arena, "'\\xff\\u00e9\\U0001F600\\101\\n'", &v), PZ_OK);
    assert_int_equal(v.len, 2 + 2 + 4 + 1 + 1);
    assert_memory_equal(v.as.text,
                        "\xc3\xbf\xc3\xa9\xf0\x9f\x98\x80"
                        "A\n",
                        v.len);
    assert_int_equal(text_literal(&arena, "b'\\xff\\377'", &v), PZ_OK);
    assert_int_equal(v.kind, PZ_BYTES);
    assert_int_equal(v.len, 2);
    assert_memory_equal(v.as.text, "\xff\xff", 2);
    static const char *const refused[] = {"'\\ud800'", "'\\U00110000'", "b'\\u0041'", "'\\q'",
                                          "'\\x1'",    "'\\400'",       "'\\18'"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(text_literal(&arena, refused[i], &v), PZ_ERR_PARSE);
    pz__arena_clear(&arena);
}

static void integers_keep_their_range(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    assert_int_equal(kit_eval(&k, "-9223372036854775808").as.i, INT64_MIN);
    assert_int_equal(kit_eval(&k, "0x7fffffffffffffff").as.i, INT64_MAX);
    assert_true(kit_eval(&k, "18446744073709551615u").as.u == UINT64_MAX);
    assert_null(kit_compile(&k, "9223372036854775808"));
    assert_null(kit_compile(&k, "18446744073709551616u"));
    assert_null(kit_compile(&k, "0x10000000000000000"));
    assert_int_equal(k.status, PZ_ERR_PARSE);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_match_wins),
        cmocka_unit_test(comments_and_blanks_stand_anywhere),
        cmocka_unit_test(prefixes_and_quotes_delimit_texts),
        cmocka_unit_test(impossible_tokens_say_the_remedy),
        cmocka_unit_test(reserved_words_are_whole_words),
        cmocka_unit_test(escapes_denote_characters_in_strings_and_octets_in_bytes),
        cmocka_unit_test(integers_keep_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
