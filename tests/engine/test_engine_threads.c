/*
 * test_engine_threads.c: many threads on one engine: deciding, writing, swapping the catalog.
 *
 * Run under the thread sanitizer in the full run. Every catalog put in force gives a different but
 * known answer, so a decision made on a torn or freed catalog shows.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <personalize.h>

#include "engine/shop.h"
#include "support/gen.h"
#include "support/oom.h"

#define THREADS 4

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return SHOP_NOW;
}

typedef struct site {
    pz_engine *engine;
    atomic_bool is_over;
    atomic_int swaps, wrong;
    atomic_long decisions;
    int writes;
} site;

static pz_engine *open_engine(const pz_alloc *alloc)
{
    pz_engine *engine;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .clock = fixed_clock};
    assert_int_equal(pz_engine_open(&engine, &options, NULL), PZ_OK);
    return engine;
}

/* A catalog whose two decisions agree: "a" and "b" both say `number`. */
static void put_in_force(pz_engine *engine, int number)
{
    char text[256];
    const int len = snprintf(text, sizeof text,
                             "{\"attributes\": {\"language\": {\"type\": \"string\", \"default\": "
                             "\"v%d\"}, \"age\": {\"type\": \"int\"}},\n"
                             "\"decisions\": {\"a\": {\"default\": %d}, \"b\": {\"rules\": "
                             "[{\"when\": \"profile.language == 'v%d'\", \"value\": %d}]}}}",
                             number, number, number, number);
    assert_int_equal(pz_engine_load_text(engine, "swap", text, (size_t)len, NULL, NULL), PZ_OK);
}

static void *decide_all_the_time(void *payload)
{
    site *s = payload;
    pz_context *context;
    if (pz_context_new(&context, s->engine, NULL) != PZ_OK)
        return NULL;
    while (!atomic_load(&s->is_over)) {
        const pz_decision *a, *b;
        if (pz_context_begin(context, 0, NULL) != PZ_OK ||
            pz_decide(&a, context, NULL, "a", NULL) != PZ_OK ||
            pz_decide(&b, context, NULL, "b", NULL) != PZ_OK ||
            !pz_value_equal(pz_decision_value(a), pz_decision_value(b)))
            atomic_fetch_add(&s->wrong, 1);
        atomic_fetch_add(&s->decisions, 1);
    }
    pz_context_free(context);
    return NULL;
}

static void catalog_is_swapped_while_others_decide(void **state)
{
    (void)state;
    oom heap;
    oom_init(&heap);
    const pz_alloc alloc = oom_alloc(&heap);
    site s = {.engine = open_engine(&alloc)};
    put_in_force(s.engine, 0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decide_all_the_time, &s), 0);
    for (int i = 1; i <= (gen_is_full() ? 5000 : 300); i++)
        put_in_force(s.engine, i);
    while (atomic_load(&s.decisions) < 1000)
        ;
    atomic_store(&s.is_over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&s.wrong), 0);
    pz_engine_close(s.engine);
    oom_finish(&heap);
}

static void *write_own_attribute(void *payload)
{
    site *s = payload;
    const int me = atomic_fetch_add(&s->swaps, 1);
    char name[16];
    snprintf(name, sizeof name, "c%d", me % 2);
    for (int i = 0; i < s->writes; i++) {
        pz_profile *profile;
        char text[200];
        pz_value event;
        pz_pool *pool;
        snprintf(text, sizeof text,
                 "{\"kind\":\"view\",\"source\":\"t%d\",\"id\":\"%d\",\"time\":"
                 "\"2026-03-09T08:00:00Z\",\"category\":\"home\"}",
                 me, i);
        if (pz_pool_new(&pool, NULL) != PZ_OK)
            return NULL;
        if (pz_value_parse(pool, &event, text, strlen(text), 0, NULL) != PZ_OK ||
            pz_customer(&profile, s->engine, "customer", name, NULL) != PZ_OK ||
            pz_observe(profile, event, NULL, NULL, NULL) != PZ_OK)
            atomic_fetch_add(&s->wrong, 1);
        else
            pz_profile_free(profile);
        pz_pool_free(pool);
    }
    return NULL;
}

static void concurrent_writes_to_one_customer_lose_nothing(void **state)
{
    (void)state;
    static const char counting[] =
        "{\"signals\": [], \"segments\": {\"all\": \"count('view') == 400\"}}";
    site s = {.engine = open_engine(NULL), .writes = 200};
    assert_int_equal(
        pz_engine_load_text(s.engine, "count", counting, sizeof counting - 1, NULL, NULL), PZ_OK);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_own_attribute, &s), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&s.wrong), 0);
    uint64_t count;
    pz_profile_count(s.engine, &count, NULL);
    assert_int_equal(count, 2);
    pz_context *context;
    pz_context_new(&context, s.engine, NULL);
    pz_context_begin(context, 0, NULL);
    for (int i = 0; i < 2; i++) {
        pz_profile *profile;
        pz_value segments;
        pz_customer(&profile, s.engine, "customer", i ? "c1" : "c0", NULL);
        assert_int_equal(pz_segments(&segments, context, profile, NULL), PZ_OK);
        assert_int_equal(segments.len, 1);
        pz_profile_free(profile);
    }
    pz_context_free(context);
    pz_engine_close(s.engine);
}

