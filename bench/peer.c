/*
 * peer.c: in C what python_many.py does in Python and lua.lua in Lua, so that they can be timed
 * side by side.
 *
 *     peer CATALOG STORE IDS      then one word a line on standard input, one answer a line:
 *
 *     decide     nanoseconds of pz_decide() about a profile that is open, warm
 *     explain    the same with id, bytes, sentences and reasons, which a Decision of Python holds
 *     resolve    nanoseconds of pz_resolve()
 *     loop       microseconds a customer: each id opened, decided about and let go
 *     many       the same by pz_decide_many(), in one call
 *     handles    microseconds a customer: pz_decide() about each of as many open profiles
 *
 * It takes turns with the other side by being asked, and uses the public interface alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <personalize.h>

#define HOT_CALLS 20000u
#define CUSTOMERS_MAX PZ_MANY_MAX

typedef struct peer {
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    char *texts;
    uint64_t ends[CUSTOMERS_MAX];
    char ids[CUSTOMERS_MAX][65];
    pz_profile *profiles[CUSTOMERS_MAX];
    uint32_t count;
    size_t sink; /* what was read, so that reading is not left out */
} peer;

static pz_error err = PZ_ERROR_INIT;

static void must(pz_status status)
{
    if (status == PZ_OK)
        return;
    fprintf(stderr, "peer: %s\n", err.message);
    exit(1);
}

/* Processor time: what other programs do meanwhile does not count. */
static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void read_ids(peer *p, const char *path)
{
    FILE *file = fopen(path, "r");
    uint64_t at = 0;
    p->texts = calloc(CUSTOMERS_MAX, 65);
    if (!file || !p->texts)
        exit(1);
    while (p->count < CUSTOMERS_MAX && fgets(p->ids[p->count], sizeof *p->ids, file)) {
        char *id = p->ids[p->count];
        const size_t len = strcspn(id, "\n");
        id[len] = '\0';
        memcpy(p->texts + at, id, len);
        at += len;
        p->ends[p->count++] = at;
    }
    fclose(file);
}

static void begin(peer *p)
{
    must(pz_context_begin(p->context, 0, &err));
    must(pz_context_set(p->context, "country", pz_value_str("DE"), &err));
}

static void decide(peer *p, const pz_profile *profile)
{
    const pz_decision *hero;
    must(pz_decide(&hero, p->context, profile, "home.hero", &err));
    p->sink += strlen(pz_decision_str(hero, "")) + strlen(pz_decision_reason(hero)) +
               strlen(pz_decision_rule(hero)) + (size_t)pz_decision_confidence(hero);
}

static void explain(peer *p, const pz_profile *profile)
{
    const pz_decision *hero;
    pz_value out;
    pz_str text;
    must(pz_decide(&hero, p->context, profile, "home.hero", &err));
    must(pz_decision_id(&text, p->context, hero, &err));
    must(pz_decision_bytes(&out, p->context, hero, &err));
    must(pz_explain_text(&text, p->context, hero, &err));
    must(pz_explain(&out, p->context, hero, &err));
    p->sink += text.len + out.len;
}

static void resolve(peer *p, const pz_profile *profile)
{
    pz_resolution found = {PZ_RESOLUTION};
    must(pz_resolve(&found, p->context, profile, "language", &err));
    p->sink += found.value.len;
}

/* Each call in a request of its own, as Python asks. */
static double hot(peer *p, void (*ask)(peer *p, const pz_profile *profile))
{
    pz_profile *profile;
    must(pz_profile_open(&profile, p->engine, p->ids[0], &err));
    const double start = now_ns();
    for (uint32_t i = 0; i < HOT_CALLS; i++) {
        begin(p);
        ask(p, profile);
    }
    const double spent = now_ns() - start;
    pz_profile_free(profile);
    return spent / HOT_CALLS;
}

static double loop(peer *p)
{
    const double start = now_ns();
    for (uint32_t i = 0; i < p->count; i++) {
        pz_profile *profile;
        begin(p);
        must(pz_profile_open(&profile, p->engine, p->ids[i], &err));
        decide(p, profile);
        pz_profile_free(profile);
    }
    return (now_ns() - start) / 1e3 / p->count;
}

static double many(peer *p)
{
    static const char *const names[] = {"home.hero"};
    const pz_many asked = {PZ_MANY,         .by = PZ_BY_ID, .count = p->count, .texts = p->texts,
                           .ends = p->ends, .names = names, .name_count = 1};
    pz_str text;
    const double start = now_ns();
    begin(p);
    must(pz_decide_many(&text, p->context, p->pool, &asked, &err));
    p->sink += text.len;
    pz_pool_reset(p->pool);
    return (now_ns() - start) / 1e3 / p->count;
}

static double handles(peer *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (!p->profiles[i])
            must(pz_profile_open(&p->profiles[i], p->engine, p->ids[i], &err));
    const double start = now_ns();
    for (uint32_t i = 0; i < p->count; i++) {
        begin(p);
        decide(p, p->profiles[i]);
    }
    return (now_ns() - start) / 1e3 / p->count;
}

static double answer(peer *p, const char *word)
{
    if (strcmp(word, "decide") == 0)
        return hot(p, decide);
    if (strcmp(word, "explain") == 0)
        return hot(p, explain);
    if (strcmp(word, "resolve") == 0)
        return hot(p, resolve);
    if (strcmp(word, "loop") == 0)
        return loop(p);
    if (strcmp(word, "many") == 0)
        return many(p);
    return strcmp(word, "handles") == 0 ? handles(p) : -1.0;
}

int main(int argc, char **argv)
{
    static peer p;
    char word[32];
    if (argc != 4) {
        fprintf(stderr, "usage: peer CATALOG STORE IDS\n");
        return 2;
    }
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .flags = PZ_ENGINE_READ_ONLY,
                                       .catalog = argv[1], .store = argv[2]};
    must(pz_engine_open(&p.engine, &options, &err));
    must(pz_context_new(&p.context, p.engine, &err));
    must(pz_pool_new(&p.pool, NULL));
    read_ids(&p, argv[3]);
    while (fgets(word, sizeof word, stdin)) {
        word[strcspn(word, "\n")] = '\0';
        printf("%.3f\n", answer(&p, word));
        fflush(stdout);
    }
    for (uint32_t i = 0; i < p.count; i++)
        pz_profile_free(p.profiles[i]);
    free(p.texts);
    pz_pool_free(p.pool);
    pz_context_free(p.context);
    pz_engine_close(p.engine);
    return p.sink == 0;
}
