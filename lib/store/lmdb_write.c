/*
 * lmdb_write.c: transactions that write, alone or many in one commit.
 *
 * How far a commit has gone when it returns is said by each transaction.
 *
 *   Durable: LMDB writes the changed pages to places that neither of the last two commits uses,
 *   waits for the disk (fdatasync), and only then writes its meta page, the root of the new state,
 *   through a descriptor opened with O_DSYNC. Whenever power goes, one of the two meta pages is
 *   whole and all it leads to is on the disk; once commit has returned, it is the new one.
 *
 *   Grouped: the same commit, for many threads (groups.c). Each one's part is written into a nested
 *   transaction of the leader's, so that one can be undone without the others, and its call returns
 *   when the leader's commit has. There is no other state between than LMDB's own, so a part that
 *   is acknowledged survives like any durable commit. Commits without a sync and one sync for
 *   several of them would not do: the second such commit overwrites the meta page of the last that
 *   is on the disk, and the third may overwrite its pages. A process that dies, leader or not,
 *   loses what was not acknowledged, as ever. Groups are of one process: LMDB's writer mutex and
 *   dirty pages are.
 *
 *   Lazy: MDB_NOSYNC, the kernel writes when it likes and in the order it likes. Survives the death
 *   of every process. A power loss before the next durable commit may cost, for the reason just
 *   given, the store. A durable or grouped transaction therefore first syncs what lazy ones left;
 *   when that fails, the disk's error has been told and the kernel forgets it: the pages count as
 *   clean. Then no later sync would prove anything, so this environment refuses to promise
 *   durability until it is opened again, and says to copy the store, which reads what is in memory
 *   and syncs it elsewhere.
 *
 * Not here: the environment, and what has to be done before a transaction can begin (lmdb_env.c);
 * who leads a group and whose part is next (groups.c).
 */
#include "store/lmdb_env.h"

#include <stddef.h>

#include "base/error.h"

static bool is_writing(const pz__env *e)
{
    return atomic_load(&e->owned) && pthread_equal(atomic_load(&e->owner), pthread_self());
}

static void note_owner(pz__env *e)
{
    atomic_store(&e->owner, pthread_self());
    atomic_store(&e->owned, true);
}

/* A transaction that nobody else of this process writes into yet. */
static pz_status write_alone(pz__view *out, const pz__env_spec *spec, pz_error *err)
{
    pz__env *e = out->env;
    pthread_mutex_lock(&e->writing);
    note_owner(e);
    const pz_status status = pz__env_begin(e, spec, out->is_lazy, &out->txn, err);
    if (status != PZ_OK) {
        atomic_store(&e->owned, false);
        pthread_mutex_unlock(&e->writing);
    }
    return status;
}

/* The same, as the leader of a group. */
static pz_status lead(pz__view *out, const pz__env_spec *spec, pz_error *err)
{
    const pz_status status = write_alone(out, spec, err);
    if (status != PZ_OK)
        pz__group_disband(&out->env->group);
    return status;
}

static pz_status refuse_second(const pz__env *e, pz_error *err)
{
    return is_writing(e)
               ? pz__fail(err, PZ_ERR_STATE, "this thread has a transaction open on the store")
               : PZ_OK;
}

pz_status pz__view_write(pz__view *out, pz__env *e, const pz__env_spec *spec,
                         pz__durability durability, pz_error *err)
{
    *out = (pz__view){
        .env = e, .is_grouped = durability == PZ__GROUPED, .is_lazy = durability == PZ__LAZY};
    const pz_status status = refuse_second(e, err);
    if (status != PZ_OK || !out->is_grouped)
        return status == PZ_OK ? write_alone(out, spec, err) : status;
    pz__member member = {.part = NULL};
    (void)pz__group_enter(&e->group, &member);
    return lead(out, spec, err);
}

static pz_status has_to_grow(const char *doing, const char *path, pz_error *err)
{
    return pz__fail(err, PZ_ERR_BUSY,
                    "cannot %s \"%s\": its map has to grow; run the transaction again", doing,
                    path);
}

