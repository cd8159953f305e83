/*
 * groups.c: many threads that share one commit, and so one wait for the disk.
 *
 * There are no threads of the library's own, so the callers' do it. The first who comes leads: it
 * waits for the writers before it, begins one transaction and does its own part. Who comes
 * meanwhile queues and sleeps. The leader does their parts too, one after the other, until nobody
 * waits; then it commits and tells everybody what became of it. To wake a thread for a part and to
 * wait until it has done it costs several times the part, so each thread is woken once, at the end
 * (flat combining: D. Hendler, I. Incze, N. Shavit, M. Tzafrir, SPAA 2010). While the leader waits
 * for the disk the next group forms behind it, so the slower the disk is, the larger the groups
 * are, and nobody waits for company: a thread that is alone commits at once.
 *
 * Who can only do its part itself, because a transaction is open over code of its caller's, leads a
 * group of its own when its turn comes; others may pass it in the queue until then, into the one
 * group before it.
 *
 * The group is under `gate`, held for a few stores at a time. Each member sleeps in a bed of its
 * own, so that those who are woken do not meet at the gate. A member lives in the call
 * that waits; nobody touches it after it has been told.
 *
 * Not here: what is written, and how a part is undone alone (lmdb_write.c).
 */
#include "store/groups.h"

#include <stddef.h>

void pz__group_init(pz__group *g)
{
    *g = (pz__group){.is_led = false};
    pthread_mutex_init(&g->gate, NULL);
}

void pz__group_clear(pz__group *g)
{
    pthread_mutex_destroy(&g->gate);
}

/* ---- in bed ---- */

static void make_bed(pz__member *self)
{
    self->next = NULL;
    self->state = PZ__MEMBER_WAITS;
    self->result = 0;
    pthread_mutex_init(&self->bed, NULL);
    pthread_cond_init(&self->wake, NULL);
}

static pz__member_state sleep_and_clear_bed(pz__member *self)
{
    pthread_mutex_lock(&self->bed);
    while (self->state == PZ__MEMBER_WAITS)
        pthread_cond_wait(&self->wake, &self->bed);
    const pz__member_state state = self->state;
    pthread_mutex_unlock(&self->bed);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->bed);
    return state;
}

static void wake(pz__member *member, pz__member_state state, int result)
{
    pthread_mutex_lock(&member->bed);
    member->state = state;
    member->result = result;
    pthread_cond_signal(&member->wake);
    pthread_mutex_unlock(&member->bed);
}

/* ---- the queue, under the gate ---- */

static void queue(pz__group *g, pz__member *self)
{
    if (g->last)
        g->last->next = self;
    else
        g->first = self;
    g->last = self;
}

static void unqueue(pz__group *g, pz__member *before, pz__member *member)
{
    if (before)
        before->next = member->next;
    else
        g->first = member->next;
    if (g->last == member)
        g->last = before;
    member->next = NULL;
}

/* Begin anew with those who are left: the first of them leads. */
static void hand_over(pz__group *g)
{
    pz__member *next = g->first;
    g->is_led = next != NULL;
    g->is_full = false;
    if (!next)
        return;
    unqueue(g, NULL, next);
    wake(next, PZ__MEMBER_LEADS, 0);
}

/* The first whose part another can do; NULL: there is none. */
static pz__member *take(pz__group *g)
{
    pz__member *before = NULL, *member = g->first;
    while (member && !member->part) {
        before = member;
        member = member->next;
    }
    if (member)
        unqueue(g, before, member);
    return member;
}

/* ---- a member's way ---- */

bool pz__group_enter(pz__group *g, pz__member *self)
{
    pthread_mutex_lock(&g->gate);
    const bool is_first = !g->is_led;
    if (is_first) {
        g->is_led = true;
    } else {
        make_bed(self);
        queue(g, self);
    }
    pthread_mutex_unlock(&g->gate);
    return is_first || sleep_and_clear_bed(self) == PZ__MEMBER_LEADS;
}

void pz__group_disband(pz__group *g)
{
    pthread_mutex_lock(&g->gate);
    hand_over(g);
    pthread_mutex_unlock(&g->gate);
}

pz__member *pz__group_gather(pz__group *g, void *into)
{
    pz__member *written = NULL;
    unsigned count = 1;
    pthread_mutex_lock(&g->gate);
    for (pz__member *member; !g->is_full && count < PZ__GROUP_MAX && (member = take(g)); count++) {
        pthread_mutex_unlock(&g->gate);
        if (member->part(member, into)) {
            member->next = written;
            written = member;
        } else {
            wake(member, PZ__MEMBER_ENDED, 0);
        }
        pthread_mutex_lock(&g->gate);
    }
    hand_over(g);
    pthread_mutex_unlock(&g->gate);
    return written;
}

void pz__group_tell(pz__member *written, int result)
{
    while (written) {
        pz__member *next = written->next;
        wake(written, PZ__MEMBER_ENDED, result);
        written = next;
    }
}

void pz__group_fill(pz__group *g)
{
    g->is_full = true;
}
