/*
 * Memory that runs out at every request, under every law: the answer is the whole one or none, and
 * nothing is left behind. And memory that is there already: once an arena is warm nothing is asked
 * for any more.
 */
#include "resolve/scene.h"

#include "support/oom.h"

#define SET                                                                                        \
    "{'x': {'type': 'list<string>', 'merge': 'set', 'threshold': 0.75, 'group': true, 'default': " \
    "['email'], 'recommended': ['fax']}}"
#define RECORD "{'x': {'type': 'map<string,string>', 'merge': 'record', 'threshold': 0.75}}"
#define LAYOUT                                                                                     \
    "{'x': {'type': 'list<string>', 'merge': 'layout', 'ranked': true, 'default': ['s', 'o', "     \
    "'h', 'n']}}"
#define MAX "{'x': {'type': 'int', 'merge': 'max', 'default': 3, 'threshold': 0.75}}"

static void fill_set(scene *s)
{
    scene_say(s, PZ__SLOT_CHOICE, "'sms'", "'sms'", DAY(2));
    scene_say(s, PZ__SLOT_REJECT, "'fax'", "'fax'", DAY(3));
    scene_say(s, PZ__SLOT_INFERRED, "'post'", "'post'", DAY(3));
    scene_sight(s, "'push'", 30, DAY(18));
    scene_sight(s, "'call'", -3, DAY(17));
}

static void fill_record(scene *s)
{
    scene_say(s, PZ__SLOT_CHOICE, "'city'", "'Bonn'", DAY(2));
    scene_say(s, PZ__SLOT_DECLARED, "'zip'", "'53111'", DAY(3));
    for (int i = 0; i < 12; i++) {
        char key[8] = {'\'', 'k', (char)('a' + i), '\'', '\0'};
        scene_say(s, PZ__SLOT_INFERRED, key, "'v'", DAY(3));
    }
}

static void fill_layout(scene *s)
{
    scene_say(s, PZ__SLOT_EDIT_HIDDEN, "'o'", "true", DAY(2));
    scene_say(s, PZ__SLOT_EDIT_PLACE, "'s'", "{'after': 'n'}", DAY(2));
    scene_say(s, PZ__SLOT_EDIT_PLACE, "'h'", "{'pin': 0}", DAY(2));
    scene_sight(s, "'n'", 3, DAY(18));
}

static void fill_max(scene *s)
{
    for (int i = 0; i < 6; i++) {
        char number[2] = {(char)('1' + i), '\0'};
        scene_say(s, PZ__SLOT_DECLARED, number, number, DAY(2 + i));
        scene_say(s, PZ__SLOT_INFERRED, number, number, DAY(2 + i));
    }
}

static const struct {
    const char *attribute;
    void (*fill)(scene *s);
} worlds[] = {{SET, fill_set}, {RECORD, fill_record}, {LAYOUT, fill_layout}, {MAX, fill_max}};
#define WORLDS (sizeof worlds / sizeof worlds[0])

typedef struct question {
    scene *scene;
    int kind; /* 0: resolve, 1: inspect, 2: privileged */
} question;

static pz_status ask_with(const pz_alloc *alloc, void *payload)
{
    const question *q = payload;
    pz__arena arena;
    pz__arena_init(&arena, alloc, 0);
    pz__view view = scene_view(q->scene);
    view.arena = &arena;
    const pz__layer *layers = NULL;
    uint32_t count = 0;
    pz__resolution r;
    pz_status status;
    if (q->kind == 0)
        status = pz__resolve(&view, q->scene->attribute, NULL, &r);
    else if (q->kind == 1)
        status = pz__inspect(&view, q->scene->attribute, NULL, &layers, &count);
    else
        status = pz__inspect_privileged(&view, q->scene->attribute, NULL, &layers, &count);
    if (status != PZ_OK && q->kind == 0)
        assert_true(r.tier == PZ__TIER_NONE && r.members == NULL);
    if (status != PZ_OK && q->kind > 0)
        assert_null(layers);
    pz__arena_clear(&arena);
    return status;
}

static void every_law_survives_exhaustion(void **state)
{
    (void)state;
    for (size_t i = 0; i < WORLDS; i++) {
        for (int kind = 0; kind < 3; kind++) {
            scene s;
            scene_open(&s, worlds[i].attribute);
            worlds[i].fill(&s);
            s.masked = kind == 2 ? 1u << PZ__CLASS_BEHAVIOUR : 0;
            question q = {.scene = &s, .kind = kind};
            oom_run(ask_with, &q);
            scene_close(&s);
        }
    }
}

static pz_status make_part(const pz_alloc *alloc, void *payload)
{
    const scene *s = payload;
    pz__arena arena;
    pz__arena_init(&arena, alloc, 0);
    const pz__write write = {.channel = PZ__STR("web")};
    pz_str part;
    const pz_status status = pz__part_make(s->attribute, PZ__SLOT_INFERRED, pz_value_str("sms"),
                                           &write, 0, &arena, &part);
    if (status == PZ_OK)
        assert_memory_equal(part.data, "web\x1f\x05\x03sms", 9);
    pz__arena_clear(&arena);
    return status;
}

static void a_part_is_made_or_memory_ran_out(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, SET);
    oom_run(make_part, &s);
    scene_close(&s);
}

static void a_part_beyond_its_limit_is_refused(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, SET);
    static char text[PZ__CLAIM_VALUE_MAX + 1];
    memset(text, 'a', sizeof text);
    const pz__write write = {.channel = PZ__STR("")};
    const uint32_t head = 3; /* the kind, and two octets of length */
    pz_value value = {.kind = PZ_STRING, .len = PZ__CLAIM_VALUE_MAX - head, .as.text = text};
    pz_str part;
    assert_int_equal(pz__part_make(s.attribute, PZ__SLOT_CHOICE, value, &write, 0, &s.kept, &part),
                     PZ_OK);
    assert_int_equal(part.len, PZ__CLAIM_VALUE_MAX);
    value.len++;
    assert_int_equal(pz__part_make(s.attribute, PZ__SLOT_CHOICE, value, &write, 0, &s.kept, &part),
                     PZ_ERR_LIMIT);
    scene_close(&s);
}

static void once_warm_nothing_is_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < WORLDS; i++) {
        scene s;
        scene_open(&s, worlds[i].attribute);
        worlds[i].fill(&s);
        oom counter;
        oom_init(&counter);
        const pz_alloc alloc = oom_alloc(&counter);
        pz__arena arena;
        pz__arena_init(&arena, &alloc, 0);
        pz__view view = scene_view(&s);
        view.arena = &arena;
        size_t warm = 0;
        for (int round = 0; round < 4; round++) {
            const pz__layer *layers;
            uint32_t count;
            pz__resolution r;
            pz__arena_reset(&arena);
            assert_int_equal(pz__resolve(&view, s.attribute, NULL, &r), PZ_OK);
            assert_int_equal(pz__inspect(&view, s.attribute, NULL, &layers, &count), PZ_OK);
            if (round == 0)
                warm = counter.request_count;
        }
        assert_int_equal(counter.request_count, warm);
        pz__arena_clear(&arena);
        oom_finish(&counter);
        scene_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_law_survives_exhaustion),
        cmocka_unit_test(a_part_is_made_or_memory_ran_out),
        cmocka_unit_test(a_part_beyond_its_limit_is_refused),
        cmocka_unit_test(once_warm_nothing_is_asked_for),
    };
    return cmocka_run_group_tests_name("exhaustion", tests, NULL, NULL);
}
