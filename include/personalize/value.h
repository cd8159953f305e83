/**
 * @file personalize/value.h
 * Dynamic values: the data model of CEL, with JSON as one way in and out.
 *
 * A `pz_value` is two words, passed by value. It *borrows* what it points to: text, bytes, list
 * items and map entries belong to whoever made them (a `pz_pool`, a decision, a profile, the
 * caller's own buffers) and the value is good for as long as that owner is. Values never change
 * once made, so any number of threads may read one. Calls that keep a value copy it.
 *
 *      +------+------+----------------+
 *      | kind | len  |   as (8 bytes) |
 *      +------+------+----------------+
 *       null                              all zero: {0} is null
 *       bool          as.b
 *       int uint double   as.i  as.u  as.d
 *       string bytes  len octets at as.text
 *       timestamp     as.i seconds since 1970 (floor), len = nanoseconds 0..999999999
 *       duration      as.i nanoseconds
 *       list          len values at as.items
 *       map           as.map, opaque; len entries
 */
#ifndef PZ_VALUE_H
#define PZ_VALUE_H

#include <personalize/base.h>

PZ_BEGIN_DECLS

/** The kinds of value. The numbers are frozen. */
typedef enum pz_kind {
    PZ_NULL = 0,
    PZ_BOOL = 1,
    PZ_INT = 2,
    PZ_UINT = 3,
    PZ_DOUBLE = 4,
    PZ_STRING = 5,
    PZ_BYTES = 6,
    PZ_TIMESTAMP = 7,
    PZ_DURATION = 8,
    PZ_LIST = 9,
    PZ_MAP = 10
} pz_kind;

/** The entries of a map value with their index. Opaque, immutable. */
typedef struct pz_map pz_map;

/** One dynamic value. Frozen two-word layout; see the drawing at the top of this file. */
typedef struct pz_value {
    uint32_t kind; /**< A pz_kind. */
    uint32_t len;  /**< Octets, items or entries; nanoseconds of a timestamp; else 0. */
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        const char *text;
        const struct pz_value *items;
        const pz_map *map;
    } as;
} pz_value;

/** One entry of a map: keys are bool, int, uint or string. Frozen. */
typedef struct pz_entry {
    pz_value key;
    pz_value value;
} pz_entry;

/** Greatest length of a text, a list or a map (a value's length is a uint32_t). */
#define PZ_VALUE_LEN_MAX UINT32_MAX

/** Values of the scalar kinds. They own nothing; copy them freely. */
/** The null value; the same as {0}. */
PZ_API pz_value pz_value_null(void);
/** A truth. */
PZ_API pz_value pz_value_bool(bool b);
/** A whole number with a sign. */
PZ_API pz_value pz_value_int(int64_t i);
/** A whole number without a sign. */
PZ_API pz_value pz_value_uint(uint64_t u);
/** A number; NaN and infinities are allowed here, but not in JSON or in a profile. */
PZ_API pz_value pz_value_double(double d);
/** Borrow a NUL-terminated UTF-8 string; NULL gives null. Checked for UTF-8 where it is stored. */
PZ_API pz_value pz_value_str(const char *text);
/** Borrow `len` octets of UTF-8; longer than PZ_VALUE_LEN_MAX gives null. */
PZ_API pz_value pz_value_strn(const char *text, size_t len);
/** Borrow `len` octets as bytes; longer than PZ_VALUE_LEN_MAX gives null. */
PZ_API pz_value pz_value_bytes(const void *data, size_t len);
/** A point in time from milliseconds since 1970 UTC. Profiles keep those of the years 1 to 9999. */
PZ_API pz_value pz_value_time_ms(int64_t ms);
/** A span of time in nanoseconds. */
PZ_API pz_value pz_value_duration_ns(int64_t ns);

/** The name of a kind as in CEL: "int", "null_type", "google.protobuf.Timestamp"; "?" if none. */
PZ_API const char *pz_kind_name(pz_kind kind);

/** The text of a string value; {NULL, 0} for any other kind. Borrowed like the value. */
PZ_API pz_str pz_value_text(pz_value v);

/** Item `index` of a list; null beyond its end or for another kind. */
PZ_API pz_value pz_value_item(pz_value list, uint32_t index);

/** Entry `index` of a map in its stored order; {null, null} beyond its end or for another kind. */
PZ_API pz_entry pz_value_entry(pz_value map, uint32_t index);

/**
 * All entries of a map in their stored order, `map.len` of them; NULL for an empty map or another
 * kind. Borrowed like the value. For callers to whom each call costs more than the entry.
 */
PZ_API const pz_entry *pz_value_entries(pz_value map);

/**
 * Look up a string key in a map.
 * @param found  NULL, or told whether the key is there (a present null is found).
 * @return The value, or null if absent or if `map` is no map.
 */
PZ_API pz_value pz_value_get(pz_value map, const char *key, size_t key_len, bool *found);

