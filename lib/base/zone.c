/*
 * zone.c: compiled time zones (TZif, RFC 8536) and the rules behind their last transition.
 *
 *      "TZif" version 15 zeroes  6 counts | block with 32-bit times   (versions 1 to 3)
 *      "TZif" version 15 zeroes  6 counts | block with 64-bit times   (versions 2 and 3)
 *      LF  POSIX TZ string  LF                                        (versions 2 and 3)
 *
 *      block:  times[timecnt]  kind of each[timecnt]  kinds[typecnt]{int32 offset, isdst, name}
 *              names[charcnt]  leap seconds[leapcnt]  standard/wall, UT/local flags
 *
 * Of a version 1 file the 32-bit block counts, of later ones only what is behind it. What is kept
 * is the offset from each transition on; whether it is called summer time, and the abbreviations,
 * do not matter for splitting a moment into calendar fields.
 *
 * The bytes may be hostile: every count has a limit, lengths are computed in 64 bits and compared
 * with what is there, transitions must ascend, kinds must exist, offsets must be within a day or
 * so, and a footer that is not a TZ string in every letter is refused. A file that counts leap
 * seconds is refused as well: timestamps here do not.
 *
 * The rule of the footer is evaluated in whole: for the year in question (in standard time) the two
 * changes are computed in UTC, and summer time lies between them, or outside of them in the south.
 *
 * Not here: finding and reading the files.
 */
#include "base/zone.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/time.h"

#define DAY_S 86400

/* ---- names ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool pz__zone_name_ok(pz_str name)
{
    if (name.len == 0 || name.len > PZ__ZONE_NAME_MAX || !is_letter(name.data[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (!is_letter(c) && !is_digit(c) && c != '_' && c != '-' && c != '+' && c != '/')
            return false;
        if (c == '/' && (i + 1 == name.len || name.data[i + 1] == '/'))
            return false;
    }
    return true;
}

bool pz__zone_fixed(pz_str text, int32_t *offset)
{
    *offset = 0;
    if (pz__str_equal(text, PZ__STR("UTC")))
        return true;
    bool negative = text.len > 0 && text.data[0] == '-';
    if (text.len > 0 && (negative || text.data[0] == '+')) {
        text.data++;
        text.len--;
    }
    if (text.len != 5 || text.data[2] != ':')
        return false;
    for (size_t i = 0; i < 5; i++)
        if (i != 2 && !is_digit(text.data[i]))
            return false;
    int32_t hours = (text.data[0] - '0') * 10 + (text.data[1] - '0');
    int32_t minutes = (text.data[3] - '0') * 10 + (text.data[4] - '0');
    if (hours > 23 || minutes > 59)
        return false;
    *offset = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return true;
}

/* ---- the TZ string of the footer ---- */

typedef struct tz_reader {
    const char *at, *end;
} tz_reader;

