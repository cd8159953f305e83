/*
 * decide.c: one decision, warm, in one context that is begun anew for each request.
 *
 * 64 customers take turns. A request is: begin the context, say the channel, decide; each variant
 * adds one thing to that, so that what it costs is the difference to `decide`:
 *
 *     begin         no decision at all
 *     decide        one decision
 *     eight         eight decisions in one request about one customer, told for one decision:
 *                   what was resolved for the first serves the others
 *     and_id        the id to report outcomes against
 *     and_map       the decision with all it used, as a map
 *     and_bytes     the same as canonical bytes
 *     and_explain   every rule and every layer
 *     and_sentences the same in English
 *     reference     the five rules in C over a struct of the finished facts (shop.c): nothing is
 *                   resolved, inferred, counted or noted there
 *
 * Checked: the decision for every customer, against that C.
 */
#include <string.h>

#include "shop.h"

#define CUSTOMERS 64u

typedef struct world {
    pz_engine *engine;
    pz_context *context;
    pz_profile *profiles[CUSTOMERS];
    shop_facts facts[CUSTOMERS];
} world;

static void begin(world *w)
{
    bench_must(pz_context_begin(w->context, 0, NULL), NULL, "beginning");
    bench_must(pz_context_set(w->context, "channel", pz_value_str("web"), NULL), NULL, "channel");
}

static const pz_decision *decide(world *w, uint64_t customer)
{
    const pz_decision *decision;
    bench_must(
        pz_decide(&decision, w->context, w->profiles[customer % CUSTOMERS], SHOP_DECISION, NULL),
        NULL, "deciding");
    return decision;
}

/* The loop of every variant; what it adds to a request is an expression of a number. */
#define VARIANT(name, and)                                                                         \
    static uint64_t name(void *payload, uint64_t count)                                            \
    {                                                                                              \
        world *w = payload;                                                                        \
        uint64_t sum = 0;                                                                          \
        for (uint64_t i = 0; i < count; i++) {                                                     \
            begin(w);                                                                              \
            sum += and;                                                                            \
        }                                                                                          \
        return sum;                                                                                \
    }

static uint64_t eight_times(world *w, uint64_t customer)
{
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++)
        sum += decide(w, customer) != NULL;
    return sum;
}

static uint64_t id_of(world *w, const pz_decision *decision)
{
    pz_str id;
    return (uint64_t)pz_decision_id(&id, w->context, decision, NULL) + id.len;
}

static uint64_t value_of(pz_status (*make)(pz_value *out, pz_context *context,
                                           const pz_decision *decision, pz_error *err),
                         world *w, const pz_decision *decision)
{
    pz_value value;
    return (uint64_t)make(&value, w->context, decision, NULL) + value.len;
}

static uint64_t sentences_of(world *w, const pz_decision *decision)
{
    pz_str text;
    return (uint64_t)pz_explain_text(&text, w->context, decision, NULL) + text.len;
}

VARIANT(begin_only, 1)
VARIANT(decide_once, decide(w, i) != NULL)
VARIANT(decide_eight, eight_times(w, i))
VARIANT(decide_id, id_of(w, decide(w, i)))
VARIANT(decide_map, value_of(pz_decision_map, w, decide(w, i)))
VARIANT(decide_bytes, value_of(pz_decision_bytes, w, decide(w, i)))
VARIANT(decide_explain, value_of(pz_explain, w, decide(w, i)))
VARIANT(decide_sentences, sentences_of(w, decide(w, i)))

static uint64_t over_struct(void *payload, uint64_t count)
{
    const world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += (uint64_t)shop_expected(&w->facts[i % CUSTOMERS])[0];
    return sum;
}

static void check(world *w)
{
    for (uint32_t i = 0; i < CUSTOMERS; i++) {
        begin(w);
        const char *decided = pz_decision_str(decide(w, i), "");
        bench_expect(strcmp(decided, shop_expected(&w->facts[i])) == 0, decided);
    }
}

void bench_decide(const bench *b)
{
    world w = {.engine = bench_engine(b, NULL, 0, shop_catalog)};
    bench_must(pz_context_new(&w.context, w.engine, NULL), NULL, "a context");
    for (uint32_t i = 0; i < CUSTOMERS; i++) {
        w.profiles[i] = shop_profile(w.engine, i);
        w.facts[i] = shop_facts_of(i);
    }
    check(&w);
    const bench_case cases[] = {
        {"reference", over_struct, NULL, &w, .checked = CUSTOMERS},
        {"begin", begin_only, NULL, &w, .checked = CUSTOMERS},
        {"decide", decide_once, NULL, &w, .checked = CUSTOMERS},
        {"eight", decide_eight, NULL, &w, .units = 8, .checked = CUSTOMERS},
        {"and_id", decide_id, NULL, &w, .checked = CUSTOMERS},
        {"and_map", decide_map, NULL, &w, .checked = CUSTOMERS},
        {"and_bytes", decide_bytes, NULL, &w, .checked = CUSTOMERS},
        {"and_explain", decide_explain, NULL, &w, .checked = CUSTOMERS},
        {"and_sentences", decide_sentences, NULL, &w, .checked = CUSTOMERS},
    };
    bench_compare(b, "decide", "five_rules", cases, sizeof cases / sizeof *cases);
    for (uint32_t i = 0; i < CUSTOMERS; i++)
        pz_profile_free(w.profiles[i]);
    pz_context_free(w.context);
    pz_engine_close(w.engine);
}
