/*
 * test_authority.c: law 1 and its kin over every merge law, locks and bounds included.
 *
 * A history is random: own words of the person, and everything else that may happen (facts, imports
 * of old ones, models, events, the accounts' choices, replicas that come back). Beside it stands a
 * model of the person's own words alone, one for each key: the latest, until when, and whether the
 * attribute is switched off. What the model says must show in the answer whatever the rest was.
 *
 * The clock of writes moves by a minute each time, so the order of stamps is the order of writing.
 * The control asks the same of "the newest layer wins", as a store of settings would have it.
 */
#include "resolve/scene.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/gen.h"

#define KEYS 4

typedef struct law {
    const char *attribute;
    const char *const *keys; /* JSON */
    const char *const *values;
    int key_count, value_count;
    bool is_set, is_record, has_evidence;
} law;

static const char *const elements[] = {"'email'", "'post'", "'push'", "'sms'"};
static const char *const numbers[] = {"10", "20", "30", "40"};
static const char *const whole[] = {NULL};

static const law laws[] = {
    {"{'x': {'type': 'string', 'one_of': ['email', 'post', 'push', 'sms'], 'default': 'post', "
     "'threshold': 0.6, 'group': true, 'prior': {'strength': 1}}}",
     whole, elements, 1, 4, .has_evidence = true},
    {"{'x': {'type': 'list<string>', 'merge': 'set', 'one_of': ['email', 'post', 'push', 'sms'], "
     "'default': ['email'], 'recommended': ['push'], 'threshold': 0.6, 'group': true}}",
     elements, elements, 4, 4, .is_set = true, .has_evidence = true},
    {"{'x': {'type': 'map<string,int>', 'merge': 'record', 'default': {'email': 7}, 'threshold': "
     "0.6}}",
     elements, numbers, 4, 4, .is_record = true},
    {"{'x': {'type': 'int', 'merge': 'max', 'default': 7, 'threshold': 0.6}}", whole, numbers, 1,
     4},
    {"{'x': {'type': 'int', 'merge': 'min', 'default': 45, 'threshold': 0.6}}", whole, numbers, 1,
     4},
};

/* The person's latest own word about one key. */
typedef struct wish {
    int value; /* -1: none; of a set: the key itself */
    bool is_removal;
    bool is_rejected; /* of one value: rejected since */
    int64_t expires;
} wish;

typedef struct life {
    scene s;
    const law *law;
    wish wishes[KEYS];
    bool rejected[KEYS]; /* by value, of laws of one value */
    const char *mode;
    int64_t now;
    size_t forks;
} life;

/* ---- what happens ---- */

static void tick(life *l)
{
    l->now += 60000;
    l->s.write_now = l->now;
}

static int draw_value(const life *l, gen *g, int key)
{
    return l->law->is_set ? key : (int)gen_below(g, (uint64_t)l->law->value_count);
}

static void choose(life *l, gen *g, int key)
{
    wish *w = &l->wishes[key];
    const int value = draw_value(l, g, key);
    const int64_t expires = gen_chance(g, 1, 6) ? l->now + gen_range(g, 1, 100) * 60000 : 0;
    l->s.expires = expires;
    scene_say(&l->s, PZ__SLOT_CHOICE, l->law->keys[key], l->law->values[value], l->now);
    l->s.expires = 0;
    if (!l->law->is_set && !l->law->is_record) {
        scene_say(&l->s, PZ__SLOT_REJECT, l->law->values[value], NULL, l->now);
        l->rejected[value] = false;
    }
    *w = (wish){.value = value, .expires = expires};
}

static void reject(life *l, gen *g, int key)
{
    const int value = draw_value(l, g, key);
    if (l->law->is_record)
        return;
    scene_say(&l->s, PZ__SLOT_REJECT, l->law->values[value], l->law->values[value], l->now);
    if (l->law->is_set) {
        l->wishes[key] = (wish){.value = key, .is_removal = true};
        return;
    }
    l->rejected[value] = true;
    if (l->wishes[key].value == value)
        l->wishes[key].is_rejected = true;
}

static void clear(life *l)
{
    scene_say(&l->s, PZ__SLOT_CHOICE, NULL, NULL, l->now);
    scene_say(&l->s, PZ__SLOT_REJECT, NULL, NULL, l->now);
    for (int i = 0; i < KEYS; i++) {
        l->wishes[i] = (wish){.value = -1};
        l->rejected[i] = false;
    }
}

