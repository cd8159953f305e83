/*
 * fuzz_profile.c: bytes that may be a profile.
 *
 * What is accepted must encode to the same bytes, survive a write, join with itself and with what
 * it was before the write, seal and export. What is refused must leak nothing.
 */
#include "profile/profile.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_same(const pz__profile *a, const void *bytes, size_t len)
{
    pz__buf made;
    pz__buf_init(&made, NULL, PZ__PROFILE_BYTES_MAX);
    require(pz__profile_encode(a, &made) == PZ_OK);
    require(made.len == len && memcmp(made.data, bytes, len) == 0);
    pz__buf_clear(&made);
}

/* Takes the segment apart: the bytes are made anew from content after this. */
static void write_to(pz__profile *p)
{
    pz__write write = {.writer = PZ__STR("w"), .at_ms = 1000, .now_ms = 1000};
    pz__claim claim = {
        .attribute = PZ__STR("x"), .slot = PZ__SLOT_CHOICE, .value = pz_value_int(1)};
    pz__contribution c = {
        .attribute = PZ__STR("x"), .weight = 5, .width = 16, .value = pz_value_int(1)};
    pz__observation o = {.id = PZ__STR("e"),
                         .time_ms = 1000,
                         .horizon_ms = INT64_MAX,
                         .contributions = &c,
                         .contribution_count = 1};
    bool is_new;
    pz__profile_put(p, &write, &claim, NULL);
    pz__profile_observe(p, &write, &o, &is_new, NULL);
    pz__profile_observe(p, &write, &o, &is_new, NULL);
    require(!is_new);
}

static void check_view(pz__profile *p)
{
    pz__buf json;
    pz__buf_init(&json, NULL, 64u << 20);
    require(pz__profile_seal(p) == PZ_OK);
    pz__claims claims = pz__profile_all_claims(p);
    if (claims.count)
        require(pz__profile_claims(p, claims.list[claims.count / 2].attribute).count > 0);
    pz_status status = pz__profile_export(p, &json, 0);
    require(status == PZ_OK || status == PZ_ERR_LIMIT);
    pz__buf_clear(&json);
}

/* Ask for an attribute in place. With `decoded`, the answers must be the same. */
static void ask(const pz__profile *peeked, const pz__profile *decoded, pz_str name,
                pz__arena *arena)
{
    const pz__person a = {&peeked, 1}, b = {&decoded, 1};
    pz__claims claims, more_claims;
    pz__cells cells, more_cells;
    const pz_status status = pz__person_claims(&a, name, arena, &claims);
    const pz_status cell_status = pz__person_cells(&a, name, arena, &cells);
    const int64_t since = pz__person_counter_since(&a, name);
    if (!decoded)
        return;
    require(status == PZ_OK && cell_status == PZ_OK);
    require(pz__person_claims(&b, name, arena, &more_claims) == PZ_OK);
    require(pz__person_cells(&b, name, arena, &more_cells) == PZ_OK);
    require(claims.count == more_claims.count && cells.count == more_cells.count);
    require(since == pz__person_counter_since(&b, name));
    for (uint32_t i = 0; i < claims.count; i++)
        require(claims.list[i].stamp == more_claims.list[i].stamp &&
                pz_value_compare(claims.list[i].value, more_claims.list[i].value) == 0);
    for (uint32_t i = 0; i < cells.count; i++)
        require(cells.list[i].weight == more_cells.list[i].weight &&
                cells.list[i].bucket == more_cells.list[i].bucket);
}

static void ask_all(const pz__profile *peeked, const pz__profile *decoded, pz__arena *arena)
{
    static const char *const names[] = {"", "x", "category", "zone", "language", "count(a)"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ask(peeked, decoded, pz_str_of(names[i]), arena);
    if (!decoded)
        return;
    const pz__claims claims = pz__profile_all_claims(decoded);
    const pz__cells cells = pz__profile_all_cells(decoded);
    for (uint32_t i = 0; i < claims.count && i < 64; i++)
        ask(peeked, decoded, claims.list[i].attribute, arena);
    for (uint32_t i = 0; i < cells.count && i < 64; i++)
        ask(peeked, decoded, cells.list[i].attribute, arena);
}

/* `decoded` NULL: the bytes were refused. */
static void check_in_place(const void *data, size_t size, pz__profile *decoded)
{
    pz__arena arena;
    const pz__profile *peeked;
    pz__arena_init(&arena, NULL, 256u << 20);
    const pz_status status = pz__profile_peek(&peeked, &arena, data, size, NULL);
    require(!decoded || status == PZ_OK);
    if (decoded)
        require(pz__profile_seal(decoded) == PZ_OK);
    if (status == PZ_OK)
        ask_all(peeked, decoded, &arena);
    pz__arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pz__profile *p, *q, *r;
    pz_error err = PZ_ERROR_INIT;
    if (pz__profile_decode(&p, NULL, data, size, &err) != PZ_OK) {
        check_in_place(data, size, NULL);
        return 0;
    }
    require_same(p, data, size);
    check_in_place(data, size, p);
    require(pz__profile_copy(&q, p) == PZ_OK);
    write_to(q);
    require(pz__profile_copy(&r, q) == PZ_OK); /* encoded from content and read again */
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, PZ__PROFILE_BYTES_MAX);
    require(pz__profile_encode(q, &bytes) == PZ_OK);
    require_same(r, bytes.data, bytes.len);
    require(pz__profile_join(q, p, NULL) == PZ_OK);
    require(pz__profile_join(p, r, NULL) == PZ_OK);
    pz__buf_reset(&bytes);
    require(pz__profile_encode(q, &bytes) == PZ_OK);
    require_same(p, bytes.data, bytes.len);
    check_view(q);
    check_view(p);
    pz__buf_clear(&bytes);
    pz__profile_free(p);
    pz__profile_free(q);
    pz__profile_free(r);
    return 0;
}
