/*
 * cover.c: what many forgettings cover, found without looking at each.
 *
 * The rules (erase.c) ask two questions about a moment, or a span of moments, of an attribute: the
 * greatest epoch of the forgettings that touch it, and the greatest stamp of those that take facts
 * or choices. With a few forgettings each is looked at. Hostile or very busy profiles hold
 * thousands, and as many as a million cells; for those the answers are laid out once:
 *
 *     track     one attribute, or "*": the bounds of its forgettings cut time into intervals
 *     tree      over the intervals of a track, one for each question: a node holds the greatest
 *               value in its part and the greatest that was laid on the whole of it
 *
 *     bounds    -inf     10        20   25      40
 *     intervals  |  0     |    1    | 2  |   3   |  4
 *     laid        [10, 25) at epoch 3 on 1 and 2, [20, 40) at epoch 5 on 2 and 3
 *
 * Laying and asking take as many steps as the tree is high. An epoch is one number: its counter,
 * then the place of its writer's segment, as segments stand in the order of writers.
 *
 * The layout borrows the forgettings' texts and is dropped whenever segments may move. Without
 * memory there is none, and each forgetting is looked at as before: slower, and the same answer.
 */
#include "profile/state.h"

#include <string.h>

/* Fewer are looked at one by one. */
#define FORGETTINGS_MIN 32u
#define NOTHING INT64_MIN
#define TREE_COUNT 3u /* of epochs, and of the stamps that take facts and choices */
/* An epoch's writer is one of 64 segments. */
#define WRITER_BITS 6u

typedef struct tree {
    int64_t *most; /* in the part of a node */
    int64_t *laid; /* on the whole of it */
} tree;

typedef struct track {
    pz_str attribute;
    const int64_t *starts; /* of the intervals, the first INT64_MIN */
    uint32_t count;
    tree trees[TREE_COUNT];
    int64_t ever[TREE_COUNT]; /* of the forgettings that cover all times */
} track;

typedef struct entry {
    const pz__own_forgetting *forgetting;
    uint32_t segment;
} entry;

struct pz__cover {
    pz__arena arena;
    track *tracks; /* by attribute */
    uint32_t track_count;
};

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- trees ---- */

static void lay(const tree *t, uint32_t count, uint32_t first, uint32_t end, int64_t value)
{
    uint32_t low = first + count, high = end + count;
    for (; low < high; low /= 2, high /= 2) {
        if (low & 1) {
            t->most[low] = greater(t->most[low], value);
            t->laid[low] = greater(t->laid[low], value);
            low++;
        }
        if (high & 1) {
            high--;
            t->most[high] = greater(t->most[high], value);
            t->laid[high] = greater(t->laid[high], value);
        }
    }
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t node = (side ? end - 1 + count : first + count) / 2; node > 0; node /= 2)
            t->most[node] =
                greater(t->laid[node], greater(t->most[2 * node], t->most[2 * node + 1]));
}

static int64_t ask(const tree *t, uint32_t count, uint32_t first, uint32_t end)
{
    int64_t most = NOTHING;
    for (uint32_t low = first + count, high = end + count; low < high; low /= 2, high /= 2) {
        if (low & 1)
            most = greater(most, t->most[low++]);
        if (high & 1)
            most = greater(most, t->most[--high]);
    }
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t node = (side ? end - 1 + count : first + count) / 2; node > 0; node /= 2)
            most = greater(most, t->laid[node]);
    return most;
}

/* ---- laying out ---- */

/* Shell's sort, Ciura's gaps. */
static const uint32_t gaps[] = {20001, 8929, 3905, 1750, 701, 301, 132, 57, 23, 10, 4, 1};
#define GAP_COUNT (sizeof gaps / sizeof gaps[0])

static void sort_entries(entry *list, uint32_t count)
{
    for (size_t g = 0; g < GAP_COUNT; g++)
        for (uint32_t i = gaps[g]; i < count; i++) {
            const entry moving = list[i];
            uint32_t j = i;
            for (; j >= gaps[g] && pz__str_compare(list[j - gaps[g]].forgetting->attribute,
                                                   moving.forgetting->attribute) > 0;
                 j -= gaps[g])
                list[j] = list[j - gaps[g]];
            list[j] = moving;
        }
}

static void sort_times(int64_t *list, uint32_t count)
{
    for (size_t g = 0; g < GAP_COUNT; g++)
        for (uint32_t i = gaps[g]; i < count; i++) {
            const int64_t moving = list[i];
            uint32_t j = i;
            for (; j >= gaps[g] && list[j - gaps[g]] > moving; j -= gaps[g])
                list[j] = list[j - gaps[g]];
            list[j] = moving;
        }
}

/* The interval that a moment lies in. */
static uint32_t interval_of(const track *t, int64_t ms)
{
    uint32_t low = 0, high = t->count;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (t->starts[middle] <= ms)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool cut_time(pz__arena *arena, track *t, const entry *list, uint32_t count)
{
    int64_t *starts = pz__arena_array(arena, 2 * (size_t)count + 1, sizeof *starts);
    if (!starts)
        return false;
    uint32_t made = 0, kept = 0;
    starts[made++] = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        starts[made++] = list[i].forgetting->from_ms;
        if (list[i].forgetting->to_ms != INT64_MAX)
            starts[made++] = list[i].forgetting->to_ms;
    }
    sort_times(starts, made);
    for (uint32_t i = 0; i < made; i++)
        if (kept == 0 || starts[kept - 1] != starts[i])
            starts[kept++] = starts[i];
    t->starts = starts;
    t->count = kept;
    return true;
}