static void speak(life *l, gen *g)
{
    static const char *const modes[] = {"'AUTO'", "'AUTO'", "'MANUAL'", "'OFF'"};
    const int key = (int)gen_below(g, (uint64_t)l->law->key_count);
    switch (gen_below(g, 10)) {
    case 0:
        clear(l);
        break;
    case 1:
        l->mode = GEN_CHOICE(g, modes);
        scene_say(&l->s, PZ__SLOT_MODE, NULL, l->mode, l->now);
        break;
    case 2:
    case 3:
        reject(l, g, key);
        break;
    default:
        choose(l, g, key);
    }
}

static void make_noise(life *l, gen *g)
{
    const int key = (int)gen_below(g, (uint64_t)l->law->key_count);
    const char *value = l->law->values[draw_value(l, g, key)], *about = l->law->keys[key];
    const int64_t earlier = l->now - gen_range(g, 0, 400) * 60000;
    const bool is_every = !l->law->is_set && !l->law->is_record;
    scene *s = &l->s;
    switch (gen_below(g, 5)) {
    case 0:
        scene_say(s, PZ__SLOT_DECLARED, is_every ? value : about, value, earlier);
        break;
    case 1:
        s->confidence = gen_unit(g);
        scene_say(s, PZ__SLOT_INFERRED, is_every ? value : about, value, earlier);
        break;
    case 2:
        s->into = s->accounts[gen_below(g, 2)];
        scene_say(s, gen_chance(g, 1, 4) && !l->law->is_record ? PZ__SLOT_REJECT : PZ__SLOT_CHOICE,
                  l->law->is_record || l->law->is_set ? about : NULL, value, l->now);
        s->into = s->person;
        break;
    default:
        if (l->law->has_evidence)
            scene_sight(s, value, (int)gen_range(g, -3, 12), earlier - HOUR);
    }
}

static void join_fork(life *l, gen *g);

static void step(life *l, gen *g)
{
    static const char *const writers[] = {"w1", "w2", "w3"};
    static const char *const channels[] = {"", "web", "app"};
    l->s.writer = GEN_CHOICE(g, writers);
    l->s.channel = GEN_CHOICE(g, channels);
    tick(l);
    if (gen_chance(g, 1, 10) && l->forks++ == 0)
        join_fork(l, g);
    else if (gen_chance(g, 2, 5))
        speak(l, g);
    else
        make_noise(l, g);
}

/* A replica goes its own way for a while and comes back, perhaps twice. */
static void join_fork(life *l, gen *g)
{
    pz__profile *here = l->s.person, *fork;
    assert_int_equal(pz__profile_copy(&fork, here), PZ_OK);
    l->s.person = l->s.into = fork;
    for (int i = 0; i < 4; i++) {
        tick(l);
        l->s.writer = "fork";
        if (gen_bool(g))
            speak(l, g);
        else
            make_noise(l, g);
    }
    l->s.person = l->s.into = here;
    l->s.writer = "w1";
    make_noise(l, g);
    for (uint64_t i = 1 + gen_below(g, 2); i > 0; i--)
        assert_int_equal(pz__profile_join(here, fork, NULL), PZ_OK);
    pz__profile_free(fork);
}

static void begin(life *l, gen *g, const law *which)
{
    *l = (life){.law = which, .mode = "'AUTO'", .now = DAY(2)};
    scene_open(&l->s, which->attribute);
    for (int i = 0; i < KEYS; i++)
        l->wishes[i].value = -1;
    for (size_t steps = 2 + gen_len(g, 18); steps > 0; steps--)
        step(l, g);
    l->s.now = l->now;
}

/* ---- what is answered, by key ---- */

typedef struct told {
    pz_value value;
    pz__tier tier; /* NONE: nothing */
} told;

static int key_of(life *l, pz_value key)
{
    for (int i = 0; i < l->law->key_count && key.kind != PZ_NULL; i++)
        if (pz_value_equal(scene_value(&l->s, l->law->keys[i]), key))
            return i;
    return 0;
}

static void read_answer(life *l, const pz__resolution *r, told *out)
{
    for (int i = 0; i < KEYS; i++)
        out[i] = (told){pz_value_null(), PZ__TIER_NONE};
    if (!r->members)
        out[0] = (told){r->value, r->tier};
    for (uint32_t i = 0; i < r->member_count; i++) {
        const pz_value value =
            l->law->is_set ? pz_value_item(r->value, i) : pz_value_entry(r->value, i).value;
        out[key_of(l, r->members[i].key)] = (told){value, r->members[i].tier};
    }
}

