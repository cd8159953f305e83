/*
 * binding.h: what the files of the Lua module share. It exports luaopen_personalize and
 * nothing else (redis.c, a module of its own, luaopen_personalize_redis); the prefix keeps these names apart from the library's.
 */
#ifndef PZL_BINDING_H
#define PZL_BINDING_H

#include <lauxlib.h>
#include <lua.h>

#include <personalize.h>

/* Names of the metatables in the registry. Safe handles have the prefix. */
#define ENGINE "personalize.engine"
#define PROFILE "personalize.profile"
#define SAFE_PREFIX "safe "
#define PROGRAM "personalize.program"
#define SESSION "personalize.session"
#define REPORT "personalize.report"
#define SCALAR "personalize.scalar"
#define ARRAY "personalize.array"
#define MAP "personalize.map"
#define FAILURE "personalize.failure"
#define STORE_MODULE "personalize.store_module"

/* Greatest whole number that every Lua holds exactly. */
#define NUMBER_MAX 9007199254740991.0

typedef struct engine_box engine_box;
typedef struct hosts_box hosts_box;

/* Child of an engine, in one of its two lists. */
typedef struct link {
    struct link *next, **at; /* at: the pointer that points here; NULL when in no list */
} link;

typedef struct profile_box {
    link link; /* first, so that a link is its box */
    engine_box *engine;
    pz_profile *profile; /* NULL: closed */
    uint32_t asked;      /* questions that C is answering about it: nobody else may use it */
} profile_box;

typedef struct session_box {
    link link;
    engine_box *engine; /* NULL for a pool alone */
    pz_context *context;
    pz_pool *pool;
    bool is_busy; /* taken, or abandoned by a call that raised */
    uint32_t items;
} session_box;

struct engine_box {
    pz_engine *engine; /* NULL: closed */
    link *profiles;
    link *sessions;
    hosts_box *hosts; /* NULL: nothing of its catalog calls Lua; held by the environment */
    bool is_closed;
    bool is_safe;
};

/* A value that Lua has no kind for. Octets of bytes follow the struct. */
typedef struct scalar_box {
    pz_value value;
} scalar_box;

/* What the last failing call of this Lua state said, for the safe forms; and what is going on in it. */
typedef struct failure_box {
    pz_status status;
    uint32_t line, column;
    const char *message; /* only compared: what is raised again is known by it */
    uint32_t depth;      /* questions in the middle of which Lua is called */
} failure_box;

/* A function written in Lua (hosts.c), as C's payload. */
typedef struct host_function {
    hosts_box *hosts;
    int at;          /* in the environment of `hosts` */
    uint32_t result; /* PZ_DOUBLE or PZ_UINT where whole numbers become one */
} host_function;

/* One question in the course of being answered by C, in the middle of which Lua may be called. */
typedef struct asking {
    struct asking *outer;
    hosts_box *hosts; /* NULL: nothing is called */
    lua_State *L;
    int place;         /* of the closure that calls; of what a function raised, once has_failed */
    bool has_failed;
    pz_status status;
    struct host_call *call;
    uint32_t *held[3]; /* counters of what C uses: `asked` of handles, or NULL */
    int list;          /* of profiles that C uses, too, with their number */
    uint32_t list_count;
} asking;

struct hosts_box {
    asking *asking; /* the innermost question, NULL: none */
    failure_box *state;
    pz_record_sink sink;
    host_function take, erase;
    uint32_t count;
    host_function functions[];
};

/* What C is given of the functions; borrowed from what pzl_push_hosts() pushed. */
typedef struct pzl_hosted {
    const pz_function *functions;
    size_t count;
    const pz_record_sink *records;
} pzl_hosted;

/* What a store's own Lua module gives (redis.c). */
typedef struct module_box {
    const struct pz_store_module *module;
} module_box;

#if LUA_VERSION_NUM < 502
#define lua_rawlen lua_objlen
#define get_env(L, index) lua_getfenv(L, index)
#define set_env(L, index) ((void)lua_setfenv(L, index))
#else
#define get_env(L, index) ((void)lua_getuservalue(L, index))
#define set_env(L, index) ((void)lua_setuservalue(L, index))
#endif

