/*
 * rules.c: single rules of the rule language, as nanoseconds for one customer.
 *
 * The fixtures (single.json) hold three rules as text, 64 customers and the right answers: R1, a
 * comparison of three attributes; R2, eleven comparisons and a search in a list; R3, a filter over
 * twenty orders. About half of the customers match each. Every rule is run three ways:
 *
 *     declared   over slots: each attribute that rules can name has a number and a type, as they
 *                have in a catalog; what is in them is found before the time is taken
 *     map        over one declared variable, `profile`, of type map<string, dyn>: each attribute is
 *                looked up by its name as the rule runs, and nothing is known of its type
 *     reference  the same rules in C over hash tables (plain.c)
 *
 * All 64 answers of all ways are compared with the fixtures' before anything is timed.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cel/cel.h"
#include "plain.h"
#include "value/value.h"

#define CUSTOMERS 64u
#define RULES 3u

static const struct declared {
    const char *name, *type;
} declared[] = {
    {"country", "string"}, {"age", "int"},         {"tier", "string"},
    {"active", "bool"},    {"locale", "string"},   {"score", "double"},
    {"visits", "int"},     {"plan", "string"},     {"tags", "list<string>"},
    {"email", "string"},   {"newsletter", "bool"}, {"orders", "list<map<string, dyn>>"},
};
#define SLOTS (sizeof declared / sizeof declared[0])

typedef struct world {
    pz__arena arena;
    pz_value customers[CUSTOMERS];
    pz_value slots[CUSTOMERS][SLOTS];
    pz__activation over_slots[CUSTOMERS], over_map[CUSTOMERS]; /* what a request keeps ready */
    plain plains[CUSTOMERS];
    bool expected[RULES][CUSTOMERS];
    const pz__program *of_slots[RULES], *of_map[RULES];
} world;

/* One rule run one way. */
typedef struct job {
    world *w;
    pz__arena scratch;
    pz__mark begin;
    uint32_t rule;
} job;

/* ---- compiling ---- */

static pz_status find_declared(void *self, pz_str name, pz__slot *out)
{
    world *w = self;
    for (uint32_t i = 0; i < SLOTS; i++) {
        const pz_str known = pz_str_of(declared[i].name);
        if (name.len == known.len + 8 && memcmp(name.data, "profile.", 8) == 0 &&
            memcmp(name.data + 8, known.data, known.len) == 0) {
            out->index = i;
            return pz__type_parse(&w->arena, &out->type, pz_str_of(declared[i].type), NULL);
        }
    }
    return PZ_ERR_NOT_FOUND;
}

static pz_status find_profile(void *self, pz_str name, pz__slot *out)
{
    world *w = self;
    if (!pz__str_equal(name, PZ__STR("profile")))
        return PZ_ERR_NOT_FOUND;
    out->index = 0;
    return pz__type_parse(&w->arena, &out->type, PZ__STR("map<string, dyn>"), NULL);
}

typedef pz_status find_name(void *self, pz_str name, pz__slot *out);

static const pz__program *compile(world *w, pz_str source, find_name *find)
{
    const pz__program *program = NULL;
    pz__cel_issues issues = {NULL, 0};
    const pz__cel_env env = {.self = w, .find = find, .closed = true};
    const pz_status status = pz__cel_compile(&w->arena, &program, source, &env, NULL, &issues);
    bench_must(status, NULL, issues.count ? issues.list[0].message : "a rule");
    return program;
}

/* ---- running ---- */

static void fetch_nothing(void *self, uint32_t slot)
{
    (void)self;
    (void)slot;
}

static bool run_one(const pz__program *program, pz__activation *activation)
{
    return pz__cel_truth(pz__cel_eval(program, activation)) == PZ__TRUE;
}

static bool ask_slots(job *j, uint32_t customer)
{
    return run_one(j->w->of_slots[j->rule], &j->w->over_slots[customer]);
}

static bool ask_map(job *j, uint32_t customer)
{
    return run_one(j->w->of_map[j->rule], &j->w->over_map[customer]);
}

/* An activation for each customer; what rules make on the way lives in the job's arena. */
static void prepare(job *j)
{
    world *w = j->w;
    for (uint32_t i = 0; i < CUSTOMERS; i++) {
        w->over_slots[i] = (pz__activation){.slots = w->slots[i],
                                            .slot_count = SLOTS,
                                            .fetch = fetch_nothing,
                                            .arena = &j->scratch};
        w->over_map[i] = w->over_slots[i];
        w->over_map[i].slots = &w->customers[i];
        w->over_map[i].slot_count = 1;
    }
}