static bool plant(pz__arena *arena, track *t)
{
    for (uint32_t i = 0; i < TREE_COUNT; i++) {
        int64_t *nodes = pz__arena_array(arena, 4 * (size_t)t->count, sizeof *nodes);
        if (!nodes)
            return false;
        for (size_t n = 0; n < 4 * (size_t)t->count; n++)
            nodes[n] = NOTHING;
        t->trees[i] = (tree){nodes, nodes + 2 * (size_t)t->count};
        t->ever[i] = NOTHING;
    }
    return true;
}

static void lay_forgetting(track *t, const entry *e)
{
    const pz__own_forgetting *f = e->forgetting;
    const int64_t values[TREE_COUNT] = {
        ((int64_t)f->counter << WRITER_BITS) | e->segment,
        f->what >= PZ__FORGET_FACTS ? f->stamp : NOTHING,
        f->what >= PZ__FORGET_ALL ? f->stamp : NOTHING,
    };
    const uint32_t first = interval_of(t, f->from_ms);
    const uint32_t end = f->to_ms == INT64_MAX ? t->count : interval_of(t, f->to_ms);
    for (uint32_t i = 0; i < TREE_COUNT; i++) {
        lay(&t->trees[i], t->count, first, end, values[i]);
        if (f->from_ms == INT64_MIN && f->to_ms == INT64_MAX)
            t->ever[i] = greater(t->ever[i], values[i]);
    }
}

static bool make_track(pz__arena *arena, track *t, const entry *list, uint32_t count)
{
    t->attribute = list[0].forgetting->attribute;
    if (!cut_time(arena, t, list, count) || !plant(arena, t))
        return false;
    for (uint32_t i = 0; i < count; i++)
        lay_forgetting(t, &list[i]);
    return true;
}

static bool make_tracks(pz__cover *cover, entry *list, uint32_t count)
{
    sort_entries(list, count);
    cover->tracks = pz__arena_array(&cover->arena, count, sizeof *cover->tracks);
    if (!cover->tracks)
        return false;
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && pz__str_equal(list[end].forgetting->attribute,
                                                       list[i].forgetting->attribute);)
            end++;
        if (!make_track(&cover->arena, &cover->tracks[cover->track_count++], &list[i], end - i))
            return false;
    }
    return true;
}

static bool gather(const pz__profile *profile, pz__cover *cover, uint32_t count)
{
    entry *list = pz__arena_array(&cover->arena, count, sizeof *list);
    if (!list)
        return false;
    uint32_t made = 0;
    for (uint32_t s = 0; s < profile->segment_count; s++)
        for (uint32_t i = 0; i < profile->segments[s]->forgetting_count; i++)
            list[made++] = (entry){&profile->segments[s]->forgettings[i], s};
    return make_tracks(cover, list, count);
}

void pz__cover_drop(pz__profile *profile)
{
    pz__cover *cover = profile->cover;
    if (!cover)
        return;
    profile->cover = NULL;
    pz__arena_clear(&cover->arena);
    pz__mem_free(&profile->alloc, cover, 1, sizeof *cover);
}

void pz__cover_make(pz__profile *profile)
{
    pz__cover_drop(profile);
    uint32_t count = 0;
    for (uint32_t i = 0; i < profile->segment_count; i++)
        count += profile->segments[i]->forgetting_count;
    if (count < FORGETTINGS_MIN)
        return;
    pz__cover *cover = pz__mem_zero(&profile->alloc, 1, sizeof *cover);
    if (!cover)
        return;
    pz__arena_init(&cover->arena, &profile->alloc, 0);
    profile->cover = cover;
    if (!gather(profile, cover, count))
        pz__cover_drop(profile);
}

/* ---- asking ---- */

static const track *track_of(const pz__cover *cover, pz_str attribute)
{
    uint32_t low = 0, high = cover->track_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int by = pz__str_compare(cover->tracks[middle].attribute, attribute);
        if (by == 0)
            return &cover->tracks[middle];
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int64_t ask_track(const track *t, uint32_t which, int64_t first_ms, int64_t last_ms)
{
    if (!t)
        return NOTHING;
    return ask(&t->trees[which], t->count, interval_of(t, first_ms), interval_of(t, last_ms) + 1);
}

pz__epoch pz__cover_epoch(const pz__profile *profile, pz_str attribute, bool is_counter,
                          int64_t first_ms, int64_t last_ms)
{
    const pz__cover *cover = profile->cover;
    int64_t epoch = ask_track(track_of(cover, PZ__STR("*")), 0, first_ms, last_ms);
    if (!is_counter)
        epoch = greater(epoch, ask_track(track_of(cover, attribute), 0, first_ms, last_ms));
    if (epoch == NOTHING)
        return (pz__epoch){{NULL, 0}, 0};
    const uint32_t segment = (uint32_t)(epoch & ((1 << WRITER_BITS) - 1));
    return (pz__epoch){profile->segments[segment]->writer, (uint32_t)(epoch >> WRITER_BITS)};
}

int64_t pz__cover_stamp(const pz__profile *profile, pz_str attribute, int64_t at_ms,
                        pz__forget_what what, bool is_whole)
{
    const uint32_t which = what == PZ__FORGET_FACTS ? 1 : 2;
    const track *tracks[] = {track_of(profile->cover, PZ__STR("*")),
                             track_of(profile->cover, attribute)};
    int64_t stamp = NOTHING;
    for (uint32_t i = 0; i < 2; i++)
        if (tracks[i])
            stamp = greater(stamp, is_whole ? tracks[i]->ever[which]
                                            : ask_track(tracks[i], which, at_ms, at_ms));
    return stamp;
}