bool pzl_has_metatable(lua_State *L, int index, const char *name);

/* Raise `message` with the place of the caller. Never returns; the int is for `return`. */
int pzl_fail(lua_State *L, pz_status status, const char *message);
/* Raise the value on top, as it is; the safe forms tell `status` unless it is an error of this
 * binding's own. */
int pzl_raise(lua_State *L, pz_status status);
failure_box *pzl_failure(lua_State *L);
/* Raise unless `status` is PZ_OK; `err` may be NULL. */
void pzl_check(lua_State *L, pz_status status, const pz_error *err);
/* The string at `index`, without NUL, as a `const char *` needs it; else raise. */
const char *pzl_name_at(lua_State *L, int index, const char *what);

/* Push the member of the table at `index`, which stays on the stack: its text, NULL for nil. */
const char *pzl_option(lua_State *L, int index, const char *name);

/* Raise for a key of the table at `index` that is no name of `known`, a list as "a, b and c". `what`
 * is "setting", `of` nothing or " of a write". */
void pzl_check_known(lua_State *L, int index, const char *what, const char *of, const char *known);

/* The number that the table at `index` has under `name`, from 0 to `max`; 0 for nil. */
double pzl_number_option(lua_State *L, int index, const char *name, double max);

/* The open engine or profile at `index`, safe or not; else raise. `number` is what an error calls
 * the argument. */
engine_box *pzl_engine_at(lua_State *L, int index);
profile_box *pzl_profile_at(lua_State *L, int index);
profile_box *pzl_profile_as(lua_State *L, int index, const char *what, int number);
/* Push the functions and, if there may be one, the sink that the settings at `settings` declare, or nil
 * (hosts.c). What `out` borrows stays on the stack. */
hosts_box *pzl_push_hosts(lua_State *L, int settings, bool has_sink, pzl_hosted *out);
/* Whether C is answering a question in the middle of which these are called. */
bool pzl_is_asked(const hosts_box *hosts);
/* A question is prepared, which pushes what it needs, begun right before C is called, and ended when C
 * has returned; the end raises what a function has raised. In between nothing may raise.
 * `hosts_index`: of a hosts userdata, 0: none. `is_remembered`: equal calls are made once. */
void pzl_prepare_asking(lua_State *L, asking *a, int hosts_index, bool is_remembered);
void pzl_begin_asking(asking *a);
void pzl_end_asking(asking *a);
/* The end of a question whose calls came to `status`. */
void pzl_answered(asking *a, pz_status status, const pz_error *err);
/* The same as prepare for a question to the engine at index 1. */
void pzl_prepare_engine(lua_State *L, asking *a, bool is_remembered);
/* Push an engine without a C engine yet. */
engine_box *pzl_push_engine(lua_State *L, bool is_safe);
/* Give it the hosts on top, which are popped. */
void pzl_set_hosts(lua_State *L, engine_box *box, int engine_index, hosts_box *hosts);
/* Push a profile box of the engine at index 1, still without a profile. */
profile_box *pzl_push_profile(lua_State *L, engine_box *engine);
/* Push a box for a report, so that raising frees it. */
pz_report **pzl_push_report(lua_State *L);
void pzl_link_in(link **list, link *child);
/* The methods of profiles and programs, each ended by a NULL. */
extern const luaL_Reg pzl_profile_methods[];
extern const luaL_Reg pzl_program_methods[];
/* personalize.compile(source, settings) */
int pzl_compile_raising(lua_State *L);
int pzl_compile_safe(lua_State *L);
int pzl_program_close(lua_State *L);
/* personalize.eval, parse and print */
int pzl_eval(lua_State *L);
int pzl_parse(lua_State *L);
int pzl_print(lua_State *L);
/* Finalizers and close methods. */
int pzl_engine_gc(lua_State *L);
int pzl_engine_close(lua_State *L);
int pzl_profile_close(lua_State *L);
int pzl_session_gc(lua_State *L);
int pzl_report_gc(lua_State *L);
/* Push a new session; `engine_index` 0: a pool alone. */
session_box *pzl_new_session(lua_State *L, int engine_index);
/* Free what a session holds. Lua does not know how much that is, so what is used once is ended at
 * once, not when garbage is collected. */