/* Hosts fork after loading: a child decides with what its parent compiled. */
/* ---- one handle, and handles that come and go ---- */

typedef struct shared {
    pz_engine *engine;
    const pz_profile *ann; /* read in place */
    char id[33];           /* of the first decision about her */
    atomic_int wrong;
} shared;

/* One answer out of the shared handle with its id, one by name, one with a handle of its own. */
static bool ask_each_way(shared *s, pz_context *context)
{
    const pz_decision *decision;
    pz_str id = {NULL, 0};
    pz_profile *own = NULL;
    bool is_right = pz_context_begin(context, 0, NULL) == PZ_OK &&
                    pz_decide(&decision, context, s->ann, "speak", NULL) == PZ_OK &&
                    strcmp(pz_decision_str(decision, "-"), "de") == 0 &&
                    pz_decision_id(&id, context, decision, NULL) == PZ_OK && id.len == 32 &&
                    memcmp(id.data, s->id, 32) == 0 &&
                    pz_decide_for(&decision, context, "card", "1", "speak", NULL) == PZ_OK &&
                    strcmp(pz_decision_str(decision, "-"), "de") == 0 &&
                    pz_customer(&own, s->engine, "card", "2", NULL) == PZ_OK &&
                    pz_decide(&decision, context, own, "speak", NULL) == PZ_OK &&
                    strcmp(pz_decision_str(decision, "-"), "fr") == 0;
    pz_profile_free(own);
    return is_right;
}

static void *ask_all_the_time(void *payload)
{
    shared *s = payload;
    pz_context *context;
    if (pz_context_new(&context, s->engine, NULL) != PZ_OK) {
        s->wrong++;
        return NULL;
    }
    for (int i = 0; i < 200; i++)
        s->wrong += !ask_each_way(s, context);
    pz_context_free(context);
    return NULL;
}

static void make(pz_engine *engine, const char *card, const char *language)
{
    pz_profile *made;
    assert_int_equal(pz_customer(&made, engine, "card", card, NULL), PZ_OK);
    assert_int_equal(pz_choose(made, "language", pz_value_str(language), NULL, NULL), PZ_OK);
    pz_profile_free(made);
}

static void threads_share_a_handle_that_is_read_in_place(void **state)
{
    (void)state;
    oom heap;
    oom_init(&heap);
    const pz_alloc alloc = oom_alloc(&heap);
    shared s = {.engine = open_engine(&alloc)};
    pz_context *context;
    pz_profile *ann;
    const pz_decision *decision;
    pz_str id;
    pthread_t threads[THREADS];
    assert_int_equal(
        pz_engine_load_text(s.engine, "shop.json", shop_json, sizeof shop_json - 1, NULL, NULL),
        PZ_OK);
    make(s.engine, "1", "de");
    make(s.engine, "2", "fr");
    assert_int_equal(pz_customer(&ann, s.engine, "card", "1", NULL), PZ_OK);
    assert_int_equal(pz_context_new(&context, s.engine, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(context, 0, NULL), PZ_OK);
    assert_int_equal(pz_decide(&decision, context, ann, "speak", NULL), PZ_OK);
    assert_int_equal(pz_decision_id(&id, context, decision, NULL), PZ_OK);
    memcpy(s.id, id.data, 32);
    pz_profile_free(ann);
    assert_int_equal(pz_customer(&ann, s.engine, "card", "1", NULL), PZ_OK); /* its id not known */
    s.ann = ann;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_all_the_time, &s), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(s.wrong, 0);
    pz_profile_free(ann);
    pz_context_free(context);
    pz_engine_close(s.engine);
    oom_finish(&heap);
}

static void child_decides_with_its_parents_engine(void **state)
{
    (void)state;
    pz_engine *engine = open_engine(NULL);
    put_in_force(engine, 7);
    const pid_t child = fork();
    if (child == 0) {
        pz_context *context;
        const pz_decision *decision;
        const bool good = pz_context_new(&context, engine, NULL) == PZ_OK &&
                          pz_context_begin(context, 0, NULL) == PZ_OK &&
                          pz_decide(&decision, context, NULL, "b", NULL) == PZ_OK &&
                          pz_decision_value(decision).as.i == 7;
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    pz_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalog_is_swapped_while_others_decide),
        cmocka_unit_test(concurrent_writes_to_one_customer_lose_nothing),
        cmocka_unit_test(threads_share_a_handle_that_is_read_in_place),
        cmocka_unit_test(child_decides_with_its_parents_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
