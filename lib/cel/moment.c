/*
 * moment.c: the parts of timestamps and durations.
 *
 * A timestamp is split by the calendar in UTC, or in the zone that the second argument names: a
 * fixed offset, or one of the tables that the environment read when the rule was compiled. Local
 * time may leave the years 1 to 9999 by a day at either end; the calendar goes on there.
 *
 * A duration is told as a whole in hours, minutes or seconds, truncated; getMilliseconds alone is
 * only the millisecond part, as the reference has it.
 */
#include "cel/functions.h"

#include "base/time.h"

/* The zone asked for, as seconds to add; false if there is none of that name. */
static bool offset_at(const pz__call *call, pz_value name, int64_t seconds, int32_t *offset)
{
    if (pz__zone_fixed(pz_value_text(name), offset))
        return true;
    const pz__zone *zone = call->zones ? pz__zone_find(call->zones, pz_value_text(name)) : NULL;
    if (zone)
        *offset = pz__zone_offset(zone, seconds);
    return zone != NULL;
}

/* Split args[0] in the zone of args[1]; false leaves the error in *failed. */
static bool split(const pz__call *call, const pz_value *args, uint32_t count, pz__civil *out,
                  pz_value *failed)
{
    int32_t offset = 0;
    if (count < 1 || count > 2 || args[0].kind != PZ_TIMESTAMP ||
        (count == 2 && args[1].kind != PZ_STRING)) {
        *failed = pz__call_no_overload(call);
        return false;
    }
    if (count == 2 && !offset_at(call, args[1], args[0].as.i, &offset)) {
        *failed = pz__call_fail(call, "there is no such time zone; write one such as "
                                      "'Europe/Berlin', 'UTC' or '+02:00'");
        return false;
    }
    *out = pz__civil_of(args[0].as.i + offset);
    return true;
}

#define CIVIL_PART(name, part)                                                                     \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        pz__civil civil;                                                                           \
        pz_value failed;                                                                           \
        if (!split(call, args, count, &civil, &failed))                                            \
            return failed;                                                                         \
        return pz_value_int((int64_t)civil.part);                                                  \
    }
CIVIL_PART(full_year, year)
CIVIL_PART(month, month - 1)
CIVIL_PART(date, day)
CIVIL_PART(day_of_month, day - 1)
CIVIL_PART(day_of_year, yearday)
CIVIL_PART(day_of_week, weekday)
#undef CIVIL_PART

#define CLOCK_PART(name, part, unit)                                                               \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        if (count == 1 && args[0].kind == PZ_DURATION)                                             \
            return pz_value_int(args[0].as.i / INT64_C(unit));                                     \
        pz__civil civil;                                                                           \
        pz_value failed;                                                                           \
        if (!split(call, args, count, &civil, &failed))                                            \
            return failed;                                                                         \
        return pz_value_int((int64_t)civil.part);                                                  \
    }
CLOCK_PART(hours, hour, 3600000000000)
CLOCK_PART(minutes, minute, 60000000000)
CLOCK_PART(seconds, second, 1000000000)
#undef CLOCK_PART

pz_value pz__fn_milliseconds(pz__call *call, const pz_value *args, uint32_t count)
{
    pz__civil civil;
    pz_value failed;
    if (count == 1 && args[0].kind == PZ_DURATION)
        return pz_value_int(args[0].as.i % INT64_C(1000000000) / 1000000);
    if (!split(call, args, count, &civil, &failed))
        return failed;
    return pz_value_int((int64_t)(args[0].len / 1000000u));
}
