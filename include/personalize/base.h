/**
 * @file personalize/base.h
 * What every other header needs: export marks, status codes, errors, borrowed text, memory.
 *
 * Nothing here keeps state. A failing call says so by its `pz_status`, and where a person needs
 * more it fills a `pz_error` that the caller owns; there is no "last error" to ask for later.
 *
 * Every function that a host hands in (memory, a clock, functions that rules call, visitors, sinks,
 * hooks) has to return. An exception or a longjmp() that leaves it through the library leaves a
 * transaction, a lock or memory behind for good: catch it, return a status, throw it anew outside.
 */
#ifndef PZ_BASE_H
#define PZ_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PZ_BEGIN_DECLS extern "C" {
#define PZ_END_DECLS }
#else
#define PZ_BEGIN_DECLS
#define PZ_END_DECLS
#endif

#if defined(__GNUC__)
#define PZ_API __attribute__((visibility("default")))
#else
#define PZ_API
#endif

PZ_BEGIN_DECLS

#define PZ_VERSION_MAJOR 0
#define PZ_VERSION_MINOR 1
#define PZ_VERSION_PATCH 0

/**
 * Every status there is: name, number, text for people. The numbers are frozen; a code exists only
 * where a caller can act on it.
 */
#define PZ_STATUS_MAP(X)                                                                           \
    X(OK, 0, "ok")                                                                                 \
    X(ERR_ARG, -1, "an argument is NULL, out of range or of the wrong kind")                       \
    X(ERR_NOMEM, -2, "out of memory")                                                              \
    X(ERR_PARSE, -3, "the text is not well formed")                                                \
    X(ERR_TYPE, -4, "the value is not of the declared type")                                       \
    X(ERR_DOMAIN, -5, "the value is outside the declared domain")                                  \
    X(ERR_NOT_FOUND, -6, "there is no such thing")                                                 \
    X(ERR_LIMIT, -7, "a declared limit would be exceeded")                                         \
    X(ERR_TIME, -8, "the time lies beyond now and the allowed skew")                               \
    X(ERR_LATE, -9, "the event is older than the horizon")                                         \
    X(ERR_SUBJECT, -10, "the profiles belong to different subjects")                               \
    X(ERR_CATALOG, -11, "the catalog has mistakes")                                                \
    X(ERR_CORRUPT, -12, "the stored bytes are damaged")                                            \
    X(ERR_VERSION, -13, "another version wrote this, or expects it")                               \
    X(ERR_IO, -14, "the system refused an input or output operation")                              \
    X(ERR_FULL, -15, "no space is left where the store lives")                                     \
    X(ERR_BUSY, -16, "the resource is in use; try again")                                          \
    X(ERR_EVAL, -17, "the expression failed")                                                      \
    X(ERR_STATE, -18, "the handle is not in a state that allows this")                             \
    X(ERR_UNSUPPORTED, -19, "this build or this backend cannot do that")                           \
    X(ERR_TEST, -20, "a test of the catalog failed")

/** What a call came to. Zero is success, everything else is negative. */
typedef enum pz_status {
#define PZ_STATUS_ENUM(name, code, text) PZ_##name = (code),
    PZ_STATUS_MAP(PZ_STATUS_ENUM)
#undef PZ_STATUS_ENUM
} pz_status;

/** The name of a status, such as "ERR_LATE". Never NULL; "ERR_?" for a number that is none. */
PZ_API const char *pz_status_name(pz_status status);

/** One line about a status, for people. Never NULL. */
PZ_API const char *pz_status_text(pz_status status);

/** The version of the library that is loaded, "MAJOR.MINOR.PATCH". */
PZ_API const char *pz_version(void);

/** Borrowed UTF-8 text: pointer and length, no NUL needed. {NULL, 0} is the empty text. Frozen. */
typedef struct pz_str {
    const char *data;
    size_t len;
} pz_str;

/** A pz_str for a string literal or a NUL-terminated string; NULL gives the empty text. */
PZ_API pz_str pz_str_of(const char *text);

/** Room for the message of a pz_error, with its final NUL. Longer messages are cut at a character.
 */
#define PZ_ERROR_MESSAGE_MAX 512

/**
 * What went wrong, for a person. The caller owns it (the stack will do) and may pass NULL wherever
 * one is taken. Start from PZ_ERROR_INIT. Reporting allocates nothing.
 */
typedef struct pz_error {
    uint32_t size;    /**< sizeof(pz_error), set by the initializer. */
    pz_status status; /**< The same status that the call returned. */
    uint32_t line;    /**< 1-based line in the text that was read; 0 if the error has no place. */
    uint32_t column;  /**< 1-based column in characters (code points); 0 if there is none. */
    char message[PZ_ERROR_MESSAGE_MAX]; /**< NUL-terminated UTF-8: what is wrong and the remedy. */
} pz_error;
#define PZ_ERROR_INIT                                                                              \
    {                                                                                              \
        sizeof(pz_error), PZ_OK, 0, 0,                                                             \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/**
 * One function does all memory work, in the manner of realloc with the old size told.
 *
 * @param payload   The pointer from pz_alloc.
 * @param ptr       NULL for a new block.
 * @param old_size  The size the block was asked with; 0 when `ptr` is NULL.
 * @param new_size  0 frees the block and returns NULL.
 * @return The block, aligned for any type, or NULL if memory ran out (then `ptr` stays valid).
 * Thread rule: called from whichever thread uses a handle made with it, or does a PZ_GROUPED write
 * for that thread while it waits; must allow concurrent calls if handles of one engine are used from
 * several threads.
 */
typedef void *(*pz_realloc_fn)(void *payload, void *ptr, size_t old_size, size_t new_size);

/** Where memory comes from. {NULL, NULL} means the C library's heap. Frozen two-word pair. */
typedef struct pz_alloc {
    pz_realloc_fn fn;
    void *payload;
} pz_alloc;

PZ_END_DECLS

#endif
