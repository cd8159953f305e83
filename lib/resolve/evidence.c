/*
 * evidence.c: evidence cells become decayed weight for and against each node.
 *
 * A cell holds an integer weight for one value, one side and one bucket of time, in one writer's
 * segment. Reading them goes in four steps, in this order and no other:
 *
 *     1. drop what does not count: everything if the purpose is not granted or the class is masked,
 *        cells of other channels if those are, values outside the domain, buckets that start after
 *        now's or whose retention is over;
 *     2. add integers: cells of one (node, side, bucket) become one entry, whatever segment or
 *        channel they came from;
 *     3. saturate: the entries of one (node, side, UTC day of the bucket's start) are scaled down
 *        together if they exceed what the attribute lets one day weigh;
 *     4. decay each entry by its age in whole buckets, 2^(-age / half-life), and add, oldest first.
 *
 * Because integers are added before anything is rounded and doubles are added in one fixed order,
 * the sums are the same to the bit however the history was split over writers, and on every
 * machine. Nothing of this is stored: a catalog that changes half-life or saturation changes what
 * the same bytes mean.
 *
 * Cells come sorted by (value, side, bucket), which is the order of the entries too, save where
 * buckets of several widths or numbers of several kinds meet; then the entries are sorted.
 *
 * A category of twenty values over a quarter has 1,800 cells and 90 ages: so the readable buckets
 * are worked out once per width, and what an age leaves of a weight is remembered by bucket.
 *
 * Not here: what the weights say (posterior.c); what was forgotten or retracted, which is not in
 * the view of a profile at all.
 */
#include "resolve/evidence.h"

#include <limits.h>

#include "base/special.h"
#include "resolve/order.h"

#define DAY_S INT64_C(86400)

/* The weight of one (node, side, bucket), over all segments and channels. */
typedef struct entry {
    uint32_t run; /* counts nodes in the order they are met: groups the entries of a node */
    uint32_t node;
    int64_t start_s; /* of the bucket */
    int64_t weight;  /* 1/1024ths, above 0 */
    uint8_t side;
    uint8_t width;
} entry;

static int64_t floor_shift(int64_t n, unsigned shift)
{
    return n >= 0 ? n >> shift : ~(~n >> shift);
}

static int64_t floor_divide(int64_t n, int64_t by)
{
    int64_t quotient = n / by;
    return n % by < 0 ? quotient - 1 : quotient;
}

int64_t pz__bucket_of(int64_t time_ms, uint8_t width)
{
    return floor_shift(floor_divide(time_ms, 1000), width);
}

bool pz__is_granted(const pz__view *view, const pz__attribute *attribute)
{
    return attribute->purpose.len == 0 ||
           pz__person_grants(&view->person, attribute->purpose, view->now_ms);
}

bool pz__is_class_masked(const pz__view *view, const pz__attribute *attribute)
{
    const uint32_t whole = view->masked & ~PZ__CLASS_BIT(PZ__CLASS_CROSS_CHANNEL);
    return (whole & PZ__CLASS_BIT(attribute->source_class)) != 0;
}

bool pz__is_channel_masked(const pz__view *view, pz_str channel)
{
    return (view->masked & PZ__CLASS_BIT(PZ__CLASS_CROSS_CHANNEL)) && channel.len > 0 &&
           !pz__str_equal(channel, view->channel);
}

static int64_t add_saturating(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b; /* neither is negative */
}

/* Which buckets of one width may be read: begun, and not past their retention. */
typedef struct window {
    int64_t after, until; /* after < bucket <= until */
    unsigned width;
} window;
#define NO_WIDTH UINT_MAX

static window window_of(const pz__view *view, const pz__attribute *attribute, uint8_t width)
{
    const int64_t width_ms = (INT64_C(1) << width) * 1000;
    window w = {INT64_MIN / width_ms, pz__bucket_of(view->now_ms, width), width};
    const bool is_ever =
        attribute->retention_ms <= 0 || view->now_ms < INT64_MIN + attribute->retention_ms;
    if (!is_ever) {
        const int64_t ended = floor_divide(view->now_ms - attribute->retention_ms, width_ms);
        w.after = ended > w.after ? ended : w.after;
    }
    return w;
}

