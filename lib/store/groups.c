/*
 * groups.c: many threads that share one commit, and so one wait for the disk.
 *
 * There are no threads of the library's own, so the callers' do it. The first who comes leads: it
 * waits for the writers before it, begins one transaction and does its own part. Who comes
 * meanwhile queues. Then the leader lets them in, all at once; each does its part on its own
 * thread, one at a time, in the order in which the system runs them, for handing a turn from one
 * sleeping thread to the next would cost a wait for the scheduler each. When nobody is in any more
 * the leader closes the group, commits, and tells everybody what became of it. While it waits for
 * the disk the next group forms behind it, so the slower the disk is, the larger the groups are,
 * and nobody waits for company: a thread that is alone commits at once.
 *
 * Everything is under `gate`, held for a few stores at a time, and each member sleeps on a
 * condition of its own; `turn` is held for the length of a part. A member lives in its caller's
 * transaction; nobody touches it after it has been told under the gate. The group itself is only
 * what still takes members: when the leader closes it, the list of those who have written is the
 * leader's.
 *
 * Not here: what is written, and how a part is undone alone (lmdb_env.c).
 */
#include "store/groups.h"

#include <stddef.h>

void pz__group_init(pz__group *g)
{
    *g = (pz__group){.leader = NULL};
    pthread_mutex_init(&g->gate, NULL);
    pthread_mutex_init(&g->turn, NULL);
}

void pz__group_clear(pz__group *g)
{
    pthread_mutex_destroy(&g->gate);
    pthread_mutex_destroy(&g->turn);
}

/* ---- under the gate ---- */

static void queue(pz__group *g, pz__member *self)
{
    if (g->last)
        g->last->next = self;
    else
        g->first = self;
    g->last = self;
}

static pz__member *next_in_queue(pz__group *g)
{
    pz__member *first = g->first;
    if (!first)
        return NULL;
    g->first = first->next;
    if (!g->first)
        g->last = NULL;
    first->next = NULL;
    return first;
}

static void wake(pz__member *member, pz__member_state state)
{
    member->state = state;
    pthread_cond_signal(&member->wake);
}

static void sleep_while(pz__group *g, pz__member *self, pz__member_state state)
{
    while (self->state == state)
        pthread_cond_wait(&self->wake, &g->gate);
}

/* Let in who waits, as far as there is room. */
static void let_in(pz__group *g)
{
    while (g->is_open && !g->is_full && g->first && g->count < PZ__GROUP_MAX) {
        g->count++;
        g->inside++;
        wake(next_in_queue(g), PZ__MEMBER_IN);
    }
}

/* Begin anew with those who are left: the first of them leads. */
static void close_group(pz__group *g)
{
    g->leader = next_in_queue(g);
    g->written = NULL;
    g->count = g->leader ? 1 : 0;
    g->is_full = g->is_open = false;
    if (g->leader)
        wake(g->leader, PZ__MEMBER_LEADS);
}

static void leave(pz__group *g)
{
    if (--g->inside == 0)
        pthread_cond_signal(&g->leader->wake);
}

/* ---- a member's way ---- */

bool pz__group_enter(pz__group *g, pz__member *self)
{
    *self = (pz__member){.state = PZ__MEMBER_WAITS};
    pthread_cond_init(&self->wake, NULL);
    pthread_mutex_lock(&g->gate);
    if (g->leader) {
        queue(g, self);
        let_in(g);
        sleep_while(g, self, PZ__MEMBER_WAITS);
    } else {
        g->leader = self;
        g->count = 1;
        self->state = PZ__MEMBER_LEADS;
    }
    const bool leads = self->state == PZ__MEMBER_LEADS;
    pthread_mutex_unlock(&g->gate);
    if (!leads)
        pthread_mutex_lock(&g->turn);
    return leads;
}

void pz__group_disband(pz__group *g, pz__member *self)
{
    pthread_mutex_lock(&g->gate);
    close_group(g);
    pthread_mutex_unlock(&g->gate);
    pthread_cond_destroy(&self->wake);
}

pz__member *pz__group_gather(pz__group *g, pz__member *self)
{
    pthread_mutex_lock(&g->gate);
    g->is_open = true;
    let_in(g);
    while (g->inside > 0)
        pthread_cond_wait(&self->wake, &g->gate);
    pz__member *written = g->written;
    close_group(g);
    pthread_mutex_unlock(&g->gate);
    pthread_cond_destroy(&self->wake);
    return written;
}

void pz__group_tell(pz__group *g, pz__member *written, int result)
{
    pthread_mutex_lock(&g->gate);
    while (written) {
        pz__member *next = written->next;
        written->result = result;
        wake(written, PZ__MEMBER_ENDED);
        written = next;
    }
    pthread_mutex_unlock(&g->gate);
}

int pz__group_await(pz__group *g, pz__member *self)
{
    pthread_mutex_unlock(&g->turn);
    pthread_mutex_lock(&g->gate);
    self->next = g->written;
    g->written = self;
    leave(g);
    sleep_while(g, self, PZ__MEMBER_IN);
    pthread_mutex_unlock(&g->gate);
    pthread_cond_destroy(&self->wake);
    return self->result;
}

void pz__group_pass(pz__group *g, pz__member *self)
{
    pthread_mutex_unlock(&g->turn);
    pthread_mutex_lock(&g->gate);
    leave(g);
    pthread_mutex_unlock(&g->gate);
    pthread_cond_destroy(&self->wake);
}

void pz__group_fill(pz__group *g)
{
    pthread_mutex_lock(&g->gate);
    g->is_full = true;
    pthread_mutex_unlock(&g->gate);
}
