/*
 * time.c: the calendar in integers, and the spellings of moments and spans.
 *
 * The calendar is counted in days from 1 March of year 0: with the leap day at the end of the year,
 * months have lengths that a linear formula gives, and 400 years are always 146097 days. Nothing
 * here is negative: the least moment is 1 January of year 1, and days are counted from 0000-03-01.
 *
 * Text is read by a scanner that only moves forward and never past its end. Moments follow RFC 3339
 * strictly (one spelling for each field, upper-case T and Z, no leap second). Durations follow CEL:
 * sums such as "1h30m" with decimal fractions, digits beyond a nanosecond cut off. The fraction of
 * a unit is worked out in integers, from its last digit to its first, so no digit is lost to
 * rounding.
 *
 * Not here: zones with names. A catalog that uses them brings their tables.
 */
#include "base/time.h"

#include <string.h>

#define DAY_S INT64_C(86400)
#define DAY_MS (DAY_S * 1000)
#define SECOND_NS INT64_C(1000000000)
#define DAYS_PER_400_YEARS 146097u
#define DAYS_PER_100_YEARS 36524u
#define DAYS_PER_4_YEARS 1461u
/* Days from 0000-03-01 to 1970-01-01. */
#define EPOCH_DAY 719468

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t days_in_month(uint32_t year, uint32_t month)
{
    static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month];
}

/* Days before a month in a year that begins with March: 0, 31, 61, 92, ... */
static uint32_t days_before(uint32_t months_since_march)
{
    return (153 * months_since_march + 2) / 5;
}

static uint32_t day_number(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t y = month <= 2 ? year - 1 : year;
    uint32_t m = month <= 2 ? month + 9 : month - 3;
    return y * 365 + y / 4 - y / 100 + y / 400 + days_before(m) + day - 1;
}

pz__civil pz__civil_of(int64_t seconds)
{
    /* From 0000-03-01, so that division needs no care for signs. */
    uint64_t since = (uint64_t)(seconds + EPOCH_DAY * DAY_S);
    uint32_t days = (uint32_t)(since / DAY_S), rest = (uint32_t)(since % DAY_S);

    uint32_t in_era = days % DAYS_PER_400_YEARS;
    /* The last day of a 4-year or 400-year run is the leap day: it must not begin a new year. */
    uint32_t y = (in_era - in_era / (DAYS_PER_4_YEARS - 1) + in_era / DAYS_PER_100_YEARS -
                  in_era / (DAYS_PER_400_YEARS - 1)) /
                 365;
    uint32_t in_year = in_era - (365 * y + y / 4 - y / 100);
    uint32_t m = (5 * in_year + 2) / 153;
    uint32_t month = m < 10 ? m + 3 : m - 9;
    uint32_t year = days / DAYS_PER_400_YEARS * 400 + y + (month <= 2);
    return (pz__civil){
        .year = (int32_t)year,
        .month = month,
        .day = in_year - days_before(m) + 1,
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
        .weekday = (days + 3) % 7, /* 0000-03-01 was a Wednesday */
        .yearday = days - day_number(year, 1, 1),
    };
}

bool pz__civil_seconds(const pz__civil *civil, int64_t *seconds)
{
    if (civil->year < 1 || civil->year > 9999 || civil->month < 1 || civil->month > 12)
        return false;
    uint32_t year = (uint32_t)civil->year;
    if (civil->day < 1 || civil->day > days_in_month(year, civil->month))
        return false;
    if (civil->hour > 23 || civil->minute > 59 || civil->second > 59)
        return false;
    int64_t day = (int64_t)day_number(year, civil->month, civil->day) - EPOCH_DAY;
    *seconds = day * DAY_S + civil->hour * 3600 + civil->minute * 60 + civil->second;
    return true;
}

/* What is left of a text that is being read. */
typedef struct scanner {
    const char *next;
    const char *end;
} scanner;

static bool take(scanner *s, char c)
{
    if (s->next == s->end || *s->next != c)
        return false;
    s->next++;
    return true;
}

static bool at_digit(const scanner *s)
{
    return s->next < s->end && *s->next >= '0' && *s->next <= '9';
}

/* Exactly `width` digits, at most 4. */
static bool take_digits(scanner *s, unsigned width, uint32_t *out)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < width; i++) {
        if (!at_digit(s))
            return false;
        n = n * 10 + (uint32_t)(*s->next++ - '0');
    }
    *out = n;
    return true;
}

