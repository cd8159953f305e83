/*
 * time.h: moments and spans as numbers and as text. No clock is read here.
 *
 * Times of profiles and events are int64 milliseconds since 1970-01-01T00:00:00Z, without leap
 * seconds; CEL's timestamps add nanoseconds. The calendar is the proleptic Gregorian one, years 1
 * to 9999.
 */
#ifndef PZ_BASE_TIME_H
#define PZ_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z in seconds since 1970. */
#define PZ__TIME_MIN_S INT64_C(-62135596800)
#define PZ__TIME_MAX_S INT64_C(253402300799)
/* The same in milliseconds. */
#define PZ__TIME_MIN_MS (PZ__TIME_MIN_S * 1000)
#define PZ__TIME_MAX_MS (PZ__TIME_MAX_S * 1000 + 999)

/* True if milliseconds since 1970 lie in the years 1 to 9999. */
static inline bool pz__time_is_valid(int64_t ms)
{
    return ms >= PZ__TIME_MIN_MS && ms <= PZ__TIME_MAX_MS;
}

typedef struct pz__civil {
    int32_t year;                              /* 1 to 9999 */
    uint32_t month, day, hour, minute, second; /* 1-12, 1-31, 0-23, 0-59, 0-59 */
    uint32_t weekday;                          /* 0 = Sunday */
    uint32_t yearday;                          /* 0 = 1 January */
} pz__civil;

/* Split seconds since 1970 (within PZ__TIME_MIN_S to MAX_S) into calendar fields. */
pz__civil pz__civil_of(int64_t seconds);
/* The other way; false if a field is out of range (30 February included). */
bool pz__civil_seconds(const pz__civil *civil, int64_t *seconds);

/* RFC 3339 date-time ("2011-09-01T12:00:00.25Z", "+02:00" offsets, 1 to 9 fraction digits, 't', 'z'
 * and a space for 'T' not allowed, seconds 0-59). False if it is not one or out of range. */
bool pz__rfc3339_parse(const char *text, size_t len, int64_t *seconds, uint32_t *nanos);
/* The same to milliseconds, the rest cut off (floor). */
bool pz__rfc3339_parse_ms(const char *text, size_t len, int64_t *ms);
/* UTC with Z, fraction without trailing zeros, none if zero. At most 30 characters and a NUL; no
 * character for a moment out of range. */
#define PZ__RFC3339_MAX 32
size_t pz__rfc3339_print(int64_t seconds, uint32_t nanos, char out[PZ__RFC3339_MAX]);
size_t pz__rfc3339_print_ms(int64_t ms, char out[PZ__RFC3339_MAX]);

/* A CEL duration: optional sign, then "0" or number+unit one or more times (h m s ms us ns).
 * Numbers may have a fraction; what is below a nanosecond is cut off. False beyond the range of
 * int64. */
bool pz__duration_parse(const char *text, size_t len, int64_t *ns);
/* Seconds with a fraction as needed and "s": "60.001s". */
#define PZ__DURATION_MAX 24
size_t pz__duration_print(int64_t ns, char out[PZ__DURATION_MAX]);
/* A catalog's span: a CEL duration, or whole days and weeks "30d" "2w" with other units after them.
 * Milliseconds, the rest cut off; must be at least 1 ms. */
bool pz__span_parse(const char *text, size_t len, int64_t *ms);

#endif
