/*
 * encode_names.c: the table of names of a segment, made anew for each encoding.
 *
 * Channels, speakers and writers are named over and over; each stands once in the table and is a
 * number everywhere else. So are the attributes of the ring and of the history, which are kept when
 * the attribute itself has no claim any more. Attributes of claims, cells and counters are not
 * here: they have the directory.
 *
 *     gather   every name, less those that were met just now
 *     sort     bytewise, and drop what is double
 *     number   by binary search, remembering the last answer of each role
 *
 * Few names are new among many that are not, so a short memory of the latest ones keeps the list
 * small before it is sorted.
 */
#include "profile/codec.h"

#include <string.h>

/* This many are compared before a name is taken for new. */
#define RECENT 8u

static bool is_same(pz_str a, pz_str b)
{
    return a.len == b.len && (a.data == b.data || pz__str_equal(a, b));
}

static void add(pz__name_list *names, pz_str name)
{
    if (name.len == 0 || names->is_short_of_memory)
        return;
    const uint32_t first = names->count > RECENT ? names->count - RECENT : 0;
    for (uint32_t i = names->count; i > first; i--)
        if (is_same(names->list[i - 1], name))
            return;
    void *list = names->list;
    if (!pz__reserve(&names->alloc, &list, &names->cap, names->count, 1, sizeof name)) {
        names->is_short_of_memory = true;
        return;
    }
    names->list = list;
    names->list[names->count++] = name;
}

static void add_claim(pz__name_list *names, const pz__claim *claim)
{
    add(names, claim->channel);
    add(names, claim->who);
    add(names, claim->epoch.writer);
}

static void add_cell(pz__name_list *names, const pz__cell *cell)
{
    add(names, cell->channel);
    add(names, cell->epoch.writer);
}

static void add_grant(pz__name_list *names, const pz__own_grant *grant)
{
    add(names, grant->denied_channel);
    add(names, grant->denied_who);
    add(names, grant->channel);
    add(names, grant->who);
    for (uint32_t i = 0; i < grant->seen_count; i++)
        add(names, grant->seen[i].writer);
}

static void add_entry(pz__name_list *names, const pz__history_entry *entry)
{
    add(names, entry->channel);
    add(names, entry->who);
    add(names, entry->undoes_writer);
    for (uint32_t i = 0; i < entry->before_count; i++)
        add(names, entry->before[i].attribute);
}

static void add_all(pz__name_list *names, const pz__segment *s)
{
    for (uint32_t i = 0; i < s->claim_count; i++)
        add_claim(names, &s->claims[i]);
    for (uint32_t i = 0; i < s->cell_count; i++)
        add_cell(names, &s->cells[i]);
    for (uint32_t i = 0; i < s->grant_count; i++)
        add_grant(names, &s->grants[i]);
    for (uint32_t i = 0; i < s->ring_count; i++)
        for (uint32_t c = 0; c < s->ring[i].cell_count; c++) {
            add(names, s->ring[i].cells[c].attribute);
            add_cell(names, &s->ring[i].cells[c]);
        }
    for (uint32_t i = 0; i < s->history_count; i++)
        add_entry(names, &s->history[i]);
}

/* Shell's sort with Ciura's gaps: in place, and quick on what is nearly sorted. */
static void sort(pz_str *list, uint32_t count)
{
    static const uint32_t gaps[] = {20001, 8929, 3905, 1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        const uint32_t gap = gaps[g];
        for (uint32_t i = gap; i < count; i++) {
            const pz_str moving = list[i];
            uint32_t j = i;
            for (; j >= gap && pz__str_compare(list[j - gap], moving) > 0; j -= gap)
                list[j] = list[j - gap];
            list[j] = moving;
        }
    }
}

bool pz__names_gather(pz__name_list *names, const pz__segment *segment)
{
    *names = (pz__name_list){.alloc = segment->alloc};
    add_all(names, segment);
    if (names->is_short_of_memory)
        return false;
    sort(names->list, names->count);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < names->count; i++)
        if (kept == 0 || !is_same(names->list[kept - 1], names->list[i]))
            names->list[kept++] = names->list[i];
    names->count = kept;
    return true;
}

void pz__names_free(pz__name_list *names)
{
    pz__mem_free(&names->alloc, names->list, names->cap, sizeof *names->list);
}

uint32_t pz__name_number(const pz__name_list *names, pz__role *last, pz_str name)
{
    if (last->text.data && is_same(last->text, name))
        return last->number;
    uint32_t low = 0, high = names->count;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (pz__str_compare(names->list[middle], name) <= 0)
            low = middle;
        else
            high = middle;
    }
    *last = (pz__role){name, low};
    return low;
}

void pz__names_write(const pz__name_list *names, pz__buf *out)
{
    if (names->count == 0)
        return;
    size_t end = 0;
    for (uint32_t i = 0; i < names->count; i++)
        end += names->list[i].len;
    const unsigned width = pz__fixed_width(end);
    pz__buf_byte(out, (uint8_t)width);
    pz__buf_varint(out, names->count);
    end = 0;
    for (uint32_t i = 0; i < names->count; i++)
        pz__write_fixed(out, end += names->list[i].len, width);
    for (uint32_t i = 0; i < names->count; i++)
        pz__buf_put(out, names->list[i].data, names->list[i].len);
}
