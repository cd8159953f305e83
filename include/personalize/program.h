/**
 * @file personalize/program.h
 * Rules of one's own: a CEL expression compiled once and evaluated many times.
 *
 * A program is immutable: any number of threads may evaluate it at once, each with a pool of its
 * own. A rule over scalars allocates nothing once its pool is warm (evaluate, use,
 * pz_pool_reset()). The language is described in docs/rules.md. Nothing here needs an engine or a
 * catalog.
 */
#ifndef PZ_PROGRAM_H
#define PZ_PROGRAM_H

#include <personalize/base.h>
#include <personalize/value.h>

PZ_BEGIN_DECLS

/** A compiled expression. Reference counted. */
typedef struct pz_program pz_program;

/** Most variables and most functions of one program. */
#define PZ_PROGRAM_VARIABLES_MAX 4096
#define PZ_PROGRAM_FUNCTIONS_MAX 1024

/** A variable that an expression may read. Frozen. */
typedef struct pz_variable {
    const char *name;  /**< May be dotted: "order.total" is one variable. */
    const char *type;  /**< "int", "list<string>", "map<string, dyn>", ...; NULL: "dyn". */
    uint64_t size_max; /**< Greatest length of any list, map or text (in octets) in its value, at
                          any depth, for estimates of cost; 0: not known. */
} pz_variable;

/**
 * A function of the host.
 *
 * @param payload  As declared.
 * @param pool     For what the result borrows; the result may also borrow from the arguments.
 * @param args     The receiver of a member call is the first. Of the declared types.
 * @param out      Receives the result, of the declared type or as JSON has it: a whole number for a
 *                 double or an uint, a text for a timestamp, a duration or bytes.
 * @param err      Its message becomes that of the expression's error.
 * @return PZ_OK; any other status makes the call an error of the expression. PZ_ERR_NOMEM ends the
 * evaluation.
 * Thread rule: called from every thread that evaluates the program.
 */
typedef pz_status (*pz_function_fn)(void *payload, pz_pool *pool, const pz_value *args,
                                    size_t count, pz_value *out, pz_error *err);

/** One way to call a function of the host; several with one name are overloads. Frozen. */
typedef struct pz_function {
    const char *name;      /**< May be dotted: "geo.distance". A standard name is not replaced. */
    const char *signature; /**< "(string, int) -> bool", or "string.(int) -> bool" for x.f(n). */
    pz_function_fn call;
    void *payload;
} pz_function;

/** Bits of pz_program_options.flags. */
enum {
    PZ_PROGRAM_OPEN = 1, /**< Undeclared names are allowed: a map of variables is asked for them. */
    PZ_PROGRAM_UNCHECKED = 2 /**< Mistakes of type wait until they are evaluated. Implies OPEN. */
};

/** What a program knows and may do. Begin with PZ_PROGRAM_OPTIONS; every zero means the default. */
typedef struct pz_program_options {
    uint32_t size;         /**< sizeof(pz_program_options), which PZ_PROGRAM_OPTIONS sets. */
    uint32_t flags;        /**< PZ_PROGRAM_* bits. */
    const pz_alloc *alloc; /**< NULL: the C library's heap. Copied. */
    const char *container; /**< "shop.rules": x is then also shop.rules.x and shop.x; NULL: none. */
    const char *result;    /**< The type that the result must have; NULL: any. */
    const pz_variable *variables; /**< Copied. */
    size_t variable_count;
    const pz_function *functions; /**< Copied; payloads are borrowed. */
    size_t function_count;
    uint64_t cost_limit; /**< Greatest cost of one evaluation; 0: no limit but `step_limit`. */
    uint32_t step_limit; /**< Most turns of macros and elements walked; 0: 1,000,000. */
} pz_program_options;
/** First member of an initializer. */
#define PZ_PROGRAM_OPTIONS .size = sizeof(pz_program_options)

/**
 * Compile an expression.
 *
 * Time zones that it names are read from the system now; evaluating reads nothing.
 *
 * @param out      Receives a reference; NULL on failure. Release it with pz_program_unref().
 * @param options  NULL for all defaults: no variables, everything checked.
 * @param err      NULL, or told the first mistake with line and column.
 * @return PZ_OK; PZ_ERR_PARSE; PZ_ERR_TYPE; PZ_ERR_LIMIT.
 */
