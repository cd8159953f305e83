/*
 * counters.c: what rules ask of counters: how often, how much, within which window.
 *
 * A counter's cells are whole buckets of time, like those of evidence. The window counts whole
 * buckets: every one from that in which it begins to that of now, so whatever happened within the
 * window is counted, and at most one bucket (a sixteenth of the shortest window asked for) of what
 * happened before it.
 *
 *     |-----|-----|-----|-----|-----|        buckets
 *           |  ^----- window ----^           now - window, now
 *           counted: ================
 *
 * The cells are added in two words and clamped once at the end: additions that saturate on the way
 * would give a sum that depends on the order, and so on how the history was split over writers.
 *
 * Where the class cross-channel is masked, only what happened in this channel or in none counts.
 *
 * A counter knows since when every segment keeps it. A window that reaches before that is unknown,
 * which is neither a number nor an error; so is any count of nobody.
 */
#include "resolve/evidence.h"

/* A sum of int64 that cannot overflow: high * 2^32 + low. Up to 2^31 terms. */
typedef struct wide {
    int64_t high;
    int64_t low;
} wide;

static void wide_add(wide *sum, int64_t n)
{
    int64_t low = (int64_t)((uint64_t)n & UINT32_MAX);
    sum->low += low;
    sum->high += n >= 0 ? n >> 32 : ~(~n >> 32);
}

static int64_t wide_clamp(wide sum)
{
    int64_t high = sum.high + (sum.low >> 32); /* low is never negative */
    if (high > INT32_MAX)
        return INT64_MAX;
    if (high < INT32_MIN)
        return INT64_MIN;
    return high * (INT64_C(1) << 32) + (sum.low & (int64_t)UINT32_MAX);
}

/* The first moment of the window; INT64_MIN for "since ever". */
static int64_t window_start(const pz__view *view, int64_t window_ms)
{
    if (window_ms <= 0 || view->now_ms < INT64_MIN + window_ms)
        return INT64_MIN;
    return view->now_ms - window_ms;
}

pz_status pz__counter_total(const pz__view *view, const pz__counter *counter, int64_t window_ms,
                            int64_t *total, bool *known)
{
    *total = 0;
    *known = false;
    if (view->person.count == 0)
        return PZ_OK;
    const int64_t start_ms = window_start(view, window_ms);
    wide sum = {0, 0};
    pz__cells cells;
    const pz_status status = pz__person_cells(&view->person, counter->name, view->arena, &cells);
    if (status != PZ_OK)
        return status;
    for (uint32_t i = 0; i < cells.count; i++) {
        const pz__cell *cell = &cells.list[i];
        if (cell->width > PZ__WIDTH_MAX || cell->bucket > pz__bucket_of(view->now_ms, cell->width))
            continue;
        if (start_ms != INT64_MIN && cell->bucket < pz__bucket_of(start_ms, cell->width))
            continue;
        if (pz__is_channel_masked(view, cell->channel))
            continue;
        wide_add(&sum, cell->weight);
    }
    *total = wide_clamp(sum);
    *known = pz__person_counter_since(&view->person, counter->name) <= start_ms;
    return PZ_OK;
}