/* The control: of all layers that time allows, the newest. */
static void read_newest(life *l, told *out)
{
    const pz__view view = scene_view(&l->s);
    const pz__layer *layers;
    uint32_t count;
    int64_t at[KEYS] = {0};
    for (int i = 0; i < KEYS; i++)
        out[i] = (told){pz_value_null(), PZ__TIER_NONE};
    assert_int_equal(pz__inspect(&view, l->s.attribute, NULL, &layers, &count), PZ_OK);
    for (uint32_t i = 0; i < count; i++) {
        const int key = key_of(l, layers[i].key);
        if (layers[i].fate > PZ__FATE_SHADOWED || layers[i].answer.at_ms < at[key])
            continue;
        at[key] = layers[i].answer.at_ms;
        out[key] = (told){layers[i].answer.value, layers[i].answer.tier};
    }
}

/* ---- the laws ---- */

static bool is_live(const life *l, const wish *w)
{
    return w->value >= 0 && !w->is_rejected && (w->expires == 0 || l->s.now < w->expires) &&
           strcmp(l->mode, "'OFF'") != 0;
}

static bool keeps_wish(life *l, const wish *w, const told *t)
{
    if (!is_live(l, w))
        return t->tier != PZ__TIER_CHOICE;
    if (w->is_removal)
        return t->tier == PZ__TIER_NONE;
    return t->tier == PZ__TIER_CHOICE &&
           pz_value_equal(t->value, scene_value(&l->s, l->law->values[w->value]));
}

static bool keeps_authority(life *l, const told *answer, size_t *live)
{
    for (int i = 0; i < l->law->key_count; i++) {
        *live += is_live(l, &l->wishes[i]);
        if (!keeps_wish(l, &l->wishes[i], &answer[i]))
            return false;
    }
    return true;
}

static bool answers_nothing_rejected(life *l, const told *answer)
{
    for (int i = 0; i < KEYS && !l->law->is_set && !l->law->is_record; i++)
        if (l->rejected[i] && answer[0].tier != PZ__TIER_NONE &&
            pz_value_equal(answer[0].value, scene_value(&l->s, l->law->values[i])))
            return false;
    return true;
}

static pz__resolution resolve(life *l)
{
    pz__arena_reset(&l->s.arena);
    const pz__view view = scene_view(&l->s);
    pz__resolution r;
    assert_int_equal(pz__resolve(&view, l->s.attribute, &l->s.force, &r), PZ_OK);
    return r;
}

static void a_live_wish_wins_under_every_law(void **state)
{
    (void)state;
    size_t live = 0, cases = gen_cases(4000);
    GEN_CASES(g, cases)
    {
        life l;
        begin(&l, &g, &GEN_CHOICE(&g, laws));
        told answer[KEYS];
        pz__resolution r = resolve(&l);
        read_answer(&l, &r, answer);
        assert_true(keeps_authority(&l, answer, &live));
        assert_true(answers_nothing_rejected(&l, answer));
        for (int i = 0; i < 3; i++)
            make_noise(&l, &g);
        r = resolve(&l);
        read_answer(&l, &r, answer);
        assert_true(keeps_authority(&l, answer, &live));
        assert_true(answers_nothing_rejected(&l, answer));
        scene_close(&l.s);
    }
    if (cases >= 1000)
        assert_true(live > cases / 2);
}

static void the_check_of_wishes_can_fail(void **state)
{
    (void)state;
    size_t broken[sizeof laws / sizeof laws[0]] = {0}, live = 0;
    GEN_CASES(g, 500)
    {
        const size_t which = g.case_number % (sizeof laws / sizeof laws[0]);
        life l;
        begin(&l, &g, &laws[which]);
        told answer[KEYS];
        read_newest(&l, answer);
        broken[which] += !keeps_authority(&l, answer, &live);
        scene_close(&l.s);
    }
    for (size_t i = 0; i < sizeof laws / sizeof laws[0]; i++)
        assert_true(broken[i] > 5);
}

