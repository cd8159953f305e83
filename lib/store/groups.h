/*
 * groups.h: many threads that share one commit. Private to the room.
 */
#ifndef PZ_STORE_GROUPS_H
#define PZ_STORE_GROUPS_H

#include <pthread.h>
#include <stdbool.h>

/* Members of one commit: enough that the wait for the disk is shared by many, few enough that the
 * first does not wait long for the last. */
#define PZ__GROUP_MAX 256u

typedef enum pz__member_state {
    PZ__MEMBER_WAITS,
    PZ__MEMBER_LEADS,
    PZ__MEMBER_IN,
    PZ__MEMBER_ENDED
} pz__member_state;

/* One thread's part in a group, from entering to the end. All zero before. */
typedef struct pz__member {
    struct pz__member *next; /* in the queue, or among those who have written */
    pthread_cond_t wake;
    pz__member_state state;
    int result; /* of the commit, once ended */
} pz__member;

/* The group that takes members now, if there is one. */
typedef struct pz__group {
    pthread_mutex_t turn;     /* held by the member who is at its part */
    pthread_mutex_t gate;     /* guards all below, and the members in the lists */
    pz__member *leader;       /* NULL: nobody has begun one */
    pz__member *first, *last; /* those who wait to be let in */
    pz__member *written;      /* those who have done their part */
    unsigned count;           /* how many were let in, the leader among them */
    unsigned inside;          /* how many of them are not done, the leader not counted */
    bool is_open;             /* the leader has done its part */
    bool is_full;             /* nobody is let in any more */
} pz__group;

void pz__group_init(pz__group *g);
void pz__group_clear(pz__group *g);

/*
 * Come to write. True: this thread leads. It makes ready what all write into, alone, and does its
 * part; if it cannot, it ends with pz__group_disband, else with pz__group_gather. False: others are
 * ready and it is our turn, which ends with pz__group_await or pz__group_pass.
 */
bool pz__group_enter(pz__group *g, pz__member *self);

/* The leader could not make ready, or takes back what it did: the next in the queue leads. */
void pz__group_disband(pz__group *g, pz__member *self);

/* Let the others in and wait until they are done; nobody else joins then, and the next group forms.
 * The leader commits, and tells those in the list what became of it. */
pz__member *pz__group_gather(pz__group *g, pz__member *self);
void pz__group_tell(pz__group *g, pz__member *written, int result);

/* End a turn that wrote, and wait for the commit: its result. */
int pz__group_await(pz__group *g, pz__member *self);
/* End a turn that wrote nothing. */
void pz__group_pass(pz__group *g, pz__member *self);

/* What is written into is full: those who come later shall begin another group. */
void pz__group_fill(pz__group *g);

#endif
