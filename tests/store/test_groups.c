/*
 * test_groups.c: threads that share a commit, without a store.
 *
 * A "commit" here is the leader's count of them; what members write into is a plain number, so that
 * two turns at once would lose some of it, and the thread sanitizer see it.
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
    uint64_t parts;   /* whoever has the turn counts */
    uint64_t commits; /* under `writing` */
    int result;       /* of each commit */
    atomic_uint told; /* members who got that result */
    unsigned rounds;
    bool passes; /* members take back what they did */
} world;

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

static void lead(world *w, pz__member *self)
{
    w->parts++;
    pz__member *others = pz__group_gather(&w->group, self);
    w->commits++;
    const int result = w->result;
    pthread_mutex_unlock(&w->writing);
    pz__group_tell(&w->group, others, result);
    atomic_fetch_add(&w->told, 1);
}

static void *take_part(void *payload)
{
    world *w = payload;
    for (unsigned i = 0; i < w->rounds; i++) {
        pz__member self;
        if (pz__group_enter(&w->group, &self)) {
            pthread_mutex_lock(&w->writing);
            lead(w, &self);
        } else if (w->passes) {
            pz__group_pass(&w->group, &self);
        } else {
            w->parts++;
            if (pz__group_await(&w->group, &self) == w->result)
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

static void those_who_come_during_a_turn_share_its_commit(void **state)
{
    (void)state;
    world w;
    pz__member self;
    pthread_t threads[16];
    world_init(&w);
    assert_true(pz__group_enter(&w.group, &self));
    pthread_mutex_lock(&w.writing);
    start(&w, threads, 16);
    lead(&w, &self);
    join(threads, 16);
    assert_int_equal(w.commits, 1);
    assert_int_equal(w.parts, 17);
    assert_int_equal(w.told, 17);
    world_clear(&w);
}

static uint64_t commits_of(unsigned members)
{
    world w;
    pz__member self;
    pthread_t threads[THREADS_MAX];
    world_init(&w);
    assert_true(pz__group_enter(&w.group, &self));
    pthread_mutex_lock(&w.writing);
    start(&w, threads, members - 1);
    lead(&w, &self);
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
    pz__member self;
    pthread_t threads[5];
    world_init(&w);
    assert_true(pz__group_enter(&w.group, &self));
    pthread_mutex_lock(&w.writing);
    start(&w, threads, 5);
    pz__group_fill(&w.group);
    lead(&w, &self);
    join(threads, 5);
    assert_true(w.commits >= 2);
    assert_int_equal(w.parts, 6);
    world_clear(&w);
}

static void a_leader_who_gives_up_hands_over(void **state)
{
    (void)state;
    world w;
    pz__member self;
    pthread_t threads[5];
    world_init(&w);
    assert_true(pz__group_enter(&w.group, &self));
    start(&w, threads, 5);
    pz__group_disband(&w.group, &self);
    join(threads, 5);
    assert_int_equal(w.parts, 5);
    assert_int_equal(w.told, 5);
    world_clear(&w);
}

static void who_takes_back_what_it_did_waits_for_nobody(void **state)
{
    (void)state;
    world w;
    pz__member self;
    pthread_t threads[5];
    world_init(&w);
    w.passes = true;
    assert_true(pz__group_enter(&w.group, &self));
    pthread_mutex_lock(&w.writing);
    start(&w, threads, 5);
    lead(&w, &self);
    join(threads, 5);
    assert_int_equal(w.commits, 1);
    assert_int_equal(w.parts, 1);
    world_clear(&w);
}

static void turns_exclude_each_other_and_everybody_is_told(void **state)
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
    assert_null(w.group.leader);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_alone_leads_and_waits_for_nobody),
        cmocka_unit_test(those_who_come_during_a_turn_share_its_commit),
        cmocka_unit_test(a_group_takes_as_many_as_its_limit_and_the_next_begin_another),
        cmocka_unit_test(a_full_group_takes_nobody_who_still_waits),
        cmocka_unit_test(a_leader_who_gives_up_hands_over),
        cmocka_unit_test(who_takes_back_what_it_did_waits_for_nobody),
        cmocka_unit_test(turns_exclude_each_other_and_everybody_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
