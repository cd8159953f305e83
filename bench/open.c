/*
 * open.c: a customer found in a store and ready to answer, beside LMDB's own get of the same bytes.
 *
 * N customers (1,000 and 10,000, or as many as the command line says) with three facts and an
 * identifier each stand in LMDB. Each operation is about one of them, in an order left to chance
 * in which their names lie in memory too: a host that asks has just read the name.
 *
 *     reference  mdb_get of the record by its key in a copy of the same store: found, not read
 *     open       pz_profile_open() by the id, and free the handle
 *     raw_find   mdb_get of the key by the identifier and of the record by the key, one transaction
 *     customer   pz_customer() by the identifier, and free the handle
 *     resolve    customer, begin, and the answer about one attribute
 *     begin      begin a context and say the channel
 *     page       begin, channel, pz_decide_for(): all that a page of a host costs
 *     held       begin, channel, pz_decide() with one handle kept open
 *
 * Records are written in one transaction, from detached profiles.
 *
 * Checked: the decision for each of the first 500 customers, both ways, and that the raw gets find
 * every record.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/engine.h"
#include "raw.h"

#ifdef PZ_WITH_LMDB

#define CHECKED 500u
#define ID "00000000-0000-4000-8000-%012u"
#define NAME "c%u"

static const char page_catalog[] =
    "{\"catalog\": \"page\", \"context\": {\"channel\": \"string\"},\n"
    "\"attributes\": {\n"
    "  \"language\": {\"type\": \"string\", \"one_of\": [\"de\", \"en\", \"fr\"], \"default\": "
    "\"en\"},\n"
    "  \"plan\": {\"type\": \"string\", \"one_of\": [\"free\", \"plus\", \"pro\"]},\n"
    "  \"age\": {\"type\": \"int\"}},\n"
    "\"decisions\": {\"hero\": {\"rules\": [\n"
    "  {\"id\": \"pro\", \"when\": \"profile.plan == 'pro' && profile.age >= 18\", \"value\": "
    "\"lounge\"},\n"
    "  {\"id\": \"german\", \"when\": \"profile.language == 'de' && context.channel == 'web'\",\n"
    "   \"value\": \"willkommen\"}],\n"
    "  \"default\": \"welcome\"}}}";

typedef struct known {
    pz_str key, identifier;
    uint32_t number;
} known;

typedef struct world {
    pz_engine *engine;
    pz_context *context;
    raw *copy;
    uint32_t customers, turn;
    uint64_t state; /* of the random numbers */
    known *known;
    pz_profile *held;
    pz__arena arena;
} world;

/* ---- filling the store ---- */

static const char *const languages[] = {"de", "en", "fr"};
static const char *const plans[] = {"free", "plus", "pro"};

static const char *expected(uint32_t number)
{
    if (number % 4 == 2 && number % 90 >= 18)
        return "lounge";
    return number % 3 == 0 ? "willkommen" : "welcome";
}

/* All under one writer, as a store writes. */
static const pz_write by_web = {PZ_WRITE, .channel = "web", .writer = "a-store-of-ours!"};

static void say(pz_profile *profile, const char *name, pz_value value)
{
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz_declare(profile, name, value, &by_web, &err), &err, name);
}

static pz_status write_new(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                           pz__buf *new_bytes, pz__update_action *action)
{
    const pz_profile *profile = payload;
    (void)txn, (void)bytes, (void)len;
    *action = PZ__WRITE;
    return pz__record_encode(profile->state, true, PZ__STORE_RECORD_MAX, new_bytes);
}

static const char *name_of(const known *who)
{
    return who->identifier.data + sizeof "customer";
}

static void put_customer(world *w, pz__store_txn *txn, uint32_t number)
{
    char id[40], name[16];
    pz_error err = PZ_ERROR_INIT;
    pz_profile *profile;
    pz_str identifier;
    snprintf(id, sizeof id, ID, number);
    snprintf(name, sizeof name, NAME, number);
    bench_must(pz_profile_new(&profile, w->engine, PZ_PERSON, id, &err), &err, "a profile");
    bench_must(pz_identify(profile, "customer", name, &by_web, &err), &err, "an identifier");
    say(profile, "language", pz_value_str(languages[number % 3]));
    say(profile, "plan", pz_value_str(plans[number % 4 % 3]));
    say(profile, "age", pz_value_int(number % 90));
    identifier = pz__identifier(&w->arena, PZ__STR("customer"), pz_str_of(name));
    bench_must(pz__store_txn_update(txn, pz_str_of(id), write_new, profile, &err), &err,
               "a record");
    bench_must(pz__store_txn_index(txn, identifier, pz_str_of(id), true, &err), &err, "an entry");
    pz_profile_free(profile);
}

