/*
 * test_groups.c: threads that share a commit, without a store.
 *
 * A "commit" here is the leader's count of them; what members write into is a plain number, so that
 * two parts at once would lose some of it, and the thread sanitizer see it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>

#include "store/groups.h"

#define THREADS_MAX (PZ__GROUP_MAX + 8u)

typedef struct world {
    pz__group group;
    pthread_mutex_t writing;
    uint64_t parts;   /* whoever leads counts */
    uint64_t commits; /* under `writing` */
    int result;       /* of each commit */
    atomic_uint told; /* members who got that result */
    unsigned rounds;
    bool passes;   /* members take back what they did */
    bool fills;    /* the first part done for another fills the group */
    bool is_alone; /* members have no part that another could do */
} world;

typedef struct one {
    pz__member member;
    bool is_done, by_another;
    pthread_t thread;
} one;

static void world_init(world *w)
{
    *w = (world){.rounds = 1, .result = 7};
    pz__group_init(&w->group);
    pthread_mutex_init(&w->writing, NULL);
}

static void world_clear(world *w)
{
    pz__group_clear(&w->group);
    pthread_mutex_destroy(&w->writing);
}

/* As the leader, with its own part done and `writing` held. */
static void commit(world *w)
{
    pz__member *others = pz__group_gather(&w->group, w);
    w->commits++;
    const int result = w->result;
    pthread_mutex_unlock(&w->writing);
    pz__group_tell(others, result);
    atomic_fetch_add(&w->told, 1);
}

static bool do_part(pz__member *member, void *into)
{
    one *o = (one *)member;
    world *w = into;
    o->is_done = true;
    o->by_another = !pthread_equal(o->thread, pthread_self());
    if (w->passes)
        return false;
    w->parts++;
    if (w->fills)
        pz__group_fill(&w->group);
    return true;
}

static void *take_part(void *payload)
{
    world *w = payload;
    for (unsigned i = 0; i < w->rounds; i++) {
        one o = {.member.part = w->is_alone ? NULL : do_part, .thread = pthread_self()};
        if (pz__group_enter(&w->group, &o.member)) {
            assert_false(o.is_done);
            pthread_mutex_lock(&w->writing);
            w->parts++;
            commit(w);
        } else {
            assert_true(o.is_done && o.by_another);
            if (o.member.result == w->result)
                atomic_fetch_add(&w->told, 1);
        }
    }
    return NULL;
}

static unsigned queue_length(world *w)
{
    unsigned count = 0;
    pthread_mutex_lock(&w->group.gate);
    for (pz__member *m = w->group.first; m; m = m->next)
        count++;
    pthread_mutex_unlock(&w->group.gate);
    return count;
}

/* Start threads that take part, and wait until each is in the queue of a leader who is at it. */
static void start(world *w, pthread_t *threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_part, w), 0);
    while (queue_length(w) < count)
        sched_yield();
}

