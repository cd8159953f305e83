/*
 * value.h: jsonb into values of the library and back, by way of the call's pool.
 */
#ifndef PERSONALIZE_PG_VALUE_H
#define PERSONALIZE_PG_VALUE_H

#include "session.h"

#include <utils/jsonb.h>

/* A jsonb as a value in the pool. Integers stay exact, other numbers become the nearest double. */
extern pz_value pg_value_of(pg_session *session, const Jsonb *json);

/* A value as a jsonb in the memory context of the moment. */
extern Jsonb *pg_jsonb_of(pg_session *session, pz_value value);

/* A map in the pool from `count` names and values. */
typedef struct pg_member {
    const char *name;
    pz_value value;
} pg_member;
extern pz_value pg_map_of(pg_session *session, const pg_member *members, size_t count);

#endif