pz_status pz__view_fail(const pz__view *at, int rc, const char *doing, const char *path,
                        pz_error *err)
{
    const size_t map_bytes = pz__env_map_bytes(at->env);
    if (rc != PZ__MDB_MAP_FULL || map_bytes >= PZ__MAP_MOST)
        return pz__env_fail(err, rc, doing, path);
    at->env->wanted = map_bytes * 2;
    if (at->is_grouped)
        pz__group_fill(&at->env->group);
    return has_to_grow(doing, path, err);
}

/* Commit what this thread began alone, and tell those who wrote into it. */
static pz_status commit(pz__view *at, pz__member *others, const char *path, pz_error *err)
{
    pz__env *e = at->env;
    const int rc = pz__env_commit(at->txn);
    pz__env_leave(e);
    pz_status status = PZ_OK;
    if (rc) {
        at->is_grouped = false; /* the next group is not this one's to fill */
        status = pz__view_fail(at, rc, "commit to", path, err);
    } else if (at->is_lazy) {
        e->is_unsynced = true;
    }
    /* Told before the next group begins: who has more to write is in time for that one. */
    pz__group_tell(others, rc);
    pthread_mutex_unlock(&e->writing);
    return status;
}

pz_status pz__view_commit(pz__view *at, const char *path, pz_error *err)
{
    pz__member *others = at->is_grouped ? pz__group_gather(&at->env->group, at) : NULL;
    atomic_store(&at->env->owned, false);
    return commit(at, others, path, err);
}

void pz__view_abort(pz__view *at)
{
    pz__env *e = at->env;
    pz__env_abort(at->txn);
    pz__env_leave(e);
    atomic_store(&e->owned, false);
    pthread_mutex_unlock(&e->writing);
    if (at->is_grouped)
        pz__group_disband(&e->group);
}

/* ---- a part of a group's ---- */

static pz__part *part_of(pz__member *member)
{
    return (pz__part *)((char *)member - offsetof(pz__part, member));
}

/* Another thread's, on the leader's: a transaction inside the leader's. Also who wrote nothing, or
 * refused, waits for the commit: it may have seen what others of the group wrote, and what it tells
 * its caller would be untrue if that were lost. */
static bool write_for(pz__member *member, void *into)
{
    pz__part *part = part_of(member);
    const pz__view *leader = into;
    bool wrote = false;
    int rc = pz__env_begin_inside(leader->env, leader->txn, &part->at.txn);
    if (rc) {
        part->status = pz__env_fail(part->err, rc, "write to", part->path);
        return false;
    }
    part->status = part->write(part, &wrote);
    if (part->status == PZ_OK && wrote)
        rc = pz__env_commit(part->at.txn);
    else
        pz__env_abort(part->at.txn);
    if (rc)
        part->status = pz__view_fail(&part->at, rc, "commit to", part->path, part->err);
    return true;
}

/* Our own, as the leader. */
static pz_status write_first(pz__part *part, const pz__env_spec *spec)
{
    bool wrote = false;
    pz_status status = lead(&part->at, spec, part->err);
    if (status != PZ_OK)
        return status;
    status = part->write(part, &wrote);
    if (status == PZ_OK && wrote)
        return pz__view_commit(&part->at, part->path, part->err);
    pz__view_abort(&part->at);
    return status;
}

pz_status pz__view_share(pz__part *part, pz__env *e, const pz__env_spec *spec)
{
    const pz_status status = refuse_second(e, part->err);
    if (status != PZ_OK)
        return status;
    part->at = (pz__view){.env = e, .is_grouped = true};
    part->path = spec->path;
    part->member.part = write_for;
    if (pz__group_enter(&e->group, &part->member))
        return write_first(part, spec);
    const int rc = part->member.result;
    if (rc == 0)
        return part->status;
    return rc == PZ__MDB_MAP_FULL ? has_to_grow("commit to", part->path, part->err)
                                  : pz__env_fail(part->err, rc, "commit to", part->path);
}