static void join(pthread_t *threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void a_thread_alone_leads_and_waits_for_nobody(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    w.rounds = 3;
    take_part(&w);
    assert_int_equal(w.commits, 3);
    assert_int_equal(w.parts, 3);
    world_clear(&w);
}

/* The calling thread leads, has done its part, and `count` others wait. */
static void lead_before(world *w, pthread_t *threads, unsigned count)
{
    pz__member self = {.part = NULL};
    assert_true(pz__group_enter(&w->group, &self));
    pthread_mutex_lock(&w->writing);
    w->parts++;
    start(w, threads, count);
}

static void those_who_come_while_one_leads_share_its_commit(void **state)
{
    (void)state;
    world w;
    pthread_t threads[16];
    world_init(&w);
    lead_before(&w, threads, 16);
    commit(&w);
    join(threads, 16);
    assert_int_equal(w.commits, 1);
    assert_int_equal(w.parts, 17);
    assert_int_equal(w.told, 17);
    world_clear(&w);
}

static uint64_t commits_of(unsigned members)
{
    world w;
    pthread_t threads[THREADS_MAX];
    world_init(&w);
    lead_before(&w, threads, members - 1);
    commit(&w);
    join(threads, members - 1);
    assert_int_equal(w.parts, members);
    assert_int_equal(w.told, members);
    world_clear(&w);
    return w.commits;
}

static void a_group_takes_as_many_as_its_limit_and_the_next_begin_another(void **state)
{
    (void)state;
    assert_int_equal(commits_of(PZ__GROUP_MAX), 1);
    assert_int_equal(commits_of(PZ__GROUP_MAX + 1), 2);
}

static void a_full_group_takes_nobody_who_still_waits(void **state)
{
    (void)state;
    world w;
    pthread_t threads[5];
    world_init(&w);
    lead_before(&w, threads, 5);
    pz__group_fill(&w.group);
    commit(&w);
    join(threads, 5);
    assert_true(w.commits >= 2);
    assert_int_equal(w.parts, 6);
    world_clear(&w);
}

static void a_part_that_fills_the_group_is_its_last(void **state)
{
    (void)state;
    world w;
    pthread_t threads[6];
    world_init(&w);
    w.fills = true;
    lead_before(&w, threads, 6);
    commit(&w);
    join(threads, 6);
    assert_true(w.commits >= 4);
    assert_int_equal(w.parts, 7);
    world_clear(&w);
}

static void who_must_do_its_part_itself_leads_a_group_of_its_own(void **state)
{
    (void)state;
    world w;
    pthread_t alone[2], others[4];
    world_init(&w);
    w.is_alone = true;
    lead_before(&w, alone, 2);
    w.is_alone = false;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&others[i], NULL, take_part, &w), 0);
    while (queue_length(&w) < 6)
        sched_yield();
    commit(&w);
    join(alone, 2);
    join(others, 4);
    assert_int_equal(w.commits, 3);
    assert_int_equal(w.parts, 7);
    assert_int_equal(w.told, 7);
    world_clear(&w);
}

static void a_leader_who_gives_up_hands_over(void **state)
{
    (void)state;
    world w;
    pz__member self = {.part = NULL};
    pthread_t threads[5];
    world_init(&w);
    assert_true(pz__group_enter(&w.group, &self));
    start(&w, threads, 5);
    pz__group_disband(&w.group);
    join(threads, 5);
    assert_int_equal(w.parts, 5);
    assert_int_equal(w.told, 5);
    world_clear(&w);
}

static void who_takes_back_what_it_did_waits_for_nobody(void **state)
{
    (void)state;
    world w;
    pthread_t threads[5];
    world_init(&w);
    w.passes = true;
    lead_before(&w, threads, 5);
    commit(&w);
    join(threads, 5);
    assert_int_equal(w.commits, 1);
    assert_int_equal(w.parts, 1);
    world_clear(&w);
}

static void parts_exclude_each_other_and_everybody_is_told(void **state)
{
    (void)state;
    world w;
    pthread_t threads[8];
    world_init(&w);
    w.rounds = 2000;
    for (unsigned i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, take_part, &w);
    join(threads, 8);
    assert_int_equal(w.parts, 8 * 2000);
    assert_int_equal(w.told, 8 * 2000);
    assert_true(w.commits <= 8 * 2000);
    assert_false(w.group.is_led);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_alone_leads_and_waits_for_nobody),
        cmocka_unit_test(those_who_come_while_one_leads_share_its_commit),
        cmocka_unit_test(a_group_takes_as_many_as_its_limit_and_the_next_begin_another),
        cmocka_unit_test(a_full_group_takes_nobody_who_still_waits),
        cmocka_unit_test(a_part_that_fills_the_group_is_its_last),
        cmocka_unit_test(who_must_do_its_part_itself_leads_a_group_of_its_own),
        cmocka_unit_test(a_leader_who_gives_up_hands_over),
        cmocka_unit_test(who_takes_back_what_it_did_waits_for_nobody),
        cmocka_unit_test(parts_exclude_each_other_and_everybody_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