/* Who is asked about, one after another. */
static void draw(world *w)
{
    for (uint32_t i = 0; i < w->customers; i++)
        w->known[i].number = i;
    for (uint32_t i = w->customers - 1; i > 0; i--) {
        const uint32_t other = bench_below(&w->state, i + 1);
        const known drawn = w->known[other];
        w->known[other] = w->known[i];
        w->known[i] = drawn;
    }
    for (uint32_t i = 0; i < w->customers; i++) {
        known *who = &w->known[i];
        char text[48];
        int len = snprintf(text, sizeof text, ID, who->number);
        who->key = (pz_str){pz__arena_text(&w->arena, text, (size_t)len), (size_t)len};
        len = snprintf(text, sizeof text, "customer\x1f" NAME, who->number);
        who->identifier = (pz_str){pz__arena_text(&w->arena, text, (size_t)len), (size_t)len};
    }
}

static void fill(world *w)
{
    pz__store_txn *txn;
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz__store_begin(w->engine->store, &txn, &err), &err, "a transaction");
    for (uint32_t i = 0; i < w->customers; i++)
        put_customer(w, txn, i);
    bench_must(pz__store_commit(txn, &err), &err, "committing");
    bench_must(pz_customer(&w->held, w->engine, "customer", "c0", &err), &err, "a customer");
}

/* ---- running ---- */

static const known *next(world *w)
{
    w->turn = w->turn + 1 < w->customers ? w->turn + 1 : 0;
    return &w->known[w->turn];
}

static void begin(world *w)
{
    bench_must(pz_context_begin(w->context, 0, NULL), NULL, "beginning");
    bench_must(pz_context_set(w->context, "channel", pz_value_str("web"), NULL), NULL, "channel");
}

static const char *page(world *w, const known *who)
{
    const pz_decision *decision;
    begin(w);
    bench_must(pz_decide_for(&decision, w->context, "customer", name_of(who), "hero", NULL), NULL,
               "deciding");
    return pz_decision_str(decision, "");
}

static const char *decide(world *w, const pz_profile *profile)
{
    const pz_decision *decision;
    begin(w);
    bench_must(pz_decide(&decision, w->context, profile, "hero", NULL), NULL, "deciding");
    return pz_decision_str(decision, "");
}

static pz_profile *customer(world *w, const known *who)
{
    pz_profile *profile;
    bench_must(pz_customer(&profile, w->engine, "customer", name_of(who), NULL), NULL,
               "a customer");
    return profile;
}

static uint64_t resolve(world *w, const known *who)
{
    pz_profile *profile = customer(w, who);
    pz_resolution answer = {PZ_RESOLUTION};
    bench_must(pz_context_begin(w->context, 0, NULL), NULL, "beginning");
    bench_must(pz_resolve(&answer, w->context, profile, "plan", NULL), NULL, "resolving");
    const uint64_t len = answer.value.len;
    pz_profile_free(profile);
    return len;
}

static uint64_t open_one(world *w, const known *who)
{
    pz_profile *profile;
    bench_must(pz_profile_open(&profile, w->engine, who->key.data, NULL), NULL, "a profile");
    const uint64_t exists = pz_profile_exists(profile);
    pz_profile_free(profile);
    return exists;
}

static uint64_t customer_one(world *w, const known *who)
{
    pz_profile *profile = customer(w, who);
    const uint64_t exists = pz_profile_exists(profile);
    pz_profile_free(profile);
    return exists;
}

static uint64_t begin_one(world *w, const known *who)
{
    begin(w);
    return who->number;
}

#define VARIANT(name, one)                                                                         \
    static uint64_t name(void *payload, uint64_t count)                                            \
    {                                                                                              \
        world *w = payload;                                                                        \
        uint64_t sum = 0;                                                                          \
        for (uint64_t i = 0; i < count; i++) {                                                     \
            const known *who = next(w);                                                            \
            sum += (uint64_t)(one);                                                                \
        }                                                                                          \
        return sum;                                                                                \
    }

VARIANT(run_get, raw_get(w->copy, who->key))
VARIANT(run_find, raw_find(w->copy, who->identifier))
VARIANT(run_opened, open_one(w, who))
VARIANT(run_customer, customer_one(w, who))
VARIANT(run_resolved, resolve(w, who))
VARIANT(run_begin, begin_one(w, who))
VARIANT(run_page, page(w, who)[0])
VARIANT(run_held, decide(w, w->held)[who->number * 0u])

