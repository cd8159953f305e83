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
    PZ__MEMBER_ENDED
} pz__member_state;

/* One thread's part in a group, from entering to the end. It stays where it is until then. */
typedef struct pz__member {
    /* Set before entering. Does the part for the thread that waits, on the leader's: into what the
     * leader has made ready. True: it waits for the leader's commit; false: it is done with. NULL:
     * only this thread itself can do it, as a leader. */
    bool (*part)(struct pz__member *self, void *into);
    struct pz__member *next; /* in the queue, or among those who wait for the commit */
    pthread_mutex_t bed;     /* guards what follows */
    pthread_cond_t wake;
    pz__member_state state;
    int result; /* of the commit, once ended */
} pz__member;

/* The group that forms. */
typedef struct pz__group {
    pthread_mutex_t gate;     /* guards the next three */
    pz__member *first, *last; /* those who wait */
    bool is_led;              /* somebody is at it */
    bool is_full;             /* the leader's: it takes nobody else in */
} pz__group;

void pz__group_init(pz__group *g);
void pz__group_clear(pz__group *g);

/*
 * Come to write. True: this thread leads. It makes ready what all write into and does its own part;
 * if it cannot, or takes back what it did, it ends with pz__group_disband, else with
 * pz__group_gather and pz__group_tell. False: it has slept, its part was done, and member and
 * result tell what became of it.
 */
bool pz__group_enter(pz__group *g, pz__member *self);

/* The next in the queue leads. */
void pz__group_disband(pz__group *g);

/* Do the parts of all who wait and have one; then the next group forms. The leader commits, and
 * tells those in the list what became of it. */
pz__member *pz__group_gather(pz__group *g, void *into);
void pz__group_tell(pz__member *written, int result);

/* For the leader, and parts: what is written into is full, and who is left shall begin another. */
void pz__group_fill(pz__group *g);

#endif