/* "YYYY-MM-DDThh:mm:ss" */
static bool take_civil(scanner *s, pz__civil *civil)
{
    uint32_t year;
    if (!take_digits(s, 4, &year) || !take(s, '-') || !take_digits(s, 2, &civil->month) ||
        !take(s, '-') || !take_digits(s, 2, &civil->day) || !take(s, 'T') ||
        !take_digits(s, 2, &civil->hour) || !take(s, ':') || !take_digits(s, 2, &civil->minute) ||
        !take(s, ':') || !take_digits(s, 2, &civil->second))
        return false;
    civil->year = (int32_t)year;
    return true;
}

/* Nothing, or a point and 1 to 9 digits. */
static bool take_fraction(scanner *s, uint32_t *nanos)
{
    *nanos = 0;
    if (!take(s, '.'))
        return true;
    uint32_t unit = (uint32_t)SECOND_NS;
    while (at_digit(s) && unit > 1) {
        unit /= 10;
        *nanos += unit * (uint32_t)(*s->next++ - '0');
    }
    return unit < SECOND_NS && !at_digit(s);
}

/* "Z", "+hh:mm" or "-hh:mm", in seconds east of UTC. */
static bool take_offset(scanner *s, int64_t *offset)
{
    *offset = 0;
    if (take(s, 'Z'))
        return true;
    bool is_west = take(s, '-');
    uint32_t hours, minutes;
    if (!is_west && !take(s, '+'))
        return false;
    if (!take_digits(s, 2, &hours) || !take(s, ':') || !take_digits(s, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *offset = (int64_t)hours * 3600 + minutes * 60;
    if (is_west)
        *offset = -*offset;
    return true;
}

static bool is_in_range(int64_t seconds)
{
    return seconds >= PZ__TIME_MIN_S && seconds <= PZ__TIME_MAX_S;
}

bool pz__rfc3339_parse(const char *text, size_t len, int64_t *seconds, uint32_t *nanos)
{
    if (len == 0)
        return false;
    scanner s = {text, text + len};
    pz__civil civil;
    uint32_t fraction;
    int64_t local, offset;
    if (!take_civil(&s, &civil) || !take_fraction(&s, &fraction) || !take_offset(&s, &offset))
        return false;
    if (s.next != s.end || !pz__civil_seconds(&civil, &local) || !is_in_range(local - offset))
        return false;
    *seconds = local - offset;
    *nanos = fraction;
    return true;
}

bool pz__rfc3339_parse_ms(const char *text, size_t len, int64_t *ms)
{
    int64_t seconds;
    uint32_t nanos;
    if (!pz__rfc3339_parse(text, len, &seconds, &nanos))
        return false;
    *ms = seconds * 1000 + nanos / 1000000;
    return true;
}

/* `n` as exactly `width` digits; the place behind them. */
static char *put_digits(char *out, uint32_t n, unsigned width)
{
    for (unsigned i = width; i > 0; i--) {
        out[i - 1] = (char)('0' + n % 10);
        n /= 10;
    }
    return out + width;
}

/* A point and the fraction of a second without its trailing zeros; nothing for 0. */
static char *put_fraction(char *out, uint32_t nanos)
{
    if (nanos == 0)
        return out;
    *out++ = '.';
    out = put_digits(out, nanos, 9);
    while (out[-1] == '0')
        out--;
    return out;
}

size_t pz__rfc3339_print(int64_t seconds, uint32_t nanos, char out[PZ__RFC3339_MAX])
{
    out[0] = '\0';
    if (!is_in_range(seconds) || nanos >= SECOND_NS)
        return 0;
    pz__civil c = pz__civil_of(seconds);
    char *p = put_digits(out, (uint32_t)c.year, 4);
    *p++ = '-';
    p = put_digits(p, c.month, 2);
    *p++ = '-';
    p = put_digits(p, c.day, 2);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    p = put_fraction(p, nanos);
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - out);
}

size_t pz__rfc3339_print_ms(int64_t ms, char out[PZ__RFC3339_MAX])
{
    int64_t seconds = ms / 1000, rest = ms % 1000;
    if (rest < 0) {
        seconds--;
        rest += 1000;
    }
    return pz__rfc3339_print(seconds, (uint32_t)rest * 1000000u, out);
}

typedef struct unit {
    char name[3];
    uint64_t size;
} unit;

/* A longer name before the one that begins it. */
static const unit duration_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"h", UINT64_C(3600000000000)},
    {"m", UINT64_C(60000000000)},
    {"s", UINT64_C(1000000000)},
};

static const unit calendar_units[] = {{"w", 7 * DAY_MS}, {"d", DAY_MS}};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const unit *take_unit(scanner *s, const unit *units, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(units[i].name);
        if ((size_t)(s->end - s->next) >= len && memcmp(s->next, units[i].name, len) == 0) {
            s->next += len;
            return &units[i];
        }
    }
    return NULL;
}