static double check(world *w)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < w->customers && i < CHECKED; i++) {
        const known *who = &w->known[i];
        const char *right = expected(who->number);
        pz_profile *profile = customer(w, who);
        bench_expect(strcmp(page(w, who), right) == 0, right);
        bench_expect(strcmp(decide(w, profile), right) == 0, right);
        pz_profile_free(profile);
    }
    for (uint32_t i = 0; i < w->customers; i++) {
        const size_t len = raw_get(w->copy, w->known[i].key);
        bench_expect(len > 0 && raw_find(w->copy, w->known[i].identifier) == len,
                     "a record for each key and identifier");
        bytes += len;
    }
    return (double)bytes / w->customers;
}

/* A copy of the store's file. All that it was told is in it: nobody writes meanwhile. */
static void copy_file(const char *from, const char *to)
{
    static char room[1 << 16];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    bench_expect(in && out, "a copy of the store");
    for (size_t got; (got = fread(room, 1, sizeof room, in)) > 0;)
        bench_expect(fwrite(room, 1, got, out) == got, "room for a copy of the store");
    fclose(in);
    bench_expect(fclose(out) == 0, "room for a copy of the store");
}

static raw *copied(const char *store)
{
    const size_t room = strlen(store) + sizeof "-copy/data.mdb";
    char *folder = malloc(room), *from = malloc(room), *to = malloc(room);
    bench_expect(folder && from && to, "memory for paths");
    snprintf(folder, room, "%s-copy", store);
    snprintf(from, room, "%s/data.mdb", store);
    snprintf(to, room, "%s/data.mdb", folder);
    bench_expect(mkdir(folder, 0700) == 0, "a folder for the copy");
    copy_file(from, to);
    raw *copy = raw_open(folder);
    free(folder);
    free(from);
    free(to);
    return copy;
}

static void bench_customers(const bench *b, uint32_t customers)
{
    char name[24];
    world *w = calloc(1, sizeof *w);
    bench_expect(w != NULL, "memory");
    snprintf(name, sizeof name, "customers_%u", customers);
    char *address = bench_scratch_path(b, "lmdb:", name);
    w->customers = customers;
    w->known = calloc(customers, sizeof *w->known);
    bench_expect(w->known != NULL, "memory");
    w->engine = bench_engine(b, address, PZ_ENGINE_LAZY, page_catalog);
    pz__arena_init(&w->arena, NULL, 0);
    bench_must(pz_context_new(&w->context, w->engine, NULL), NULL, "a context");
    fill(w);
    draw(w);
    w->copy = copied(address + strlen("lmdb:"));
    const double bytes = check(w);
    const uint32_t checked = customers < CHECKED ? customers : CHECKED;
    const bench_case cases[] = {
        {"reference", run_get, NULL, w, .checked = customers, .bytes = bytes},
        {"open", run_opened, NULL, w, .checked = checked, .bytes = bytes},
        {"raw_find", run_find, NULL, w, .checked = customers, .bytes = bytes},
        {"customer", run_customer, NULL, w, .checked = checked, .bytes = bytes},
        {"resolve", run_resolved, NULL, w, .checked = checked, .bytes = bytes},
        {"begin", run_begin, NULL, w, .checked = checked},
        {"page", run_page, NULL, w, .checked = checked, .bytes = bytes},
        {"held", run_held, NULL, w, .checked = checked, .bytes = bytes},
    };
    bench_compare(b, "open", name, cases, sizeof cases / sizeof *cases);
    pz_profile_free(w->held);
    raw_close(w->copy);
    pz_context_free(w->context);
    pz_engine_close(w->engine);
    pz__arena_clear(&w->arena);
    free(w->known);
    free(w);
    free(address);
}

void bench_open(const bench *b)
{
    const unsigned long wanted = b->argument ? strtoul(b->argument, NULL, 10) : 0;
    if (b->is_quick) {
        bench_customers(b, 100);
    } else if (wanted > 0 && wanted <= 10000000) {
        bench_customers(b, (uint32_t)wanted);
    } else {
        bench_customers(b, 1000);
        bench_customers(b, 10000);
    }
}

#else

void bench_open(const bench *b)
{
    (void)b;
    bench_skip("open", "customers_1000", "this build has no LMDB");
}

#endif