PZ_API pz_status pz_program_compile(pz_program **out, const char *source, size_t len,
                                    const pz_program_options *options, pz_error *err);
/** One more reference; may be called from any thread. Returns `program`. */
PZ_API pz_program *pz_program_ref(pz_program *program);
/** One reference less; the last one frees. NULL is allowed. */
PZ_API void pz_program_unref(pz_program *program);

/** What an evaluation came to. Begin with PZ_EVALUATION_INIT. */
typedef struct pz_evaluation {
    uint32_t size;          /**< sizeof(pz_evaluation). */
    uint32_t unknown_count; /**< How many variables were missing, each a reason for not knowing. */
    const uint32_t *unknowns; /**< Their indexes, ascending; lives in the pool. */
    pz_value value;           /**< Null unless the evaluation returned PZ_OK. */
    uint64_t cost;            /**< What it cost, failures included, if `wants_cost`. */
    uint32_t wants_cost;      /**< In: not 0 to count the cost; a cost_limit counts it anyway. */
    uint32_t reserved;        /**< 0. */
} pz_evaluation;
#define PZ_EVALUATION_INIT                                                                         \
    {                                                                                              \
        .size = sizeof(pz_evaluation)                                                              \
    }

/** In place of a value: this variable is not known. For pz_program_eval() only. */
PZ_API pz_value pz_value_unknown(void);

/**
 * Evaluate with the variables in the order of their declaration.
 *
 * The result borrows from the pool, the variables and the program. A type becomes its name, an
 * address its text, an optional what it holds or null.
 *
 * @param pool    Owns what is made on the way. One thread at a time.
 * @param values  As many as were declared; pz_value_unknown() for one that is not known.
 * @param out     NULL, or begun with PZ_EVALUATION_INIT.
 * @return PZ_OK; PZ_ERR_EVAL with line and column; PZ_ERR_NOT_FOUND if the result depends on a
 * variable that is not known (out->unknowns); PZ_ERR_LIMIT beyond cost or steps; PZ_ERR_ARG.
 */
PZ_API pz_status pz_program_eval(const pz_program *program, pz_pool *pool, const pz_value *values,
                                 size_t count, pz_evaluation *out, pz_error *err);
/**
 * The same with a map of the variables by name; one that it does not hold is not known. Each
 * becomes a value of its declared type: a whole number a double or an uint, a text a timestamp, a
 * duration or bytes; null is not known, unless it may be dyn. PZ_ERR_TYPE, naming the variable, for
 * one that does not fit. Those of a program that is PZ_PROGRAM_UNCHECKED stay as they are.
 */
PZ_API pz_status pz_program_eval_map(const pz_program *program, pz_pool *pool, pz_value variables,
                                     pz_evaluation *out, pz_error *err);

/**
 * What an evaluation costs at least and at most, in units of one look at one value. A greatest cost
 * of UINT64_MAX means that there is no bound, for want of a pz_variable.size_max.
 */
PZ_API void pz_program_cost(const pz_program *program, uint64_t *least, uint64_t *most);
/** The type of the result, spelled as in pz_variable.type; in the pool. PZ_ERR_NOMEM. */
PZ_API pz_status pz_program_type(const pz_program *program, pz_pool *pool, pz_str *out);
/**
 * The one canonical spelling of the expression: without comments and needless parentheses; in the
 * pool. Compiling it gives the same program.
 */
PZ_API pz_status pz_program_text(const pz_program *program, pz_pool *pool, pz_str *out);
/** True if the program may read the variable of that index. */
PZ_API bool pz_program_reads(const pz_program *program, size_t index);

/** Greatest number of characters of a line that pz_error_excerpt() shows. */
#define PZ_EXCERPT_MAX 100
/**
 * The line of the source that an error is about, and a caret below its column; in the pool, without
 * a line break at the end. Empty if the error has no place.
 */
PZ_API pz_status pz_error_excerpt(const pz_error *err, const char *source, size_t len,
                                  pz_pool *pool, pz_str *out);

PZ_END_DECLS

#endif