/* *total + n * size, refused above `most`. */
static bool add_product(uint64_t *total, uint64_t n, uint64_t size, uint64_t most)
{
    if (n > (most - *total) / size)
        return false;
    *total += n * size;
    return true;
}

/* One digit at least; false on overflow too. */
static bool take_whole(scanner *s, uint64_t *out)
{
    uint64_t n = 0;
    while (at_digit(s)) {
        uint64_t digit = (uint64_t)(*s->next++ - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

/* The part of `size` that the decimal digits say, cut off below 1: (d1 + (d2 + ...)/10)/10 of it.
 * Cutting at each step gives the same as cutting once at the end. */
static uint64_t part_of(uint64_t size, const char *digits, const char *end)
{
    uint64_t part = 0;
    while (end > digits)
        part = ((uint64_t)(*--end - '0') * size + part) / 10;
    return part;
}

/* One "1.5h"; added to *total, which stays at most `most`. */
static bool take_component(scanner *s, uint64_t *total, uint64_t most)
{
    const char *start = s->next;
    uint64_t whole;
    if (!take_whole(s, &whole))
        return false;
    size_t digit_count = (size_t)(s->next - start);
    const char *fraction = s->next, *fraction_end = fraction;
    if (take(s, '.')) {
        fraction = s->next;
        while (at_digit(s))
            s->next++;
        fraction_end = s->next;
        digit_count += (size_t)(fraction_end - fraction);
    }
    const unit *u = take_unit(s, duration_units, COUNT_OF(duration_units));
    if (digit_count == 0 || !u)
        return false;
    return add_product(total, whole, u->size, most) &&
           add_product(total, part_of(u->size, fraction, fraction_end), 1, most);
}

/* One component or more, up to the end. */
static bool take_components(scanner *s, uint64_t most, uint64_t *ns)
{
    *ns = 0;
    do {
        if (!take_component(s, ns, most))
            return false;
    } while (s->next < s->end);
    return true;
}

bool pz__duration_parse(const char *text, size_t len, int64_t *ns)
{
    if (len == 0)
        return false;
    scanner s = {text, text + len};
    bool is_negative = take(&s, '-');
    if (!is_negative)
        take(&s, '+');
    if (s.end - s.next == 1 && *s.next == '0') {
        *ns = 0;
        return true;
    }
    uint64_t size, most = (uint64_t)INT64_MAX + is_negative;
    if (!take_components(&s, most, &size))
        return false;
    *ns = is_negative ? (int64_t)(0 - size) : (int64_t)size;
    return true;
}

size_t pz__duration_print(int64_t ns, char out[PZ__DURATION_MAX])
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t seconds = size / (uint64_t)SECOND_NS;
    unsigned width = 1;
    for (uint64_t n = seconds; n >= 10; n /= 10)
        width++;
    char *p = out;
    if (ns < 0)
        *p++ = '-';
    /* Seconds have up to ten digits, more than 32 bits hold. */
    if (width > 9)
        p = put_digits(p, (uint32_t)(seconds / 1000000000u), width - 9);
    p = put_digits(p, (uint32_t)(seconds % 1000000000u), width > 9 ? 9 : width);
    p = put_fraction(p, (uint32_t)(size % (uint64_t)SECOND_NS));
    *p++ = 's';
    *p = '\0';
    return (size_t)(p - out);
}

/* Leading whole weeks and days in milliseconds; stops before the first that is neither. */
static bool take_days(scanner *s, uint64_t *ms)
{
    *ms = 0;
    while (at_digit(s)) {
        scanner ahead = *s;
        uint64_t whole;
        if (!take_whole(&ahead, &whole))
            return false;
        const unit *u = take_unit(&ahead, calendar_units, COUNT_OF(calendar_units));
        if (!u)
            return true;
        if (!add_product(ms, whole, u->size, INT64_MAX))
            return false;
        *s = ahead;
    }
    return true;
}

bool pz__span_parse(const char *text, size_t len, int64_t *ms)
{
    if (len == 0)
        return false;
    scanner s = {text, text + len};
    uint64_t total, ns = 0;
    take(&s, '+');
    if (!take_days(&s, &total))
        return false;
    bool has_more = s.next < s.end || total == 0;
    if (has_more && !take_components(&s, INT64_MAX, &ns))
        return false;
    if (!add_product(&total, ns / 1000000u, 1, INT64_MAX) || total == 0)
        return false;
    *ms = (int64_t)total;
    return true;
}
