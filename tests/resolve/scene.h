/*
 * scene.h: a catalog out of its JSON, a person, two accounts and a clock: for the tests of laws
 * that compose an answer, of policies' force and of masks.
 *
 *     scene s;
 *     scene_open(&s, "{'x': {'type': 'list<string>', 'merge': 'set', 'default': ['email']}}");
 *     scene_say(&s, PZ__SLOT_CHOICE, "'sms'", "'sms'", DAY(3));
 *     assert_string_equal(scene_answer(&s), "['email','sms'] CHOICE EXPLICIT email:DEFAULT
 * sms:CHOICE"); scene_close(&s);
 *
 * JSON is written with ' for ". The attribute asked about is the first of the catalog.
 */
#ifndef PZ_TESTS_RESOLVE_SCENE_H
#define PZ_TESTS_RESOLVE_SCENE_H

#include "resolve/world.h"

#define SCENE_ACCOUNTS 2u

typedef struct scene {
    pz__arena arena; /* of questions; begins anew with each */
    pz__arena kept;  /* of values made by scene_value */
    const pz__catalog *catalog;
    const pz__attribute *attribute;
    pz__profile *person;
    pz__profile *accounts[SCENE_ACCOUNTS];
    pz__profile *into; /* of the next writes: the person at first */
    const pz__profile *seen[1 + SCENE_ACCOUNTS];
    pz__force force;
    int64_t now;       /* of asking */
    int64_t write_now; /* clock of writes; 0: the claimed time */
    int64_t expires;   /* of the next writes; 0: never */
    double confidence; /* of the next inferred claims */
    uint32_t masked;
    const char *writer;  /* "w1" at first */
    const char *channel; /* of writes and of asking: "web" at first */
    uint64_t event_count;
    char text[4096];
} scene;

/* `attributes` is the object of attributes, or a whole catalog if it begins with "{'attributes'".
 */
void scene_open(scene *s, const char *attributes);
void scene_close(scene *s);

pz_value scene_value(scene *s, const char *json);
/* Set a register about `key` (NULL: the whole attribute) to `value` (NULL: emptied). */
void scene_say(scene *s, pz__claim_slot slot, const char *key, const char *value, int64_t at);
/* `times` events of weight 1, a minute apart, about the value; against it if `times` is negative.
 */
void scene_sight(scene *s, const char *value, int times, int64_t at);

pz__view scene_view(scene *s);
/* "VALUE TIER REASON [confidence] [key:TIER ...]"; "- NONE UNRESOLVED". */
const char *scene_answer(scene *s);
/* "key TIER VALUE FATE, ..."; a removal's value is preceded by "not ". */
const char *scene_layers(scene *s, bool is_privileged);

#endif