static bool take(tz_reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* A number of at most three digits, from least to most. */
static bool take_number(tz_reader *r, uint32_t least, uint32_t most, uint32_t *out)
{
    uint32_t n = 0, digits = 0;
    for (; r->at < r->end && is_digit(*r->at) && digits < 4; digits++)
        n = n * 10 + (uint32_t)(*r->at++ - '0');
    *out = n;
    return digits > 0 && digits < 4 && n >= least && n <= most;
}

/* "CET" or "<+03>": three letters or more. */
static bool take_abbreviation(tz_reader *r)
{
    bool quoted = take(r, '<');
    const char *start = r->at;
    while (r->at < r->end &&
           (is_letter(*r->at) || (quoted && (is_digit(*r->at) || *r->at == '+' || *r->at == '-'))))
        r->at++;
    return r->at - start >= 3 && (!quoted || take(r, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(tz_reader *r, uint32_t most_hours, int32_t *out)
{
    bool negative = take(r, '-');
    uint32_t hours, minutes = 0, seconds = 0;
    if (!negative)
        take(r, '+');
    if (!take_number(r, 0, most_hours, &hours) ||
        (take(r, ':') &&
         (!take_number(r, 0, 59, &minutes) || (take(r, ':') && !take_number(r, 0, 59, &seconds)))))
        return false;
    int32_t total = (int32_t)(hours * 3600 + minutes * 60 + seconds);
    *out = negative ? -total : total;
    return true;
}

static bool take_day(tz_reader *r, pz__zone_change *change)
{
    if (take(r, 'M')) {
        change->form = PZ__DAY_MONTH;
        return take_number(r, 1, 12, &change->month) && take(r, '.') &&
               take_number(r, 1, 5, &change->week) && take(r, '.') &&
               take_number(r, 0, 6, &change->day);
    }
    if (take(r, 'J')) {
        change->form = PZ__DAY_JULIAN;
        return take_number(r, 1, 365, &change->day);
    }
    change->form = PZ__DAY_ZERO;
    return take_number(r, 0, 365, &change->day);
}

static bool take_change(tz_reader *r, pz__zone_change *change)
{
    change->time = 2 * 3600;
    return take(r, ',') && take_day(r, change) &&
           (!take(r, '/') || take_time(r, 167, &change->time));
}

static bool read_rule(pz_str text, pz__zone_rule *rule)
{
    tz_reader r = {text.data, text.data + text.len};
    *rule = (pz__zone_rule){.is_known = text.len > 0};
    if (text.len == 0)
        return true;
    /* POSIX counts west of Greenwich. */
    if (!take_abbreviation(&r) || !take_time(&r, 24, &rule->standard))
        return false;
    rule->standard = -rule->standard;
    if (r.at == r.end)
        return true;
    rule->has_dst = true;
    rule->dst = rule->standard + 3600;
    if (!take_abbreviation(&r))
        return false;
    if (r.at < r.end && *r.at != ',') {
        if (!take_time(&r, 24, &rule->dst))
            return false;
        rule->dst = -rule->dst;
    }
    return take_change(&r, &rule->begin) && take_change(&r, &rule->end) && r.at == r.end;
}

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Local seconds from 1 January 00:00 of that year to the change. */
static int64_t change_in_year(const pz__zone_change *change, int32_t year, uint32_t weekday)
{
    static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t day = change->day;
    if (change->form == PZ__DAY_JULIAN) {
        day = day - 1 + (is_leap(year) && change->day >= 60);
    } else if (change->form == PZ__DAY_MONTH) {
        uint32_t first = before[change->month - 1] + (change->month > 2 && is_leap(year));
        uint32_t length = (uint32_t)(before[change->month] - before[change->month - 1]) +
                          (change->month == 2 && is_leap(year));
        uint32_t in_month = (change->day + 7 - (weekday + first) % 7) % 7 + (change->week - 1) * 7;
        if (in_month >= length)
            in_month -= 7;
        day = first + in_month;
    }
    return day * DAY_S + change->time;
}

static int32_t rule_offset(const pz__zone_rule *rule, int64_t seconds)
{
    if (!rule->has_dst)
        return rule->standard;
    int64_t local = seconds + rule->standard;
    pz__civil civil = pz__civil_of(local);
    int64_t midnight = local - (int64_t)(civil.hour * 3600 + civil.minute * 60 + civil.second);
    int64_t new_year = midnight - (int64_t)civil.yearday * DAY_S;
    uint32_t weekday = (civil.weekday + 371 - civil.yearday % 7) % 7;
    int64_t begin = new_year + change_in_year(&rule->begin, civil.year, weekday) - rule->standard;
    int64_t end = new_year + change_in_year(&rule->end, civil.year, weekday) - rule->dst;
    bool dst = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
    return dst ? rule->dst : rule->standard;
}

/* ---- the file ---- */

typedef struct header {
    uint8_t version;
    uint32_t ut_count, standard_count, leap_count, time_count, type_count, char_count;
} header;

static bool read_header(pz__cursor *in, header *h)
{
    const uint8_t *magic = pz__cursor_take(in, 4);
    if (!magic || memcmp(magic, "TZif", 4) != 0)
        return false;
    h->version = pz__cursor_byte(in);
    pz__cursor_take(in, 15);
    h->ut_count = pz__cursor_be32(in);
    h->standard_count = pz__cursor_be32(in);
    h->leap_count = pz__cursor_be32(in);
    h->time_count = pz__cursor_be32(in);
    h->type_count = pz__cursor_be32(in);
    h->char_count = pz__cursor_be32(in);
    return !in->bad && (h->version == 0 || h->version >= '2');
}

static uint64_t block_size(const header *h, uint64_t time_size)
{
    return h->time_count * (time_size + 1) + (uint64_t)h->type_count * 6 + h->char_count +
           h->leap_count * (time_size + 4) + h->standard_count + h->ut_count;
}

static bool skip(pz__cursor *in, uint64_t len)
{
    return len <= pz__cursor_left(in) && (len == 0 || pz__cursor_take(in, (size_t)len));
}

static pz_status corrupt(pz_error *err, pz_str name)
{
    return pz__fail(err, PZ_ERR_CORRUPT, "the file of the time zone '%.*s' is damaged",
                    PZ__STR_ARG(name));
}

static pz_status check_counts(const header *h, pz_str name, pz_error *err)
{
    if (h->time_count > PZ__ZONE_TRANSITIONS_MAX || h->type_count > PZ__ZONE_TYPES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "the time zone '%.*s' has more than %u transitions or %u kinds of time",
                        PZ__STR_ARG(name), PZ__ZONE_TRANSITIONS_MAX, PZ__ZONE_TYPES_MAX);
    if (h->type_count == 0 || h->char_count == 0)
        return corrupt(err, name);
    if (h->leap_count > 0)
        return pz__fail(err, PZ_ERR_UNSUPPORTED,
                        "the time zone '%.*s' counts leap seconds, which timestamps do not; take "
                        "the ordinary files",
                        PZ__STR_ARG(name));
    return PZ_OK;
}

static int64_t read_time(pz__cursor *in, bool wide)
{
    return wide ? (int64_t)pz__cursor_be64(in) : (int64_t)(int32_t)pz__cursor_be32(in);
}

static bool read_times(pz__cursor *in, int64_t *times, uint32_t count, bool wide)
{
    for (uint32_t i = 0; i < count; i++) {
        times[i] = read_time(in, wide);
        if (i > 0 && times[i] <= times[i - 1])
            return false;
    }
    return !in->bad;
}

static bool read_types(pz__cursor *in, const header *h, int32_t *types)
{
    for (uint32_t i = 0; i < h->type_count; i++) {
        types[i] = (int32_t)pz__cursor_be32(in);
        uint8_t is_dst = pz__cursor_byte(in), name = pz__cursor_byte(in);
        if (types[i] <= PZ__ZONE_OFFSET_MIN || types[i] >= PZ__ZONE_OFFSET_MAX || is_dst > 1 ||
            name >= h->char_count)
            return false;
    }
    return !in->bad;
}

static pz_status read_block(pz__arena *arena, pz__zone *zone, pz__cursor *in, const header *h,
                            bool wide, pz_error *err)
{
    int32_t types[PZ__ZONE_TYPES_MAX] = {0};
    int64_t *times = pz__arena_array(arena, h->time_count, sizeof *times);
    int32_t *offsets = pz__arena_array(arena, h->time_count, sizeof *offsets);
    if (!times || !offsets)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    if (block_size(h, wide ? 8 : 4) > pz__cursor_left(in) ||
        !read_times(in, times, h->time_count, wide))
        return corrupt(err, zone->name);
    pz__cursor kinds = *in;
    if (!skip(in, h->time_count) || !read_types(in, h, types))
        return corrupt(err, zone->name);
    for (uint32_t i = 0; i < h->time_count; i++) {
        uint8_t kind = pz__cursor_byte(&kinds);
        if (kind >= h->type_count)
            return corrupt(err, zone->name);
        offsets[i] = types[kind];
    }
    if (!skip(in, (uint64_t)h->char_count + h->standard_count + h->ut_count))
        return corrupt(err, zone->name);
    zone->transition_count = h->time_count;
    zone->times = times;
    zone->offsets = offsets;
    zone->first = types[0];
    return PZ_OK;
}

static pz_status read_footer(pz__zone *zone, pz__cursor *in, pz_error *err)
{
    size_t left = pz__cursor_left(in);
    const char *text = (const char *)in->next;
    if (left < 2 || text[0] != '\n')
        return corrupt(err, zone->name);
    const char *end = memchr(text + 1, '\n', left - 1);
    if (!end)
        return corrupt(err, zone->name);
    pz_str rule = {text + 1, (size_t)(end - text) - 1};
    if (rule.len > PZ__ZONE_FOOTER_MAX)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "the rule of the time zone '%.*s' is longer than %u bytes",
                        PZ__STR_ARG(zone->name), PZ__ZONE_FOOTER_MAX);
    return read_rule(rule, &zone->rule) ? PZ_OK : corrupt(err, zone->name);
}

pz_status pz__zone_read(pz__arena *arena, pz__zone *out, pz_str name, const void *bytes, size_t len,
                        pz_error *err)
{
    pz__cursor in;
    header h;
    pz__zone zone = {.name = {pz__arena_text(arena, name.data, name.len), name.len}};
    if (!zone.name.data)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    if (len > PZ__ZONE_BYTES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "the file of the time zone '%.*s' is larger than %u bytes",
                        PZ__STR_ARG(name), PZ__ZONE_BYTES_MAX);
    pz__cursor_init(&in, bytes, len);
    if (!read_header(&in, &h))
        return corrupt(err, name);
    bool wide = h.version >= '2';
    if (wide && (!skip(&in, block_size(&h, 4)) || !read_header(&in, &h) || h.version < '2'))
        return corrupt(err, name);
    pz_status status = check_counts(&h, name, err);
    if (status == PZ_OK)
        status = read_block(arena, &zone, &in, &h, wide, err);
    if (status == PZ_OK && wide)
        status = read_footer(&zone, &in, err);
    if (status == PZ_OK)
        *out = zone;
    return status;
}

int32_t pz__zone_offset(const pz__zone *zone, int64_t seconds)
{
    uint32_t low = 0, high = zone->transition_count;
    while (low < high) { /* the transitions up to `seconds` */
        uint32_t middle = low + (high - low) / 2;
        if (zone->times[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->transition_count && zone->rule.is_known)
        return rule_offset(&zone->rule, seconds);
    return low == 0 ? zone->first : zone->offsets[low - 1];
}

/* ---- sets ---- */

static uint32_t place_of(const pz__zone_set *set, pz_str name)
{
    uint32_t low = 0, high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pz__str_compare(set->list[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const pz__zone *pz__zone_find(const pz__zone_set *set, pz_str name)
{
    uint32_t at = place_of(set, name);
    return at < set->count && pz__str_equal(set->list[at]->name, name) ? set->list[at] : NULL;
}

pz_status pz__zone_keep(pz__zone_set *set, const pz__zone *zone)
{
    uint32_t at = place_of(set, zone->name);
    if (at < set->count && pz__str_equal(set->list[at]->name, zone->name))
        return PZ_OK;
    if (set->count == set->cap) {
        uint32_t cap = set->cap ? set->cap * 2 : 8;
        const pz__zone **list = pz__arena_array(set->arena, cap, sizeof *list);
        if (!list)
            return PZ_ERR_NOMEM;
        if (set->count)
            memcpy(list, set->list, set->count * sizeof *list);
        set->list = list;
        set->cap = cap;
    }
    memmove(set->list + at + 1, set->list + at, (set->count - at) * sizeof *set->list);
    set->list[at] = zone;
    set->count++;
    return PZ_OK;
}
