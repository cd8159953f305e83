/*
 * profile.c: the state of one customer: joined, written as bytes, read back, changed.
 *
 * A profile of N claims (10, 50, 500) holds as many declared facts under as many attributes, each
 * with a value of about ten bytes, a channel and the name of who said it. `bytes` is what its
 * canonical bytes take, except for `put` and `observe`, which are told without.
 *
 *     reference  the canonical bytes copied with memcpy
 *     copy       a deep copy, freed again
 *     join       copy, and join a replica in which another writer has as many claims; freed again
 *     encode     canonical bytes into a buffer that is warm
 *     decode     bytes to profile, freed again
 *     point      bytes opened where they lie, and the claims of one attribute read
 *     open       `resolve` of one attribute over a decoded, sealed profile
 *     in_place   the same over bytes, which are opened for every answer
 *     view       the same over bytes that were opened once
 *     asked      what a host calls: a context begun, pz_resolve() of an open handle
 *     asked_bytes  the same of bytes: pz_profile_view(), pz_resolve(), pz_profile_free()
 *     put        one claim into a register that exists, not sealed
 *     put_seal   the same, and made readable again
 *     observe    one event with one piece of evidence, among a thousand recent ones, not sealed
 *
 * Checked: decoding the bytes and encoding again gives the same bytes; joining in either order
 * gives the same bytes; an event told twice is new once; every attribute resolves to what was put,
 * over the profile and over its bytes.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "profile/profile.h"

#define RECENT 1000

typedef struct world {
    const bench *b;
    uint32_t claims;
    pz__profile *mine, *other, *growing;
    pz__buf bytes, out;
    int64_t moment; /* of the last event */
    uint64_t tick;  /* of the last put: each is newer than the one before */
    const pz__catalog *catalog;
    const pz__profile *view; /* over the bytes */
    pz__arena arena;
    pz_engine *engine;
    pz_context *context;
    pz_profile *handle;
} world;

static const pz_str here = PZ__STR("here"), there = PZ__STR("there");

static void put(pz__profile *profile, pz_str writer, uint32_t number, uint64_t variant)
{
    char name[24], text[24];
    snprintf(name, sizeof name, "attribute_%03u", number);
    snprintf(text, sizeof text, "value-%04u", (uint32_t)(variant % 10000));
    const pz__write write = {.writer = writer,
                             .channel = PZ__STR("web"),
                             .who = PZ__STR("crm"),
                             .at_ms = BENCH_NOW + (int64_t)variant,
                             .now_ms = BENCH_NOW + (int64_t)variant};
    const pz__claim claim = {
        .attribute = pz_str_of(name), .slot = PZ__SLOT_DECLARED, .value = pz_value_str(text)};
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz__profile_put(profile, &write, &claim, &err), &err, "a claim");
}

static bool observe(world *w, pz__profile *profile, int64_t moment)
{
    char id[24];
    snprintf(id, sizeof id, "event-%08u", (uint32_t)(moment / 1000 % 100000000));
    const pz__write write = {.writer = here, .at_ms = moment, .now_ms = moment};
    const pz__contribution contribution = {.attribute = PZ__STR("category"),
                                           .channel = PZ__STR("web"),
                                           .value = pz_value_str("garden"),
                                           .weight = 1024,
                                           .width = 20,
                                           .side = PZ__FOR};
    const pz__observation observation = {.source = PZ__STR("shop"),
                                         .id = pz_str_of(id),
                                         .time_ms = moment,
                                         .horizon_ms = RECENT * 1000,
                                         .contributions = &contribution,
                                         .contribution_count = 1};
    bool is_new;
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz__profile_observe(profile, &write, &observation, &is_new, &err), &err, "an event");
    w->moment = moment;
    return is_new;
}

static uint64_t run_memcpy(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++) {
        pz__buf_reset(&w->out);
        pz__buf_put(&w->out, w->bytes.data, w->bytes.len);
        __asm__ volatile("" : : "r"(w->out.data) : "memory");
    }
    return w->out.len;
}