void pzl_end_session(session_box *box);
/* Take the session of the engine (or the pool of the program) at index 1 and push it; give it back
 * at the end of the call. */
session_box *pzl_take_session(lua_State *L);
void pzl_give_session(lua_State *L, session_box *box, int engine_index, int session_index);

/* True if the table at `index` has something true under `name`. */
bool pzl_flag(lua_State *L, int index, const char *name);

/* A question on its way: engine:verb(name, customer, circumstances, account, level, more). The
 * stack: the engine and these, up to the last that is asked for, then the session. */
typedef struct question {
    session_box *session;
    int session_index;
    const char *name;
    const pz_profile *profile; /* NULL: nobody */
    asking asking;
    pz_error err;
} question;

/* Turn the circumstances, a table at 4, into the session's context. `now` is the moment. */
void pzl_begin_context(lua_State *L, session_box *session);
/* The open profile of `engine` at `index`, or NULL for nil. */
const pz_profile *pzl_profile_or_nobody(lua_State *L, int index, const engine_box *engine);
/* Have a question hold the profile at `index`, if it is one. */
void pzl_hold_at(lua_State *L, asking *a, int index);
/* `last`: how many arguments there are, the engine included. C is to be called next, and then
 * pzl_answered(). */
void pzl_begin_question(lua_State *L, question *q, bool has_name, int last);
int pzl_end_question(lua_State *L, question *q, int results);
/* Copy what a profile may own into the pool. */
pz_value pzl_keep(lua_State *L, question *q, pz_value value);
void pzl_keep_resolution(lua_State *L, question *q, pz_resolution *found);
/* Push {value, tier, reason, confidence, channel, who, at, members, is_resolved}. */
void pzl_push_resolution(lua_State *L, const pz_resolution *found);
/* Push {value, reason, rule, confidence}. */
void pzl_push_decision(lua_State *L, question *q, const pz_decision *decision);
/* at, now, expires, channel, who, writer and durability of the table at `index`. Texts stay on the
 * stack. */
pz_write pzl_read_write(lua_State *L, session_box *session, int index);
/* "durable", "grouped" or "lazy" of the table at `index`, which stays; nil: as the engine was opened. */
pz_durability pzl_durability_at(lua_State *L, int index);
/* Methods of engines about records of decisions (record.c). */
int pzl_record(lua_State *L);
int pzl_decision_record(lua_State *L);
int pzl_record_many(lua_State *L);
int pzl_records(lua_State *L);
int pzl_expire_records(lua_State *L);
/* Methods of engines that take in many events or rows (taking.c). */
int pzl_observe_many(lua_State *L);
int pzl_apply_many(lua_State *L);
/* Methods of engines about many customers (many.c). */
int pzl_resolve_many(lua_State *L);
int pzl_inspect_many(lua_State *L);
int pzl_decide_many(lua_State *L);
int pzl_answer_many(lua_State *L);
int pzl_segments_many(lua_State *L);

/* Push a value. It must be owned by something that is on the stack, not by a profile. */
void pzl_push(lua_State *L, pz_value value);
/* The same, but null is nil. */
void pzl_push_answer(lua_State *L, pz_value value);
/* Push a value as scalar userdata. */
void pzl_push_scalar(lua_State *L, pz_value value);
/* Push how many there are of something: an integer where this Lua has such. */
void pzl_push_count(lua_State *L, uint64_t count);

/* The Lua value at an absolute index as a value in the session's pool. */
pz_value pzl_put(lua_State *L, session_box *session, int index);
/* Evaluate `expression` with the value at `index` as its variable t; raises ERR_TYPE. */
pz_value pzl_read_text(lua_State *L, session_box *session, int index, const char *expression);
/* A moment: RFC 3339 text, a timestamp, or milliseconds since 1970. nil is 0, the default. */
int64_t pzl_moment_at(lua_State *L, session_box *session, int index);
/* Make the metatables of scalars and marks, and put their constructors into the table on top. */
void pzl_open_values(lua_State *L);

#endif
