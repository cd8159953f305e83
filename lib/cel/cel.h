/*
 * cel.h: the door of the rule language: compile an expression once, evaluate it many times.
 *
 * The room knows nothing of customers. Names are declared by an environment that maps each to a
 * slot; at evaluation an activation supplies what is in the slots, lazily. Errors and unknowns are
 * values that travel through the expression as the language prescribes; only the end of an
 * evaluation turns one into an outcome.
 *
 * A program is immutable, but for guesses where members stand that change no answer, and may be
 * evaluated by any number of threads at once, each with an activation and an arena of its own.
 * Scalar rules allocate nothing.
 */
#ifndef PZ_CEL_ROOM_H
#define PZ_CEL_ROOM_H

#include "base/zone.h"
#include "value/value.h"

/* ---- types ---- */

typedef enum pz__type_kind {
    PZ__T_DYN,
    PZ__T_NULL,
    PZ__T_BOOL,
    PZ__T_INT,
    PZ__T_UINT,
    PZ__T_DOUBLE,
    PZ__T_STRING,
    PZ__T_BYTES,
    PZ__T_TIMESTAMP,
    PZ__T_DURATION,
    PZ__T_LIST,    /* args[0] */
    PZ__T_MAP,     /* args[0] key, args[1] value */
    PZ__T_TYPE,    /* args[0], may be NULL */
    PZ__T_PARAM,   /* a type variable, `name` */
    PZ__T_OPAQUE,  /* `name`, args */
    PZ__T_WRAPPER, /* args[0], nullable */
    PZ__T_ERROR
} pz__type_kind;

/* A type. Immutable; lives in an arena or is one of the constants below. */
typedef struct pz__type {
    pz__type_kind kind;
    uint32_t arg_count;
    const struct pz__type *const *args;
    pz_str name;
} pz__type;

extern const pz__type pz__type_dyn, pz__type_null, pz__type_bool, pz__type_int, pz__type_uint,
    pz__type_double, pz__type_string, pz__type_bytes, pz__type_timestamp, pz__type_duration,
    pz__type_error, pz__type_ip, pz__type_cidr;

/* Deepest nesting of a type's arguments that is read. */
#define PZ__TYPE_DEPTH_MAX 16u

/* A type from its spelling: "int", "list<string>", "map<string, int>", "dyn", "timestamp" ... */
pz_status pz__type_parse(pz__arena *arena, const pz__type **out, pz_str text, pz_error *err);
/* The spelling of a type, appended. */
void pz__type_print(pz__buf *out, const pz__type *type);
/* True if the value is of the type, parameters included. */
bool pz__type_holds(const pz__type *type, pz_value v);

/* ---- kinds that only evaluation knows; never seen outside this room and its activations ---- */

enum {
    PZ__V_ERROR = 64,   /* as.text points to a pz__cel_error */
    PZ__V_UNKNOWN = 65, /* as.text points to a pz__unknowns */
    PZ__V_PENDING = 66, /* a slot that nobody asked for yet */
    PZ__V_TYPE = 67,    /* a type as a value; as.text, len its name */
    PZ__V_IP = 72,      /* as.text points to a pz__net (net.h) */
    PZ__V_CIDR = 73,    /* the same */
    PZ__V_REGEX = 74,   /* as.text points to a pz__regex: a constant pattern in a program */
    PZ__V_OPTIONAL = 68 /* an optional: len is 0 (none) or 1, as.items points to the value held */
};

typedef struct pz__cel_error {
    pz_status status;
    uint32_t offset;     /* byte offset into the source */
    const char *message; /* NUL-terminated; a constant or in the arena */
} pz__cel_error;

/* Slots whose value is missing: a sorted set, each once. In strict operations an error wins over an
 * unknown; && and || absorb both, and of the two keep the unknown. has(NAME) of a declared name is
 * false if its slot is unknown. */
typedef struct pz__unknowns {
    uint32_t count;
    const uint32_t *slots;
} pz__unknowns;

/* An unknown about one slot, made in the arena; PZ__V_ERROR with NOMEM if that fails. */
pz_value pz__cel_unknown(pz__arena *arena, uint32_t slot);
/* An error value; `message` is kept by pointer. */
pz_value pz__cel_fail(pz__arena *arena, pz_status status, const char *message);

/* ---- environment: what names mean, at compile time ---- */

/* One way to call a function of the host. Types may have variables (PZ__T_PARAM with a name), which
 * stand for the same type wherever the overload names them. */
typedef struct pz__host_overload {
    bool member; /* x.f(): params[0] is the receiver */
    const pz__type *result;
    const pz__type *const *params;
    uint32_t param_count;
} pz__host_overload;

#define PZ__HOST_PARAMS_MAX 32u /* parameters of one overload; one with more is never taken */
#define PZ__TYPE_PARAMS_MAX 8u  /* type variables of one overload; more are all dyn */

/*
 * A function that the host adds. Arguments are never errors nor unknowns, and fit some overload
 * only if the expression was checked. The result is a value, or pz__cel_fail(); it lives in the
 * arena or as long as the activation. Everything here must outlive the programs.
 */