/* A lock is answered whatever anybody said; the other policies limit what may be answered. */
static void policies_hold_whatever_was_said(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(2000))
    {
        life l;
        begin(&l, &g, &GEN_CHOICE(&g, laws));
        const pz_value lock = scene_value(&l.s, l.law->is_set         ? "['sms']"
                                                : l.law->is_record    ? "{'sms': 1}"
                                                : l.law->has_evidence ? "'sms'"
                                                                      : "35");
        l.s.force = (pz__force){.has_lock = true, .lock = lock};
        pz__resolution r = resolve(&l);
        assert_true(r.tier == PZ__TIER_LOCK && pz_value_equal(r.value, lock));
        const pz_value allowed[] = {pz_value_str("push"), pz_value_str("sms")};
        l.s.force = (pz__force){
            .has_min = true, .has_max = true, .min = pz_value_int(15), .max = pz_value_int(25)};
        if (l.law->has_evidence)
            l.s.force = (pz__force){.has_one_of = true, .one_of = allowed, .one_of_count = 2};
        told answer[KEYS];
        r = resolve(&l);
        read_answer(&l, &r, answer);
        for (int i = 0; i < KEYS && !l.law->is_record; i++) {
            if (answer[i].tier == PZ__TIER_NONE)
                continue;
            const pz_value v = answer[i].value;
            assert_true(l.law->has_evidence
                            ? pz_value_equal(v, allowed[0]) || pz_value_equal(v, allowed[1])
                            : v.as.i >= 15 && v.as.i <= 25);
        }
        scene_close(&l.s);
    }
}

static bool is_same_answer(const pz__resolution *a, const pz__resolution *b)
{
    return a->tier == b->tier && a->reason == b->reason && a->confidence == b->confidence &&
           (a->tier == PZ__TIER_NONE || pz_value_equal(a->value, b->value));
}

/* Two lives, alike but that in one everything is chosen before it is cleared. */
static void choosing_and_clearing_leaves_what_is_inferred(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(2000))
    {
        life a, b;
        gen twin = g;
        const law *which = &GEN_CHOICE(&g, laws);
        gen_u64(&twin);
        gen same = twin;
        begin(&a, &twin, which);
        begin(&b, &same, which);
        tick(&a);
        tick(&b);
        a.s.writer = b.s.writer = "w9";
        for (int key = 0; key < which->key_count; key++)
            scene_say(&b.s, PZ__SLOT_CHOICE, which->keys[key], which->values[key], b.now);
        tick(&a);
        tick(&b);
        clear(&a);
        clear(&b);
        for (int i = 0; i < 3; i++) {
            gen left = twin;
            make_noise(&a, &left);
            make_noise(&b, &twin);
        }
        a.s.now = b.s.now = a.now;
        const pz__resolution with = resolve(&b), without = resolve(&a);
        assert_true(is_same_answer(&with, &without));
        scene_close(&a.s);
        scene_close(&b.s);
    }
}

static void manual_is_independent_of_all_evidence(void **state)
{
    (void)state;
    size_t changed = 0, cases = gen_cases(2000);
    GEN_CASES(g, cases)
    {
        life l;
        begin(&l, &g, &GEN_CHOICE(&g, laws));
        tick(&l);
        scene_say(&l.s, PZ__SLOT_MODE, NULL, "'MANUAL'", l.now);
        l.s.now = l.now;
        const pz__resolution before = resolve(&l);
        pz__arena kept;
        pz__arena_init(&kept, NULL, 0);
        pz__resolution copy = before;
        assert_int_equal(pz__value_copy(&kept, &copy.value, before.value), PZ_OK);
        for (int i = 0; i < 6; i++) {
            const int key = (int)gen_below(&g, (uint64_t)l.law->key_count);
            const char *value = l.law->values[draw_value(&l, &g, key)];
            const bool is_every = !l.law->is_set && !l.law->is_record;
            const char *about = is_every ? value : l.law->keys[key];
            l.s.confidence = 0.99;
            scene_say(&l.s, gen_bool(&g) ? PZ__SLOT_INFERRED : PZ__SLOT_DECLARED, about, value,
                      l.now);
            if (l.law->has_evidence)
                scene_sight(&l.s, value, 20, l.now - 7200000);
        }
        const pz__resolution after = resolve(&l);
        assert_true(is_same_answer(&copy, &after));
        tick(&l);
        scene_say(&l.s, PZ__SLOT_MODE, NULL, "'AUTO'", l.now);
        l.s.now = l.now;
        const pz__resolution automatic = resolve(&l);
        changed += !is_same_answer(&copy, &automatic);
        pz__arena_clear(&kept);
        scene_close(&l.s);
    }
    assert_true(cases < 1000 || changed > cases / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_wish_wins_under_every_law),
        cmocka_unit_test(the_check_of_wishes_can_fail),
        cmocka_unit_test(policies_hold_whatever_was_said),
        cmocka_unit_test(choosing_and_clearing_leaves_what_is_inferred),
        cmocka_unit_test(manual_is_independent_of_all_evidence),
    };
    return cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