static uint64_t run_copy(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++) {
        pz__profile *copy;
        bench_must(pz__profile_copy(&copy, w->mine), NULL, "copying");
        pz__profile_free(copy);
    }
    return count;
}

static uint64_t run_join(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++) {
        pz__profile *copy;
        bench_must(pz__profile_copy(&copy, w->mine), NULL, "copying");
        bench_must(pz__profile_join(copy, w->other, NULL), NULL, "joining");
        pz__profile_free(copy);
    }
    return count;
}

static uint64_t run_encode(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++) {
        pz__buf_reset(&w->out);
        bench_must(pz__profile_encode(w->mine, &w->out), NULL, "encoding");
    }
    return w->out.len;
}

static uint64_t run_decode(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++) {
        pz__profile *read;
        bench_must(pz__profile_decode(&read, &w->b->alloc, w->bytes.data, w->bytes.len, NULL), NULL,
                   "decoding");
        pz__profile_free(read);
    }
    return count;
}

/* Attributes in a scattered order that is the same in every run. */
static const pz__attribute *attribute_of(const world *w, uint64_t turn)
{
    char name[24];
    snprintf(name, sizeof name, "attribute_%03u", (uint32_t)(turn * 7 % w->claims));
    return pz__catalog_attribute(w->catalog, pz_str_of(name));
}

static pz_value resolve(world *w, const pz__profile *profile, const pz__attribute *attribute)
{
    const pz__view view = {.catalog = w->catalog,
                           .person = {&profile, 1},
                           .now_ms = BENCH_NOW + 10000,
                           .channel = PZ__STR("web"),
                           .arena = &w->arena};
    pz__resolution answer;
    bench_must(pz__resolve(&view, attribute, NULL, &answer), NULL, "resolving");
    return answer.value;
}

static const pz__profile *peek(world *w)
{
    const pz__profile *view;
    bench_must(pz__profile_peek(&view, &w->arena, w->bytes.data, w->bytes.len, NULL), NULL,
               "opening bytes");
    return view;
}

static uint64_t run_point(void *payload, uint64_t count)
{
    world *w = payload;
    const pz_str name = PZ__STR("attribute_007");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        const pz__mark mark = pz__arena_mark(&w->arena);
        const pz__profile *view = peek(w);
        const pz__person person = {&view, 1};
        pz__claims claims;
        bench_must(pz__person_claims(&person, name, &w->arena, &claims), NULL, "reading");
        sum += (uint64_t)claims.list[0].at_ms;
        pz__arena_return(&w->arena, mark);
    }
    return sum;
}

/* The three ways differ in where the profile comes from. */
static uint64_t run_resolve(world *w, const pz__profile *profile, uint64_t count)
{
    const pz__attribute *attributes[8];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 8; i++)
        attributes[i] = attribute_of(w, i);
    for (uint64_t i = 0; i < count; i++) {
        const pz__mark mark = pz__arena_mark(&w->arena);
        sum += resolve(w, profile ? profile : peek(w), attributes[i % 8]).len;
        pz__arena_return(&w->arena, mark);
    }
    return sum;
}

static uint64_t run_open(void *payload, uint64_t count)
{
    world *w = payload;
    return run_resolve(w, w->mine, count);
}

static uint64_t run_in_place(void *payload, uint64_t count)
{
    return run_resolve(payload, NULL, count);
}

static uint64_t run_view(void *payload, uint64_t count)
{
    world *w = payload;
    return run_resolve(w, w->view, count);
}