static inline int order_of(const entry *a, const entry *b)
{
    if (a->run != b->run)
        return a->run < b->run ? -1 : 1;
    if (a->side != b->side)
        return a->side < b->side ? -1 : 1;
    if (a->start_s != b->start_s)
        return a->start_s < b->start_s ? -1 : 1;
    return (a->width > b->width) - (a->width < b->width);
}

static int compare_entries(const void *left, const void *right)
{
    return order_of(left, right);
}

/* Entries as they are listed. */
typedef struct listing {
    entry *entries;
    uint32_t count;
    bool is_sorted; /* and nothing in it is alike */
} listing;

/* The entry behind the last has been filled in: keep it, or add it to the last. */
static void keep_next(listing *list)
{
    entry *next = &list->entries[list->count];
    if (list->count > 0) {
        const int order = order_of(next - 1, next);
        if (order == 0) {
            next[-1].weight = add_saturating(next[-1].weight, next->weight);
            return;
        }
        list->is_sorted = list->is_sorted && order < 0;
    }
    list->count++;
}

/* Cells of one value mostly share its bytes too. */
static bool is_same_value(pz_value a, pz_value b)
{
    return (a.kind == b.kind && a.len == b.len && a.as.u == b.as.u) || pz_value_compare(a, b) == 0;
}

/* Steps 1 and half of 2: an entry for every readable cell, alike neighbours added. */
static void list_entries(const pz__view *view, const pz__attribute *attribute, pz__cells cells,
                         listing *list)
{
    window readable = {0, 0, NO_WIDTH};
    uint32_t run = 0, node = PZ__NODE_NONE;
    const pz__cell *last = NULL;
    for (uint32_t i = 0; i < cells.count; i++) {
        const pz__cell *cell = &cells.list[i];
        if (cell->weight <= 0 || cell->width > PZ__WIDTH_MAX || cell->side > PZ__AGAINST)
            continue;
        if (pz__is_channel_masked(view, cell->channel))
            continue;
        if (cell->width != readable.width)
            readable = window_of(view, attribute, cell->width);
        if (cell->bucket <= readable.after || cell->bucket > readable.until)
            continue;
        if (!last || !is_same_value(last->value, cell->value)) {
            uint32_t found = pz__domain_find(attribute->domain, cell->value);
            run += found != node;
            node = found;
        }
        last = cell;
        if (node == PZ__NODE_NONE || node == 0)
            continue;
        entry *next = &list->entries[list->count];
        next->run = run;
        next->node = node;
        next->start_s = cell->bucket * (INT64_C(1) << cell->width);
        next->weight = cell->weight;
        next->side = cell->side;
        next->width = cell->width;
        keep_next(list);
    }
}

/* The other half of 2, needed after sorting. */
static uint32_t add_alike(entry *entries, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && order_of(&entries[kept - 1], &entries[i]) == 0)
            entries[kept - 1].weight = add_saturating(entries[kept - 1].weight, entries[i].weight);
        else
            entries[kept++] = entries[i];
    }
    return kept;
}

/* One past the last entry of the same node, side and day as entry `first`. */
static uint32_t end_of_day(const entry *entries, uint32_t count, uint32_t first)
{
    int64_t day = floor_divide(entries[first].start_s, DAY_S);
    uint32_t end = first + 1;
    while (end < count && entries[end].run == entries[first].run &&
           entries[end].side == entries[first].side &&
           floor_divide(entries[end].start_s, DAY_S) == day)
        end++;
    return end;
}

/* What age leaves of the weights of one bucket. */
typedef struct memory {
    int64_t start_s;
    double left;
    uint8_t width;
    bool is_set;
} memory;

