/*
 * fuzz_join.c: replicas made of hostile segments are joined.
 *
 * The input is a row of segments: an octet that says which of three replicas get it (bits 0 to 2)
 * and which of four writers wrote it (bits 3 and 4), an octet twice for the length, the body. A
 * replica takes the first segment of each writer; one whose body is refused is left out.
 *
 * Joining must be commutative, associative and idempotent, byte for byte, whatever the segments
 * hold. The result must be readable, also where its bytes lie, and survive every kind of write.
 * What is scrubbed must read as before, and scrubbing it again change nothing.
 */
#include "profile/profile.h"

#include <stdlib.h>

#define REPLICAS 3u
#define WRITERS 4u
#define HEAD_LEN 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const pz_str writers[WRITERS] = {{"a", 1}, {"b", 1}, {"shop", 4}, {"w", 1}};

/* The segment of one writer alone, as a profile; NULL if it is refused. */
static pz__profile *decode_segment(pz_str writer, const uint8_t *body, size_t len)
{
    pz__buf bytes;
    pz__profile *made;
    pz__buf_init(&bytes, NULL, PZ__PROFILE_BYTES_MAX);
    pz__buf_put(&bytes,
                "PZp\x01\x00\x03"
                "ann\x01",
                10);
    pz__buf_varint(&bytes, writer.len);
    pz__buf_put(&bytes, writer.data, writer.len);
    pz__buf_varint(&bytes, len);
    pz__buf_put(&bytes, body, len);
    pz__profile_decode(&made, NULL, bytes.data, bytes.len, NULL);
    pz__buf_clear(&bytes);
    return made;
}

static pz__profile *empty(void)
{
    pz__profile *made;
    require(pz__profile_new(&made, NULL, PZ__PERSON, PZ__STR("ann"), NULL) == PZ_OK);
    return made;
}

static void fill(pz__profile *replicas[REPLICAS], const uint8_t *data, size_t size)
{
    bool has[REPLICAS][WRITERS] = {{false}};
    while (size > HEAD_LEN) {
        const unsigned head = data[0], writer = head >> 3 & 3;
        size_t len = (size_t)data[1] << 8 | data[2];
        data += HEAD_LEN;
        size -= HEAD_LEN;
        len = len < size ? len : size;
        pz__profile *segment = decode_segment(writers[writer], data, len);
        for (unsigned i = 0; segment && i < REPLICAS; i++)
            if ((head >> i & 1) && !has[i][writer]) {
                has[i][writer] = true;
                require(pz__profile_join(replicas[i], segment, NULL) == PZ_OK);
            }
        pz__profile_free(segment);
        data += len;
        size -= len;
    }
}

static pz__buf bytes_of(const pz__profile *p)
{
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, PZ__PROFILE_BYTES_MAX);
    require(pz__profile_encode(p, &bytes) == PZ_OK);
    return bytes;
}

static void require_same(const pz__profile *a, const pz__profile *b)
{
    pz__buf x = bytes_of(a), y = bytes_of(b);
    require(x.len == y.len && memcmp(x.data, y.data, x.len) == 0);
    pz__buf_clear(&x);
    pz__buf_clear(&y);
}

static pz__profile *joined(const pz__profile *a, const pz__profile *b)
{
    pz__profile *made;
    require(pz__profile_copy(&made, a) == PZ_OK);
    require(pz__profile_join(made, b, NULL) == PZ_OK);
    return made;
}

static void check_laws(pz__profile *r[REPLICAS])
{
    pz__profile *ab = joined(r[0], r[1]), *ba = joined(r[1], r[0]), *bc = joined(r[1], r[2]);
    pz__profile *ab_c = joined(ab, r[2]), *a_bc = joined(r[0], bc), *again = joined(ab_c, r[1]);
    require_same(ab, ba);
    require_same(ab_c, a_bc);
    require_same(ab_c, again);
    pz__profile *all[] = {ab, ba, bc, ab_c, a_bc, again};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        pz__profile_free(all[i]);
}

