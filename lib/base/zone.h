/*
 * zone.h: time zones: from the bytes of a compiled zone file to the offset at a moment. Pure: no
 * file is read here.
 */
#ifndef PZ_BASE_ZONE_H
#define PZ_BASE_ZONE_H

#include "base/str.h"

/* Limits of one zone file; each tested at the limit and one beyond. */
#define PZ__ZONE_BYTES_MAX (64u << 10)
#define PZ__ZONE_TRANSITIONS_MAX 4096u
#define PZ__ZONE_TYPES_MAX 256u
#define PZ__ZONE_FOOTER_MAX 128u
#define PZ__ZONE_NAME_MAX 64u
/* An offset from UTC in seconds lies strictly between these (RFC 8536). */
#define PZ__ZONE_OFFSET_MIN (-90000)
#define PZ__ZONE_OFFSET_MAX 93600

/* A day of the year on which the clock changes, as a POSIX TZ string has it. */
typedef enum pz__zone_day {
    PZ__DAY_JULIAN, /* Jn: 1 to 365, 29 February not counted */
    PZ__DAY_ZERO,   /* n: 0 to 365, 29 February counted */
    PZ__DAY_MONTH   /* Mm.w.d: the w-th weekday d of month m; 5 is the last */
} pz__zone_day;

typedef struct pz__zone_change {
    pz__zone_day form;
    uint32_t month, week, day;
    int32_t time; /* seconds from midnight, local; -167 to 167 hours */
} pz__zone_change;

/* What holds after the last transition. */
typedef struct pz__zone_rule {
    bool is_known; /* else the last transition's offset stays */
    bool has_dst;
    int32_t standard, dst; /* seconds east of UTC */
    pz__zone_change begin, end;
} pz__zone_rule;

/* A zone. Immutable; lives in the arena it was read into. */
typedef struct pz__zone {
    pz_str name;
    uint32_t transition_count;
    const int64_t *times;   /* ascending */
    const int32_t *offsets; /* from that time on */
    int32_t first;          /* before the first transition */
    pz__zone_rule rule;
} pz__zone;

/* Read a TZif file (RFC 8536, versions 1 to 3; later ones as 3). PZ_ERR_CORRUPT for bytes that are
 * none, PZ_ERR_LIMIT, PZ_ERR_UNSUPPORTED for a zone that counts leap seconds, PZ_ERR_NOMEM. */
pz_status pz__zone_read(pz__arena *arena, pz__zone *out, pz_str name, const void *bytes, size_t len,
                        pz_error *err);
/* Seconds east of UTC at a moment. */
int32_t pz__zone_offset(const pz__zone *zone, int64_t seconds);

/* True for "Europe/Berlin", "UTC", "Etc/GMT+1": relative, no "..", letters, digits, `_ - + /`. */
bool pz__zone_name_ok(pz_str name);
/* True for "UTC" and the fixed offsets "+hh:mm", "-hh:mm" and "hh:mm" up to 23:59. */
bool pz__zone_fixed(pz_str text, int32_t *offset);

/* Zones by name, in the order of their names. Grows while rules are compiled, then only read. */
typedef struct pz__zone_set {
    pz__arena *arena; /* borrowed; the zones live there */
    const pz__zone **list;
    uint32_t count, cap;
} pz__zone_set;

const pz__zone *pz__zone_find(const pz__zone_set *set, pz_str name);
/* Keep a zone that lives as long as the set. PZ_ERR_NOMEM. A name that is there stays. */
pz_status pz__zone_keep(pz__zone_set *set, const pz__zone *zone);

#endif
