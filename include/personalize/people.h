/**
 * @file personalize/people.h
 * People: several profiles seen as one person, and erasing a person.
 *
 * A link (pz_link()) is data in one profile that names another. Nothing is copied from one profile
 * into another: a person is worked out when a question is asked, over the links that stand then, so
 * pz_unlink() gives each profile back with what it received meanwhile. Every write goes to the
 * profile named. docs/people.md tells how links are judged.
 *
 * A handle on a stored profile reads its people from the store when it is made and by
 * pz_profile_refresh(), and again when a write of its own makes, takes back or brings a link or an
 * account; each of them is as it stood when it was read. A detached profile is told its people.
 */
#ifndef PZ_PEOPLE_H
#define PZ_PEOPLE_H

#include <personalize/base.h>
#include <personalize/decide.h>
#include <personalize/engine.h>
#include <personalize/profile.h>
#include <personalize/value.h>

PZ_BEGIN_DECLS

/**
 * Tell a detached profile whom it may have to be seen with: profiles that links may lead to, and
 * accounts that pz_set_account() may name. Only what links and account claims reach is ever used.
 *
 * The profile shares the states that the others show now. They may be freed or written to
 * afterwards; to see what they have become, call again. What was told before is forgotten.
 *
 * @param others  Handles of the same engine, stored or detached, of different ids.
 * @param count   0: nobody.
 * @return PZ_ERR_STATE for a stored profile, which finds its people in the store; PZ_ERR_LIMIT for
 * more than 63; PZ_ERR_ARG for an id that comes twice.
 */
PZ_API pz_status pz_profile_person(pz_profile *profile, const pz_profile *const *others,
                                   size_t count, pz_error *err);

/**
 * The person that a profile belongs to, as a map: "id"; "members", a list of {"id", "kind"} by id;
 * "links" that stand between them, a list of {"between": [id, id], "strength", "at"}; "refused",
 * the same of links that touch a member and do not stand, with "why": UNLINKED, LAPSED (it
 * has expired), ABSENT (the other profile is not here), UNIQUE (they hold different
 * identifiers of the "kind" that the catalog declares unique) or LIMIT (the person would have more
 * than 32 members); "accounts", ids, nearest first; and "is_whole": false if links lead to more
 * profiles than are looked at (64).
 *
 * @param out  Borrowed from the context until it begins anew.
 * @return PZ_ERR_STATE for a context that was not begun.
 */
PZ_API pz_status pz_person(pz_value *out, pz_context *context, const pz_profile *profile,
                           pz_error *err);

/** Bits of the flags of pz_erase(). */
enum {
    PZ_ERASE_ALONE = 1 /**< Only the profile named, not those of the same person. */
};

/**
 * Erase a person from the store, in one transaction: the profiles, and every entry by which their
 * identifiers lead to them.
 *
 * The store remembers ids and identifiers of the erased as keyed hashes, with the moment, for the
 * catalog's "erasure_horizon" (400 days). Until then writes, events and replicas from before that
 * moment are refused with PZ_ERR_LATE, so that no late import and no stale replica brings anything
 * back. The same customer may come again: what happens from then on is another life.
 *
 * Handles on the erased go on showing what they had read until they are refreshed or freed; writing
 * through them is PZ_ERR_NOT_FOUND. An LMDB store reuses the room but does not blank it:
 * docs/people.md says how to be rid of that too.
 *
 * @param id      Of any profile of the person.
 * @param write   Its `now_ms` is the moment of the erasure; NULL: now.
 * @param erased  NULL, or how many profiles were erased.
 * @return PZ_OK; PZ_ERR_NOT_FOUND; PZ_ERR_TIME for a moment outside the years 1 to 9999;
 * PZ_ERR_STATE (no catalog, which says what is unique, or read-only); PZ_ERR_IO, PZ_ERR_FULL,
 * PZ_ERR_BUSY: nothing was erased.
 */
PZ_API pz_status pz_erase(pz_engine *engine, const char *id, const pz_write *write, uint32_t flags,
                          uint32_t *erased, pz_error *err);

PZ_END_DECLS

#endif