/* A host's question about an open handle, or about the bytes if there is none. */
static pz_str ask(world *w, pz_profile *handle, uint64_t turn)
{
    char name[24];
    pz_profile *profile = handle;
    pz_resolution answer = {PZ_RESOLUTION};
    snprintf(name, sizeof name, "attribute_%03u", (uint32_t)(turn % 8 * 7 % w->claims));
    bench_must(pz_context_begin(w->context, BENCH_NOW + 10000, NULL), NULL, "beginning");
    if (!handle)
        bench_must(pz_profile_view(&profile, w->engine, w->bytes.data, w->bytes.len, NULL), NULL,
                   "opening bytes");
    bench_must(pz_resolve(&answer, w->context, profile, name, NULL), NULL, "resolving");
    const pz_str text = pz_value_text(answer.value);
    if (!handle)
        pz_profile_free(profile);
    return text;
}

static uint64_t run_asked(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += ask(w, w->handle, i).len;
    return sum;
}

static uint64_t run_asked_bytes(void *payload, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += ask(payload, NULL, i).len;
    return sum;
}

static uint64_t run_put(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++)
        put(w->growing, here, (uint32_t)i % w->claims, ++w->tick);
    return count;
}

static uint64_t run_put_seal(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++) {
        put(w->growing, here, (uint32_t)i % w->claims, ++w->tick);
        bench_must(pz__profile_seal(w->growing), NULL, "sealing");
    }
    return count;
}

static uint64_t run_observe(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += observe(w, w->growing, w->moment + 1000);
    return sum;
}

/* ---- the world ---- */

static pz__profile *made(world *w, pz_str writer)
{
    pz__profile *profile;
    bench_must(pz__profile_new(&profile, &w->b->alloc, PZ__PERSON, PZ__STR("ann"), NULL), NULL,
               "a profile");
    for (uint32_t i = 0; i < w->claims; i++)
        put(profile, writer, i, i);
    bench_must(pz__profile_seal(profile), NULL, "sealing");
    return profile;
}

static bool encodes_as(pz__buf *scratch, const pz__profile *profile, const pz__buf *bytes)
{
    pz__buf_reset(scratch);
    bench_must(pz__profile_encode(profile, scratch), NULL, "encoding");
    return scratch->len == bytes->len && memcmp(scratch->data, bytes->data, bytes->len) == 0;
}

static void check_answers(world *w)
{
    for (uint32_t i = 0; i < w->claims; i++) {
        const pz__attribute *attribute = attribute_of(w, i);
        char expected[24];
        snprintf(expected, sizeof expected, "value-%04u", i * 7 % w->claims);
        bench_expect(
            pz__str_equal(pz_value_text(resolve(w, w->mine, attribute)), pz_str_of(expected)),
            "the value that was put");
        bench_expect(
            pz__str_equal(pz_value_text(resolve(w, w->view, attribute)), pz_str_of(expected)),
            "the value that was put, from bytes");
    }
}

static void check_asked(world *w)
{
    for (uint32_t i = 0; i < 8; i++) {
        char expected[24];
        snprintf(expected, sizeof expected, "value-%04u", i * 7 % w->claims);
        bench_expect(pz__str_equal(ask(w, w->handle, i), pz_str_of(expected)), "an open handle");
        bench_expect(ask(w, NULL, i).len == strlen(expected), "a handle over bytes");
    }
}

static void check(world *w)
{
    pz__profile *a, *b;
    pz__buf joined;
    bench_must(pz__profile_decode(&a, NULL, w->bytes.data, w->bytes.len, NULL), NULL, "decoding");
    bench_expect(encodes_as(&w->out, a, &w->bytes), "bytes that come back the same");
    bench_must(pz__profile_copy(&b, w->other), NULL, "copying");
    bench_must(pz__profile_join(a, w->other, NULL), NULL, "joining");
    bench_must(pz__profile_join(b, w->mine, NULL), NULL, "joining");
    pz__buf_init(&joined, NULL, PZ__PROFILE_BYTES_MAX);
    bench_must(pz__profile_encode(a, &joined), NULL, "encoding");
    bench_expect(encodes_as(&w->out, b, &joined), "the same in either order");
    pz__buf_clear(&joined);
    pz__profile_free(a);
    pz__profile_free(b);
    bench_expect(!observe(w, w->growing, w->moment), "an event told twice is new once");
}