/* A request that ends: its arena begins anew. */
static void end_request(job *j, uint64_t done)
{
    if (done % CUSTOMERS == CUSTOMERS - 1)
        pz__arena_return(&j->scratch, j->begin);
}

static bool ask_plain(job *j, uint32_t customer)
{
    return plain_rules[j->rule](&j->w->plains[customer]);
}

static uint64_t run_slots(void *payload, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += ask_slots(payload, (uint32_t)i % CUSTOMERS);
        end_request(payload, i);
    }
    return sum;
}

static uint64_t run_map(void *payload, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += ask_map(payload, (uint32_t)i % CUSTOMERS);
        end_request(payload, i);
    }
    return sum;
}

static uint64_t run_plain(void *payload, uint64_t count)
{
    const job *j = payload;
    const plain_rule rule = plain_rules[j->rule];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += rule(&j->w->plains[i % CUSTOMERS]);
    return sum;
}

static void check(job *j, const char *name)
{
    for (uint32_t i = 0; i < CUSTOMERS; i++) {
        const bool expected = j->w->expected[j->rule][i];
        bench_expect(ask_slots(j, i) == expected && ask_map(j, i) == expected &&
                         ask_plain(j, i) == expected,
                     name);
    }
}

/* ---- the fixtures ---- */

static pz_value member(pz_value map, const char *name)
{
    bool found;
    const pz_value value = pz_value_get(map, name, strlen(name), &found);
    bench_expect(found, name);
    return value;
}

static void read_customers(world *w, pz_value list)
{
    bench_expect(list.len == CUSTOMERS, "64 profiles");
    for (uint32_t i = 0; i < CUSTOMERS; i++) {
        w->customers[i] = list.as.items[i];
        w->plains[i] = plain_of(w->customers[i]);
        for (uint32_t k = 0; k < SLOTS; k++)
            w->slots[i][k] = member(w->customers[i], declared[k].name);
    }
}

static void read_rule(world *w, uint32_t rule, pz_value described)
{
    const pz_str source = pz_value_text(member(described, "cel"));
    const pz_value expected = member(described, "expected");
    w->of_slots[rule] = compile(w, source, find_declared);
    w->of_map[rule] = compile(w, source, find_profile);
    bench_expect(expected.len == CUSTOMERS, "64 answers");
    for (uint32_t i = 0; i < CUSTOMERS; i++)
        w->expected[rule][i] = expected.as.items[i].as.b;
}

static void bench_rule(const bench *b, world *w, uint32_t rule, const char *name)
{
    job j = {.w = w, .rule = rule};
    pz__arena_init(&j.scratch, &b->alloc, 0);
    j.begin = pz__arena_mark(&j.scratch);
    prepare(&j);
    check(&j, name);
    const bench_case cases[] = {
        {"reference", run_plain, NULL, &j, .checked = CUSTOMERS},
        {"declared", run_slots, NULL, &j, .checked = CUSTOMERS},
        {"map", run_map, NULL, &j, .checked = CUSTOMERS},
    };
    bench_compare(b, "rules", name, cases, sizeof cases / sizeof *cases);
    pz__arena_clear(&j.scratch);
}

void bench_rules(const bench *b)
{
    static const char *const names[RULES] = {"R1", "R2", "R3"};
    char path[4096];
    size_t len;
    pz_value document;
    pz_error err = PZ_ERROR_INIT;
    snprintf(path, sizeof path, "%s/single.json",
             b->argument ? b->argument : PZ_SHARED_DIR "/bench/rules/fixtures");
    char *text = bench_read_file(path, &len);
    if (!text && b->argument)
        bench_die("there is no single.json in that folder", NULL);
    if (!text) {
        bench_skip("rules", "single", "no fixtures: name the folder that holds single.json");
        return;
    }
    world *w = calloc(1, sizeof *w);
    bench_expect(w != NULL, "memory for the fixtures");
    pz__arena_init(&w->arena, NULL, 0);
    bench_must(pz__json_read(&w->arena, &document, text, len, 0, &err), &err, path);
    plain_begin();
    read_customers(w, member(document, "profiles"));
    for (uint32_t rule = 0; rule < RULES; rule++)
        read_rule(w, rule, member(member(document, "rules"), names[rule]));
    for (uint32_t rule = 0; rule < RULES; rule++)
        bench_rule(b, w, rule, names[rule]);
    for (uint32_t i = 0; i < CUSTOMERS; i++)
        plain_free(&w->plains[i]);
    pz__arena_clear(&w->arena);
    free(w);
    free(text);
}
