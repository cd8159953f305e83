/*
 * evidence.c: evidence cells become decayed weight for and against each node.
 *
 * A cell holds an integer weight for one value, one side and one bucket of time, in one writer's
 * segment. Reading them goes in four steps, in this order and no other:
 *
 *     1. drop what does not count: everything if the purpose is not granted, values outside the
 *        domain, buckets that start after now's or whose retention is over;
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
 * Not here: what the weights say (posterior.c); masks and forgetting, which will drop cells in
 * step 1.
 */
#include "resolve/evidence.h"

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
    (void)view;
    return attribute->purpose.len == 0;
}

static int64_t add_saturating(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b; /* neither is negative */
}

/* Whether a bucket may be read: of a sane width, begun, and not past its retention. */
static bool is_readable(const pz__view *view, const pz__attribute *attribute, const pz__cell *cell)
{
    if (cell->weight <= 0 || cell->width > PZ__WIDTH_MAX || cell->side > PZ__AGAINST)
        return false;
    if (cell->bucket > pz__bucket_of(view->now_ms, cell->width))
        return false;
    int64_t oldest = INT64_MIN / 1000 / (INT64_C(1) << cell->width);
    if (cell->bucket <= oldest)
        return false;
    int64_t start_ms = cell->bucket * (INT64_C(1) << cell->width) * 1000;
    return attribute->retention_ms == 0 || start_ms > INT64_MAX - attribute->retention_ms ||
           view->now_ms < start_ms + attribute->retention_ms;
}

static int compare_entries(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    if (a->run != b->run)
        return a->run < b->run ? -1 : 1;
    if (a->side != b->side)
        return a->side < b->side ? -1 : 1;
    if (a->start_s != b->start_s)
        return a->start_s < b->start_s ? -1 : 1;
    return (a->width > b->width) - (a->width < b->width);
}

/* Steps 1 and half of 2: an entry for every readable cell, alike neighbours added. */
static uint32_t list_entries(const pz__view *view, const pz__attribute *attribute, pz__cells cells,
                             entry *entries)
{
    uint32_t count = 0, run = 0, node = PZ__NODE_NONE;
    const pz__cell *last = NULL;
    for (uint32_t i = 0; i < cells.count; i++) {
        const pz__cell *cell = &cells.list[i];
        if (!is_readable(view, attribute, cell))
            continue;
        if (!last || pz_value_compare(last->value, cell->value) != 0) {
            uint32_t found = pz__domain_find(attribute->domain, cell->value);
            run += found != node;
            node = found;
        }
        last = cell;
        if (node == PZ__NODE_NONE || node == 0)
            continue;
        entry fresh = {run,          node,       cell->bucket * (INT64_C(1) << cell->width),
                       cell->weight, cell->side, cell->width};
        if (count > 0 && compare_entries(&entries[count - 1], &fresh) == 0)
            entries[count - 1].weight = add_saturating(entries[count - 1].weight, fresh.weight);
        else
            entries[count++] = fresh;
    }
    return count;
}

/* The other half of 2, needed after sorting. */
static uint32_t add_alike(entry *entries, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && compare_entries(&entries[kept - 1], &entries[i]) == 0)
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

/* What a saturated day's weights are multiplied by; 1 where they are within it. */
static double day_scale(const pz__attribute *attribute, const entry *entries, uint32_t first,
                        uint32_t end)
{
    if (attribute->saturation <= 0)
        return 1.0;
    int64_t weight = 0;
    for (uint32_t i = first; i < end; i++)
        weight = add_saturating(weight, entries[i].weight);
    return weight > attribute->saturation ? (double)attribute->saturation / (double)weight : 1.0;
}

static double decay(const pz__view *view, const pz__attribute *attribute, const entry *e)
{
    if (attribute->half_life_ms <= 0)
        return 1.0;
    int64_t now_s = pz__bucket_of(view->now_ms, e->width) * (INT64_C(1) << e->width);
    double age_ms = ((double)now_s - (double)e->start_s) * 1000.0;
    return pz__exp2(-(age_ms / (double)attribute->half_life_ms));
}

/* Steps 3 and 4. */
static void add_up(const pz__view *view, const pz__attribute *attribute, const entry *entries,
                   uint32_t count, pz__weights *out)
{
    for (uint32_t first = 0, end; first < count; first = end) {
        end = end_of_day(entries, count, first);
        double scale = day_scale(attribute, entries, first, end);
        double *side = entries[first].side == PZ__FOR ? out->for_node : out->against_node;
        for (uint32_t i = first; i < end; i++)
            side[entries[i].node] +=
                (double)entries[i].weight / 1024.0 * scale * decay(view, attribute, &entries[i]);
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
    if (pz__is_granted(view, attribute) &&
        pz__person_cells(&view->person, attribute->name, view->arena, &cells) != PZ_OK)
        return PZ_ERR_NOMEM;
    if (cells.count == 0)
        return PZ_OK;

    entry *entries = pz__arena_array(view->arena, cells.count, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    uint32_t count = list_entries(view, attribute, cells, entries);
    pz_status status =
        pz__sort_stable(view->arena, entries, count, sizeof *entries, compare_entries);
    if (status != PZ_OK)
        return status;
    count = add_alike(entries, count);
    add_up(view, attribute, entries, count, out);
    out->is_empty = count == 0;
    return PZ_OK;
}
