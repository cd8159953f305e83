/*
 * moment.c: the parts of timestamps and durations.
 *
 * A timestamp is split by the calendar in UTC. A duration is told as a whole in hours, minutes or
 * seconds, truncated; getMilliseconds alone is only the millisecond part, as the reference has it.
 */
#include "cel/functions.h"

#include "base/time.h"

#define CIVIL_PART(name, part)                                                                     \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        if (count != 1 || args[0].kind != PZ_TIMESTAMP)                                            \
            return pz__call_no_overload(call);                                                     \
        pz__civil civil = pz__civil_of(args[0].as.i);                                              \
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
        if (count != 1 || (args[0].kind != PZ_TIMESTAMP && args[0].kind != PZ_DURATION))           \
            return pz__call_no_overload(call);                                                     \
        if (args[0].kind == PZ_DURATION)                                                           \
            return pz_value_int(args[0].as.i / INT64_C(unit));                                     \
        pz__civil civil = pz__civil_of(args[0].as.i);                                              \
        return pz_value_int((int64_t)civil.part);                                                  \
    }
CLOCK_PART(hours, hour, 3600000000000)
CLOCK_PART(minutes, minute, 60000000000)
CLOCK_PART(seconds, second, 1000000000)
#undef CLOCK_PART

pz_value pz__fn_milliseconds(pz__call *call, const pz_value *args, uint32_t count)
{
    if (count != 1)
        return pz__call_no_overload(call);
    if (args[0].kind == PZ_TIMESTAMP)
        return pz_value_int((int64_t)(args[0].len / 1000000u));
    if (args[0].kind == PZ_DURATION)
        return pz_value_int(args[0].as.i % INT64_C(1000000000) / 1000000);
    return pz__call_no_overload(call);
}
