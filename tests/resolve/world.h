/*
 * world.h: one attribute, one person, one account and a clock, for the tests of this room.
 *
 *     world w;
 *     world_flat(&w);                        // x: one of de, en, fr
 *     world_choose(&w, "de", DAY(3));
 *     assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
 *     world_end(&w);
 *
 * Times are days of March 2026 at 09:00; the clock of a write is its claimed time unless
 * w.write_now is set, the writer is w.writer, the moment of asking w.now.
 */
#ifndef PZ_TESTS_RESOLVE_WORLD_H
#define PZ_TESTS_RESOLVE_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "resolve/resolve.h"

#define WORLD_NODES_MAX 64u
#define HOUR INT64_C(3600000)
/* 1 March 2026, 00:00 UTC. */
#define MARCH INT64_C(1772323200000)
#define DAY(n) (MARCH + ((n)-1) * 24 * HOUR + 9 * HOUR)

typedef struct world {
    pz__arena arena;
    pz__profile *person, *account;
    const pz__profile *seen[2]; /* the same, as lists of one */
    pz__catalog catalog;
    pz__attribute attribute;
    pz__domain domain;
    pz__domain_node nodes[WORLD_NODES_MAX];
    uint32_t by_value[WORLD_NODES_MAX];
    int64_t now;          /* of asking; DAY(20) and three hours at first */
    int64_t write_now;    /* clock of writes; 0: the claimed time */
    int64_t expires;      /* of the next writes; 0: never */
    const char *writer;   /* "w1" at first */
    const char *channel;  /* "web" at first */
    uint64_t event_count; /* makes ids of events unique */
    char text[256];       /* of the latest world_answer */
} world;

/* x: one of de, en, fr; threshold 0.75, min_evidence 3, prior strength 2; no default. */
void world_flat(world *w);
/* x: garden (roses, tools), home (lamps, sofas), likewise. */
void world_tree(world *w);
/* Nothing inferred: a string without domain and threshold. */
void world_plain(world *w);
void world_end(world *w);

/* Append a node below `parent` (preorder!) and return its number; world_close_domain() ends it. */
uint32_t world_node(world *w, uint32_t parent, pz_value value);
/* Subtree ends, equal shares for leaves, the index. */
void world_close_domain(world *w);

/* Verbs. Values are texts, or NULL for clearing. They assert that the write succeeds. */
void world_choose(world *w, const char *value, int64_t at);
void world_choose_account(world *w, const char *value, int64_t at);
void world_clear(world *w, int64_t at);
void world_reject(world *w, const char *value, int64_t at);
void world_mode(world *w, const char *mode, int64_t at);
void world_declare(world *w, const char *value, int64_t at);
void world_infer(world *w, const char *value, double confidence, int64_t at);
/* `times` events of weight 1, a minute apart, each for (weight above 0) or against the value. */
void world_sight(world *w, const char *value, int times, int64_t at);
void world_sight_against(world *w, const char *value, int times, int64_t at);
/* One event that adds one cell. */
void world_observe(world *w, pz_str name, pz_value value, int64_t weight, uint8_t width,
                   uint8_t side, int64_t at);
/* Any register of the person. */
void world_put(world *w, const pz__claim *claim, int64_t at);

pz__view world_view(world *w);
/* Resolve; the arena is reset first. */
pz__resolution world_ask(world *w);
/* "de CHOICE EXPLICIT", "- NONE UNRESOLVED". */
const char *world_answer(world *w);
/* All layers in one line: "CHOICE de USED, DEFAULT en SHADOWED". */
const char *world_layers(world *w);

#endif
