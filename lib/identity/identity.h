/*
 * identity.h: the door of the identity room: which profiles are one person.
 *
 * A link is data in one profile that names another. A person is the connected component over the
 * links that stand, computed when it is asked for: nothing is ever copied from one profile into
 * another, so an unlink gives each member back with all that it received meanwhile.
 *
 * A link stands iff one of its two profiles holds one, not expired, that covers the unlinks known
 * there, and in neither an uncovered unlink remains. Links that stand are admitted strongest first,
 * then the older, then by the ids; one is refused where it would make a person of profiles that
 * hold different values of an identifier declared unique, or one of more than
 * PZ__PERSON_MEMBERS_MAX profiles. What comes out does not depend on the order in which profiles or
 * links came, nor on the member that is asked about.
 *
 * Pure: the moment is an argument.
 */
#ifndef PZ_IDENTITY_ROOM_H
#define PZ_IDENTITY_ROOM_H

#include "profile/profile.h"

/* Most profiles that are looked at to find a person in: those that links lead to. */
#define PZ__CANDIDATES_MAX 64u
/* Accounts above one person: its own, the account's own account and so on. */
#define PZ__ACCOUNTS_MAX 8u

/* What became of a link. */
typedef enum pz__edge_fate {
    PZ__EDGE_STANDS,
    PZ__EDGE_UNLINKED, /* an unlink stands against it */
    PZ__EDGE_LAPSED,   /* it has expired */
    PZ__EDGE_ABSENT,   /* the other profile is not among the candidates */
    PZ__EDGE_UNIQUE,   /* vetoed by a unique identifier */
    PZ__EDGE_LIMIT     /* the person would have too many members */
} pz__edge_fate;
/* "STANDS", "UNLINKED" ...: part of the API. */
const char *pz__edge_fate_name(pz__edge_fate fate);

/* A link between two profiles, whichever of them holds it. Texts are borrowed. */
typedef struct pz__edge {
    pz_str one, other; /* subject ids, the lesser first */
    int64_t at_ms;     /* when it was made, as claimed: the older where both profiles hold one */
    int64_t stamp;     /* the lesser of both: order only */
    uint32_t strength; /* of 65536: the greater of both */
    pz__edge_fate fate;
    pz_str kind; /* UNIQUE: of the identifier */
} pz__edge;

/* What two profiles say about a link between them; NULL where one never said anything. */
typedef struct pz__link_sides {
    const pz__grant *here, *there;
} pz__link_sides;
/* Sets of the edge what the sides say: STANDS, UNLINKED or LAPSED; where it stands, since when and
 * how strong. */
void pz__link_judge(pz__link_sides sides, int64_t now_ms, pz__edge *edge);

typedef struct pz__component {
    pz__person person;     /* the members, by subject id */
    const pz__edge *edges; /* that touch a member: by fate, then in the order of admission */
    uint32_t edge_count;
} pz__component;

/* In whose eyes, and when. */
typedef struct pz__identity_rules {
    const pz_str *unique; /* kinds of identifiers declared unique */
    uint32_t unique_count;
    int64_t now_ms;
} pz__identity_rules;

/*
 * The person that candidates->members[of] belongs to. Candidates are sealed, by subject id, no two
 * of one id, at most PZ__CANDIDATES_MAX (an assertion). The result is in the arena; of a profile
 * that never heard of links, the person is a part of the candidates and nothing is taken.
 * PZ_ERR_NOMEM.
 */
pz_status pz__identity_component(const pz__person *candidates, uint32_t of,
                                 const pz__identity_rules *rules, pz__arena *arena,
                                 pz__component *out);

/* Where a subject stands in a list by subject ids: true if it is there, else where it would. */
bool pz__identity_find(const pz__person *list, pz_str subject, uint32_t *index);

/*
 * The accounts above a person, nearest first: the one that the newest claim over all members names,
 * the one which that account names in turn, and so on among those `known` (sealed, by subject id).
 * It ends where a claim was taken back or is not in force, where the account is not known, where
 * one would come twice, and at PZ__ACCOUNTS_MAX. PZ_ERR_NOMEM.
 */
pz_status pz__identity_accounts(const pz__person *person, const pz__person *known, int64_t now_ms,
                                pz__arena *arena, pz__person *out);
/* The id of the account that a sealed profile names last, in force or not; "" if there is none.
 * Borrowed. */
pz_str pz__identity_account_named(const pz__profile *profile);

#endif