/**
 * Equality as in CEL: numbers of any kind on one exact number line, lists by item, maps by entry
 * whatever their order, other kinds only with their own. NaN equals nothing, nor does anything
 * nested deeper than PZ_JSON_DEPTH_MAX.
 */
PZ_API bool pz_value_equal(pz_value a, pz_value b);

/**
 * A total order over all values, the one that canonical bytes are sorted by: numbers first by
 * number (NaN last) and then by kind; otherwise by kind, then content.
 * @return Negative, zero, positive. Zero iff the canonical bytes are equal.
 */
PZ_API int pz_value_compare(pz_value a, pz_value b);

/** A growing place that owns values: what is made in it lives until it is reset or freed. */
typedef struct pz_pool pz_pool;

/**
 * Make a pool.
 * @param alloc  NULL for the C library's heap; copied.
 * @return PZ_OK; PZ_ERR_ARG if `out` is NULL; PZ_ERR_NOMEM.
 * Thread rule: one thread at a time.
 */
PZ_API pz_status pz_pool_new(pz_pool **out, const pz_alloc *alloc);
/** Forget everything made in the pool and keep its memory for the next use. NULL is allowed. */
PZ_API void pz_pool_reset(pz_pool *pool);
/** Free the pool and all that was made in it. NULL is allowed. */
PZ_API void pz_pool_free(pz_pool *pool);

/** Copy a text into the pool as a string value. PZ_ERR_PARSE if it is not valid UTF-8. */
PZ_API pz_status pz_pool_string(pz_pool *pool, pz_value *out, const char *text, size_t len);
/** Copy `count` items into a list; what the items borrow is not copied. */
PZ_API pz_status pz_pool_list(pz_pool *pool, pz_value *out, const pz_value *items, size_t count);
/**
 * Copy `count` entries into a map; what they borrow is not copied.
 * @return PZ_ERR_TYPE for a key of another kind than bool, int, uint, string; PZ_ERR_ARG if a key
 * stands twice; PZ_ERR_NOMEM.
 */
PZ_API pz_status pz_pool_map(pz_pool *pool, pz_value *out, const pz_entry *entries, size_t count);
/**
 * The same with the entries in the order of their keys, as pz_value_compare() has it: for hosts whose
 * own maps have no order, or another one in every process, which rules would see.
 */
PZ_API pz_status pz_pool_map_sorted(pz_pool *pool, pz_value *out, const pz_entry *entries,
                                    size_t count);
/**
 * Copy a value and everything it borrows into the pool.
 * @return PZ_ERR_PARSE if a string in it is not UTF-8; PZ_ERR_LIMIT if it is nested deeper than
 * PZ_JSON_DEPTH_MAX; PZ_ERR_ARG for a kind that is none; PZ_ERR_NOMEM.
 */
PZ_API pz_status pz_pool_copy(pz_pool *pool, pz_value *out, pz_value v);

/** Flags of pz_value_parse(). */
enum {
    PZ_JSON_RELAXED = 1, /**< Comments (// and slash-star) and trailing commas are allowed. */
    PZ_JSON_REFUSE_DUPLICATES = 2 /**< A repeated member name is an error; else the last counts. */
};

/** Deepest nesting of JSON that is read, and largest text in bytes. */
#define PZ_JSON_DEPTH_MAX 512
#define PZ_JSON_BYTES_MAX (256u << 20)

/**
 * Read JSON text into a value owned by the pool.
 *
 * Strict RFC 8259: invalid UTF-8, lone surrogates, a byte-order mark, NaN and numbers beyond a
 * double are refused. A number without fraction and exponent becomes an int, or a uint above the
 * range of int, or a double above that; every other number the nearest double.
 *
 * @param flags  PZ_JSON_* bits; 0 is strict, and the last of duplicate names counts.
 * @return PZ_ERR_PARSE with line and column; PZ_ERR_LIMIT; PZ_ERR_NOMEM; PZ_ERR_ARG for a flag that
 * this version does not know.
 */
PZ_API pz_status pz_value_parse(pz_pool *pool, pz_value *out, const char *json, size_t len,
                                uint32_t flags, pz_error *err);

/**
 * Write a value as JSON text owned by the pool, NUL-terminated.
 *
 * Doubles print in the shortest form that reads back to the same double, a whole one with a
 * fraction (1.0) so that it does not read back as an int. Bytes become base64 text,
 * timestamps RFC 3339 text, durations seconds with "s". Map entries keep their stored order.
 * @param indent  0 for one line, else spaces for each level.
 * @return PZ_ERR_DOMAIN for what JSON cannot say: NaN, infinities, text that is no UTF-8;
 * PZ_ERR_LIMIT beyond PZ_JSON_DEPTH_MAX levels or PZ_JSON_BYTES_MAX bytes; PZ_ERR_NOMEM.
 */
PZ_API pz_status pz_value_print(pz_pool *pool, pz_str *out, pz_value v, uint32_t indent);

PZ_END_DECLS

#endif