static void check_view(pz__profile *p)
{
    pz__buf bytes = bytes_of(p), json;
    pz__arena arena;
    const pz__profile *peeked;
    pz__buf_init(&json, NULL, 64u << 20);
    pz__arena_init(&arena, NULL, 0);
    require(pz__profile_seal(p) == PZ_OK);
    require(pz__profile_peek(&peeked, &arena, bytes.data, bytes.len, NULL) == PZ_OK);
    const pz__person person = {&peeked, 1};
    const pz__claims all = pz__profile_all_claims(p);
    for (uint32_t i = 0; i < all.count && i < 64; i++) {
        pz__claims there;
        const pz_str name = all.list[i].attribute;
        require(pz__person_claims(&person, name, &arena, &there) == PZ_OK);
        require(there.count == pz__profile_claims(p, name).count);
    }
    const pz_status status = pz__profile_export(p, &json, 0);
    require(status == PZ_OK || status == PZ_ERR_LIMIT);
    pz__buf_clear(&json);
    pz__buf_clear(&bytes);
    pz__arena_clear(&arena);
}

/* Readers see the same before and after. */
static void scrub(pz__profile *p)
{
    require(pz__profile_seal(p) == PZ_OK);
    const uint32_t claims = pz__profile_all_claims(p).count, cells = pz__profile_all_cells(p).count;
    require(pz__profile_scrub(p, NULL) == PZ_OK);
    require(pz__profile_seal(p) == PZ_OK);
    require(pz__profile_all_claims(p).count == claims);
    require(pz__profile_all_cells(p).count == cells);
    pz__buf once = bytes_of(p);
    require(pz__profile_scrub(p, NULL) == PZ_OK);
    pz__buf twice = bytes_of(p);
    require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    pz__buf_clear(&once);
    pz__buf_clear(&twice);
}

/* Every kind of write, by a writer of whom a segment is there: it cleans up what was erased. */
static void write_to(pz__profile *p, pz_str writer)
{
    const pz__write write = {.writer = writer, .at_ms = 1000, .now_ms = 1000, .skew_ms = 1000};
    const pz__claim claim = {
        .attribute = PZ__STR("zone"), .slot = PZ__SLOT_CHOICE, .value = pz_value_int(1)};
    const pz__contribution c = {
        .attribute = PZ__STR("zone"), .weight = 5, .width = 16, .value = pz_value_int(1)};
    const pz__observation o = {.id = PZ__STR("e"),
                               .time_ms = 1000,
                               .horizon_ms = INT64_MAX,
                               .contributions = &c,
                               .contribution_count = 1};
    const pz__forgetting f = {PZ__STR("zone"), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    const pz__retraction r = {.attribute = PZ__STR(""), .from_ms = 0, .to_ms = INT64_MAX};
    bool is_new;
    uint32_t count;
    pz__profile_undo(p, &write, PZ__STR(""), NULL);
    pz__profile_note_begin(p, PZ__STR("choose"));
    pz__profile_put(p, &write, &claim, NULL);
    pz__profile_note_end(p);
    pz__profile_observe(p, &write, &o, &is_new, NULL);
    pz__profile_grant(p, &write, PZ__GRANT_PURPOSE, PZ__STR("ads"), 0, NULL);
    pz__profile_deny(p, &write, PZ__GRANT_LINK, PZ__STR("bob"), NULL);
    pz__profile_retract(p, &write, &r, &count, NULL);
    pz__profile_forget(p, &write, &f, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pz__profile *replicas[REPLICAS];
    for (unsigned i = 0; i < REPLICAS; i++)
        replicas[i] = empty();
    fill(replicas, data, size);
    check_laws(replicas);
    check_view(replicas[0]);
    for (unsigned i = 0; i < WRITERS; i++)
        write_to(replicas[0], writers[i]);
    check_view(replicas[0]);
    for (unsigned i = 0; i < REPLICAS; i++)
        scrub(replicas[i]);
    check_view(replicas[0]);
    check_laws(replicas);
    for (unsigned i = 0; i < REPLICAS; i++)
        pz__profile_free(replicas[i]);
    return 0;
}