typedef struct pz__host_function {
    pz_str name; /* may be dotted: `geo.distance` */
    const pz__host_overload *overloads;
    uint32_t overload_count;
    pz_value (*call)(void *self, pz__arena *arena, const pz_value *args, uint32_t count);
    void *self; /* NULL `call`: declared only, an error when evaluated */
} pz__host_function;

/* What a declared name or a derived call compiles to. */
typedef struct pz__slot {
    uint32_t index; /* into the activation's slots */
    const pz__type *type;
} pz__slot;

/*
 * Argument of a call that the environment may take over: a constant, or a (dotted) name. One that
 * is neither has both flags false, so that the owner of the function can say what it wants instead.
 */
typedef struct pz__call_arg {
    bool is_constant;
    pz_value constant; /* where is_constant */
    bool is_name;      /* a (dotted) name such as profile.language */
    pz_str name;
    uint32_t start, end; /* span in the source */
} pz__call_arg;

/* How something is compared with a constant on its right. */
typedef enum pz__relation_to {
    PZ__TO_EQUAL, /* ==, !=, `in` */
    PZ__TO_LESS,
    PZ__TO_AT_MOST,
    PZ__TO_GREATER,
    PZ__TO_AT_LEAST
} pz__relation_to;

/* A slot, an item of the list in it, or a field of the map in it, is compared with a constant. */
typedef struct pz__compared {
    uint32_t slot;
    bool is_item; /* of the list */
    pz_str field; /* of the map; empty if it is the slot itself, or an item */
    pz__relation_to relation;
    pz_value constant;
    uint32_t start, end; /* span of the constant in the source */
} pz__compared;

/* Two comparisons of one slot in one run of && or ||, which decide it between them. */
typedef struct pz__clash {
    bool is_always;                  /* of ||: one of them holds of every value; else of &&: never both */
    uint32_t start, end;             /* span of the second's constant in the source */
    uint32_t first_start, first_end; /* span of the first comparison */
} pz__clash;

typedef struct pz__cel_env {
    void *self;
    /*
     * The slot of a dotted name, asked for the longest prefix first ("profile.address.city", then
     * "profile.address"). PZ_OK, PZ_ERR_NOT_FOUND if there is no such name.
     */
    pz_status (*find)(void *self, pz_str name, pz__slot *out);
    /*
     * A call to one of the environment's own functions, `count("purchase", duration("24h"))`:
     * all arguments are folded constants or names, and the call as a whole becomes a slot of its
     * own, the same one for the same call. PZ_ERR_NOT_FOUND: not mine, look among the standard
     * functions. Any other status: `err` says what is wrong, err->column holds the 0-based index of
     * the argument it is about plus 1 (0: the call itself). May be NULL.
     */
    pz_status (*derive)(void *self, pz_str function, const pz__call_arg *args, uint32_t count,
                        pz__slot *out, pz_error *err);
    /* Told of each comparison of a slot with a constant, so that the owner of the name can say that
     * it never holds. May be NULL. */
    void (*compared)(void *self, const pz__compared *comparison);
    /* Told of such comparisons. May be NULL. */
    void (*clashed)(void *self, const pz__clash *clash);
    /* The host's function of that name, which is kept by pointer; NULL if there is none. A call
     * that is written as a standard function of the name can be remains with that. May be NULL. */
    const pz__host_function *(*function)(void *self, pz_str name);
    /* Names to suggest from when one is not found: appended by calling `put(payload, name)`. NULL
     * for none. */
    void (*suggest)(void *self, void (*put)(void *payload, pz_str name), void *payload);
    /* True: an undeclared name is an error (the checker is on). False: it is a dyn read from the
     * activation's `name` callback at run time. */
    bool closed;
    /* True: a text that is written out and that duration(), timestamp(), int(), uint(), double() or
     * bool() cannot read is a mistake (the checker is on). False: it fails when it is evaluated. */
    bool strict_texts;
    /*
     * Time zones that getters with a zone may ask for; read when evaluating, so it must outlive the
     * program. NULL: only UTC and fixed offsets exist. `need_zone` is called while compiling, with
     * each zone that is written out, and with the empty name where a zone is computed so that any
     * may be asked for; it fills `zones`. PZ_ERR_NOT_FOUND: there is no such zone. May be NULL.
     */
    const pz__zone_set *zones;
    pz_status (*need_zone)(void *self, pz_str name);
    /* Zones to suggest from when one is not found, in any order, by calling `put(payload, name)`,
     * which keeps no name by pointer. NULL for none. */
    void (*suggest_zones)(void *self, void (*put)(void *payload, pz_str name), void *payload);
    /* The greatest length of any list, map or text (in octets) in a slot, at any depth; UINT64_MAX
     * if nobody knows. For estimates. May be NULL. */
    uint64_t (*size_hint)(void *self, uint32_t slot);
} pz__cel_env;

/* ---- compiling ---- */

typedef struct pz__program pz__program;

