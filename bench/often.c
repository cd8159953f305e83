/*
 * often.c: customers of whom there are many events, and what their records cost.
 *
 * A record holds the ids of recent events, so it grows with them. It is kept in LMDB as it is and
 * answered from where it lies ("plain"), or deflated and inflated for each answer ("deflated", as a
 * store that is fetched from afar keeps it). Same customer, same decision, same round.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

/* From this many bytes on, as in Redis. */
#define DEFLATED_MIN 4096u
#define AT_ONCE 500u

static const char catalog[] =
    "{\"segments\": {\"regular\": \"count('purchase', duration('2160h')) >= 2\"},\n"
    " \"decisions\": {\"greeting\": {\"default\": \"hello\", \"rules\": [\n"
    "   {\"id\": \"regular\", \"when\": \"segment.regular\", \"value\": \"welcome back\"}]}}}";

typedef struct customer {
    pz_engine *engine;
    pz_context *context;
    const char *name;
    uint32_t events; /* so far */
} customer;

static void observe(customer *c, uint32_t count, bool is_lazy)
{
    pz_pool *pool;
    pz_error err = PZ_ERROR_INIT;
    pz_value events[AT_ONCE];
    bench_must(pz_pool_new(&pool, NULL), NULL, "a pool");
    for (uint32_t i = 0; i < count; i++) {
        char text[256];
        snprintf(
            text, sizeof text,
            "{\"kind\": \"purchase\", \"source\": \"till\", \"id\": \"%u\", \"customer\": \"%s\","
            " \"time\": \"2026-03-08T08:00:00Z\"}",
            c->events++, c->name);
        bench_must(pz_value_parse(pool, &events[i], text, strlen(text), 0, &err), &err, text);
    }
    bench_must(
        pz_observe_many(c->engine, events, count, 0, is_lazy ? PZ_OBSERVE_LAZY : 0, NULL, &err),
        &err, "events");
    pz_pool_free(pool);
}

static const char *decide(const customer *c)
{
    const pz_decision *decision;
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz_context_begin(c->context, 0, &err), &err, "beginning");
    bench_must(pz_decide_for(&decision, c->context, "customer", c->name, "greeting", &err), &err,
               "deciding");
    return pz_decision_str(decision, "");
}

static uint64_t run_decide(void *payload, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += (uint64_t)decide(payload)[0];
    return sum;
}

static pz_status deflate(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                         pz__buf *new_bytes, pz__update_action *action)
{
    pz__profile *profile;
    double *size = payload;
    (void)txn;
    *action = PZ__WRITE;
    pz_status status = pz__record_decode(&profile, NULL, bytes, len, NULL);
    if (status == PZ_OK)
        status = pz__record_encode(profile, true, DEFLATED_MIN, new_bytes);
    *size = (double)new_bytes->len;
    pz__profile_free(profile);
    return status;
}

/* The bytes of the customer's record; deflated first where that is asked for. */
static double record_of(const customer *c, bool is_deflated)
{
    pz_profile *profile;
    pz_error err = PZ_ERROR_INIT;
    double size = 0;
    bench_must(pz_customer(&profile, c->engine, "customer", c->name, &err), &err, c->name);
    const pz_str id = pz_profile_id(profile);
    if (is_deflated) {
        bench_must(pz__store_update(c->engine->store, id, deflate, &size, &err), &err, "a record");
    } else {
        pz__buf bytes;
        pz__buf_init(&bytes, NULL, PZ__STORE_RECORD_MAX);
        bench_must(pz__store_get(c->engine->store, id, &bytes, &err), &err, "a record");
        size = (double)bytes.len;
        pz__buf_clear(&bytes);
    }
    pz_profile_free(profile);
    return size;
}

static void bench_events(const bench *b, pz_engine *engine, pz_context *context, uint32_t events)
{
    char workload[32], names[2][32];
    customer of[2];
    for (int i = 0; i < 2; i++) {
        snprintf(names[i], sizeof names[i], "%u-%d", events, i);
        of[i] = (customer){engine, context, names[i], 0};
        for (uint32_t done = 0; done < events; done += AT_ONCE)
            observe(&of[i], events - done < AT_ONCE ? events - done : AT_ONCE, true);
    }
    const double plain = record_of(&of[0], false), deflated = record_of(&of[1], true);
    for (int i = 0; i < 2; i++)
        bench_expect(strcmp(decide(&of[i]), "welcome back") == 0, "the decision");
    const bench_case cases[] = {
        {"plain", run_decide, NULL, &of[0], .checked = 1, .bytes = plain},
        {"deflated", run_decide, NULL, &of[1], .checked = 1, .bytes = deflated},
    };
    snprintf(workload, sizeof workload, "events_%u", events);
    /* A record that would not shrink by a quarter stays as it is: then there is but one case. */
    bench_compare(b, "often", workload, cases, deflated < plain ? 2 : 1);
}

void bench_often(const bench *b)
{
    static const uint32_t counts[] = {20, 100, 500, 2000, 7000};
    char *address = NULL; /* in memory, where there is no LMDB */
#ifdef PZ_WITH_LMDB
    address = bench_scratch_path(b, "lmdb:", "often");
#endif
    pz_engine *engine = bench_engine(b, address, PZ_ENGINE_LAZY, catalog);
    pz_context *context;
    bench_must(pz_context_new(&context, engine, NULL), NULL, "a context");
    for (size_t i = 0; i < (b->is_quick ? 2 : sizeof counts / sizeof counts[0]); i++)
        bench_events(b, engine, context, counts[i]);
    pz_context_free(context);
    pz_engine_close(engine);
    free(address);
}