/* An engine whose catalog declares what the customer has claims about. */
static pz_engine *open_engine(const bench *b, uint32_t claims)
{
    pz__buf catalog;
    pz__buf_init(&catalog, NULL, 1 << 20);
    pz__buf_text(&catalog, "{\"attributes\": {");
    for (uint32_t i = 0; i < claims; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s\"attribute_%03u\": {\"type\": \"string\"}", i ? ", " : "",
                 i);
        pz__buf_text(&catalog, name);
    }
    pz__buf_text(&catalog, "}}");
    pz__buf_byte(&catalog, 0);
    pz_engine *engine = bench_engine(b, NULL, 0, catalog.data);
    pz__buf_clear(&catalog);
    return engine;
}

static void bench_claims(const bench *b, uint32_t claims, const char *name)
{
    world w = {.b = b, .claims = claims, .tick = claims, .engine = open_engine(b, claims)};
    pz__pin pin = pz__pins_take(&w.engine->pins);
    w.catalog = pin.catalog;
    pz__arena_init(&w.arena, &b->alloc, 0);
    w.mine = made(&w, here);
    w.other = made(&w, there);
    w.growing = made(&w, here);
    pz__buf_init(&w.bytes, &b->alloc, PZ__PROFILE_BYTES_MAX);
    pz__buf_init(&w.out, &b->alloc, PZ__PROFILE_BYTES_MAX);
    bench_must(pz__profile_encode(w.mine, &w.bytes), NULL, "encoding");
    for (int64_t i = 0; i < RECENT; i++)
        bench_expect(observe(&w, w.growing, BENCH_NOW + i * 1000), "a new event");
    w.view = peek(&w);
    bench_must(pz_context_new(&w.context, w.engine, NULL), NULL, "a context");
    bench_must(pz_profile_decode(&w.handle, w.engine, w.bytes.data, w.bytes.len, NULL), NULL,
               "a handle");
    check(&w);
    check_answers(&w);
    check_asked(&w);
    const double bytes = (double)w.bytes.len;
    const bench_case cases[] = {
        {"reference", run_memcpy, NULL, &w, .checked = 3, .bytes = bytes},
        {"copy", run_copy, NULL, &w, .checked = 3, .bytes = bytes},
        {"join", run_join, NULL, &w, .checked = 3, .bytes = bytes},
        {"encode", run_encode, NULL, &w, .checked = 3, .bytes = bytes},
        {"decode", run_decode, NULL, &w, .checked = 3, .bytes = bytes},
        {"point", run_point, NULL, &w, .checked = claims, .bytes = bytes},
        {"open", run_open, NULL, &w, .checked = claims},
        {"in_place", run_in_place, NULL, &w, .checked = claims, .bytes = bytes},
        {"view", run_view, NULL, &w, .checked = claims},
        {"asked", run_asked, NULL, &w, .checked = 8},
        {"asked_bytes", run_asked_bytes, NULL, &w, .checked = 8, .bytes = bytes},
        {"put", run_put, NULL, &w, .checked = 3},
        {"put_seal", run_put_seal, NULL, &w, .checked = 3},
        {"observe", run_observe, NULL, &w, .checked = 3},
    };
    bench_compare(b, "profile", name, cases, sizeof cases / sizeof *cases);
    pz_profile_free(w.handle);
    pz_context_free(w.context);
    pz__profile_free(w.mine);
    pz__profile_free(w.other);
    pz__profile_free(w.growing);
    pz__buf_clear(&w.bytes);
    pz__buf_clear(&w.out);
    pz__arena_clear(&w.arena);
    pz__pins_give(&w.engine->pins, &pin);
    pz_engine_close(w.engine);
}

void bench_profile(const bench *b)
{
    bench_claims(b, 10, "claims_10");
    bench_claims(b, 50, "claims_50");
    bench_claims(b, 500, "claims_500");
}