/* Limits of one compilation; each tested at the limit and one beyond. */
#define PZ__CEL_SOURCE_MAX (64u << 10) /* bytes of source */
#define PZ__CEL_DEPTH_MAX 128u         /* nesting, and operators of one chain but && and || */
#define PZ__CEL_ISSUES_MAX 32u         /* mistakes reported; later ones are not kept */

/* One mistake, with its span in the source. */
typedef struct pz__cel_issue {
    uint32_t start, end;
    char message[256];
    pz_str suggestion; /* the nearest right name, in the compile arena; {NULL, 0} if none */
    bool is_unknown_name; /* what stands there is a name that is declared nowhere */
} pz__cel_issue;

/* The mistakes of one compilation, all of them up to a bound; in the arena. */
typedef struct pz__cel_issues {
    const pz__cel_issue *list;
    uint32_t count;
} pz__cel_issues;

typedef struct pz__cel_options {
    const pz__type *expect; /* the type the result must have (assignable), or NULL for any */
    pz_str container;       /* name-resolution container, usually empty */
    bool unchecked;         /* names resolve, but mistakes of type wait until they are evaluated */
    bool no_macros;         /* has, all, exists ... are ordinary calls */
} pz__cel_options;

/*
 * Compile. The program, its constants and the issues live in `arena`; the source is copied.
 * PZ_ERR_PARSE (syntax), PZ_ERR_TYPE (checker: unknown names and types), PZ_ERR_LIMIT,
 * PZ_ERR_NOMEM.
 */
pz_status pz__cel_compile(pz__arena *arena, const pz__program **out, pz_str source,
                          const pz__cel_env *env, const pz__cel_options *options,
                          pz__cel_issues *issues);

/* The one canonical spelling of an expression, appended: no comments, no parentheses that it can do
 * without, one way to write each constant. Reading it gives the same tree. PZ_ERR_PARSE,
 * PZ_ERR_LIMIT (nesting, or the limit of the buffer), PZ_ERR_NOMEM. */
pz_status pz__cel_canonical(pz__buf *out, pz_str source, bool no_macros);

/* The deduced type of the result. */
const pz__type *pz__program_type(const pz__program *program);
/* What one evaluation costs, at least and at most, in units (cost.c); UINT64_MAX: no bound. */
typedef struct pz__cel_cost {
    uint64_t least, most;
} pz__cel_cost;
pz__cel_cost pz__program_cost(const pz__program *program);
/* The slots the program may read, ascending, each once. */
const uint32_t *pz__program_slots(const pz__program *program, uint32_t *count);
pz_str pz__program_source(const pz__program *program);
/* True if the program may call a function of the host, whose result nobody can foretell. */
bool pz__program_calls_host(const pz__program *program);
/* True if the program is a constant, and then which one. */
bool pz__program_constant(const pz__program *program, pz_value *out);

/* ---- evaluating ---- */

/*
 * What a run reads. `slots` has as many entries as the environment gave out; one that is
 * PZ__V_PENDING is filled by `fetch` when first read, and stays filled for later programs of the
 * same request. fetch may run other programs with the same activation (segments) and must not fail
 * otherwise than by filling in a PZ__V_ERROR or PZ__V_UNKNOWN.
 */
typedef struct pz__activation {
    pz_value *slots;
    uint32_t slot_count;
    void *self;
    void (*fetch)(void *self, uint32_t slot);
    /* For open environments: the value of an undeclared name; false if there is none. May be NULL.
     */
    bool (*name)(void *self, pz_str name, pz_value *out);
    pz__arena *arena;    /* where lists, maps and strings made on the way live */
    uint32_t step_limit; /* comprehension steps; 0 means PZ__CEL_STEPS_DEFAULT */
    /* Where the cost of the run is counted; NULL: it is not, which is quicker. */
    uint64_t *cost;
    uint64_t cost_limit; /* beyond it the evaluation ends in an error; 0: no limit. Needs `cost` */
} pz__activation;

#define PZ__CEL_STEPS_DEFAULT 1000000u

/*
 * Evaluate. The result is an ordinary value, or one of kind PZ__V_ERROR or PZ__V_UNKNOWN; it
 * borrows from the arena, the slots and the program.
 */
pz_value pz__cel_eval(const pz__program *program, pz__activation *activation);

/* Make a result (no error, no unknown) of the kinds that pz_value knows: plain.c. PZ_ERR_LIMIT
 * beyond PZ_JSON_DEPTH_MAX levels or a very large value; PZ_ERR_NOMEM. */
pz_status pz__cel_plain(pz__arena *arena, pz_value *v);

/* Three-way truth of a rule's result: a rule fires only on TRUE. */
typedef enum pz__truth { PZ__FALSE, PZ__TRUE, PZ__UNKNOWN, PZ__ERROR } pz__truth;
static inline pz__truth pz__cel_truth(pz_value result)
{
    if (result.kind == PZ_BOOL)
        return result.as.b ? PZ__TRUE : PZ__FALSE;
    return result.kind == PZ__V_UNKNOWN ? PZ__UNKNOWN : PZ__ERROR;
}

#endif
