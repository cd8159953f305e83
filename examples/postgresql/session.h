/*
 * session.h: what one backend keeps between calls, and the door to the library's errors.
 *
 * A backend is one thread, so it has one engine, one context, one pool, and at most two profiles at
 * a time: the customer's and the account's. pg_begin() opens a call: it frees what the call before
 * left behind (which may have ended by ereport()), and looks whether the catalog has changed.
 */
#ifndef PERSONALIZE_PG_SESSION_H
#define PERSONALIZE_PG_SESSION_H

#include <postgres.h>

#include <personalize.h>

typedef struct pg_session {
    MemoryContext memory;          /* All that the library holds in this backend. */
    pz_alloc alloc;                /* Of that memory. */
    pz_engine *engine;             /* NULL before the first call. */
    pz_context *context;
    pz_pool *pool;                 /* The values of the call that runs. */
    pz_profile *customer;          /* NULL: nobody in particular. */
    pz_profile *account;           /* NULL: none. */
    int64 now_ms;                  /* The moment of the call: what the engine's clock says. */
} pg_session;

/* The names of the settings; pg_define_settings() makes them known when the module is loaded. */
#define PG_SETTING_CATALOG "personalize.catalog"
#define PG_SETTING_WRITER "personalize.writer"

extern char *pg_writer; /* The setting personalize.writer. */

extern void pg_define_settings(void);

/* Begin a call of the catalog in force; an ERROR if there is none. */
extern pg_session *pg_begin(void);

/* The same session for a call that needs no catalog. */
extern pg_session *pg_begin_bare(void);

/* Turn any status but PZ_OK into an ERROR with the SQLSTATE that fits, line and column. `where` may
 * be NULL, or a sentence for the detail: "Operation 3 of the profile.". */
extern void pg_check(pz_status status, const pz_error *err, const char *where);

/* Text of the library, which is UTF-8, in the encoding of the database; and the way back. */
extern char *pg_from_utf8(const char *text, size_t len);
extern char *pg_to_utf8(const char *text, size_t len);

#endif