typedef struct fading {
    const pz__view *view;
    const pz__attribute *attribute;
    memory *memories; /* by the last bits of the bucket's number */
    uint32_t count;   /* of them, a power of two */
} fading;

/* A half-life has at least 16 buckets, so these reach over eight of them. Fewer for few entries. */
#define MEMORIES_MAX 128u

static pz_status start_fading(const pz__view *view, const pz__attribute *attribute,
                              uint32_t entries, fading *out)
{
    *out = (fading){.view = view, .attribute = attribute, .count = 1};
    if (attribute->half_life_ms <= 0)
        return PZ_OK;
    while (out->count < entries && out->count < MEMORIES_MAX)
        out->count *= 2;
    out->memories = pz__arena_zero(view->arena, out->count, sizeof *out->memories);
    return out->memories ? PZ_OK : PZ_ERR_NOMEM;
}

static double left_of_age(const fading *f, const entry *e)
{
    int64_t now_s = pz__bucket_of(f->view->now_ms, e->width) * (INT64_C(1) << e->width);
    double age_ms = ((double)now_s - (double)e->start_s) * 1000.0;
    return pz__exp2(-(age_ms / (double)f->attribute->half_life_ms));
}

static double fade(const fading *f, const entry *e)
{
    if (!f->memories)
        return 1.0;
    memory *m = &f->memories[(uint64_t)floor_shift(e->start_s, e->width) & (f->count - 1)];
    if (!m->is_set || m->start_s != e->start_s || m->width != e->width)
        *m = (memory){e->start_s, left_of_age(f, e), e->width, true};
    return m->left;
}

/* Steps 3 and 4 for the entries of one day. What is scaled down is their sum, so that a day at its
 * limit weighs the limit and not a little less. */
static double weigh(const fading *f, const entry *entries, uint32_t count)
{
    const int64_t most = f->attribute->saturation;
    int64_t weight = 0;
    double faded = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        weight = add_saturating(weight, entries[i].weight);
        faded += (double)entries[i].weight / 1024.0 * fade(f, &entries[i]);
    }
    return most > 0 && weight > most ? faded * (double)most / (double)weight : faded;
}

static void add_up(const fading *f, const entry *entries, uint32_t count, pz__weights *out)
{
    const bool has_days = f->attribute->saturation > 0;
    for (uint32_t i = 0, end; i < count; i = end) {
        end = has_days ? end_of_day(entries, count, i) : i + 1;
        double *side = entries[i].side == PZ__FOR ? out->for_node : out->against_node;
        side[entries[i].node] += weigh(f, entries + i, end - i);
    }
}

pz_status pz__evidence_weigh(const pz__view *view, const pz__attribute *attribute, pz__weights *out)
{
    uint32_t nodes = attribute->domain->count;
    out->is_empty = true;
    out->for_node = pz__arena_zero(view->arena, nodes, sizeof(double));
    out->against_node = pz__arena_zero(view->arena, nodes, sizeof(double));
    if (!out->for_node || !out->against_node)
        return PZ_ERR_NOMEM;
    pz__cells cells = {NULL, 0};
    pz_status status = PZ_OK;
    if (pz__is_granted(view, attribute) && !pz__is_class_masked(view, attribute))
        status = pz__person_cells(&view->person, attribute->name, view->arena, &cells);
    if (status != PZ_OK || cells.count == 0)
        return status;

    listing list = {pz__arena_array(view->arena, cells.count, sizeof(entry)), 0, true};
    if (!list.entries)
        return PZ_ERR_NOMEM;
    list_entries(view, attribute, cells, &list);
    fading f;
    status = start_fading(view, attribute, list.count, &f);
    if (status == PZ_OK && !list.is_sorted) {
        status = pz__sort_stable(view->arena, list.entries, list.count, sizeof *list.entries,
                                 compare_entries);
        list.count = add_alike(list.entries, list.count);
    }
    if (status != PZ_OK)
        return status;
    add_up(&f, list.entries, list.count, out);
    out->is_empty = list.count == 0;
    return PZ_OK;
}
