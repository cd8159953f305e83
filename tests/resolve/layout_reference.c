/*
 * layout_reference.c: a layout by the words of its definition, on small arrays of numbers.
 *
 * Everything is looked up again whenever it is needed, by walking all edits; nothing is sorted but
 * by picking the best that is left. No structure is shared with the library.
 */
#include "resolve/layout_reference.h"

#include <string.h>

#define OWNERS 3

/* The last edit of an owner's register of an item, or -1: `is_place` tells which register. */
static int last_word(const plain_layout *l, int owner, int item, bool is_place)
{
    int last = -1;
    for (size_t i = 0; i < l->edit_count; i++) {
        const plain_edit *e = &l->edits[i];
        if (e->owner != owner)
            continue;
        if (e->kind == CLEAR)
            last = -1;
        else if (e->item == item && (e->kind >= PIN) == is_place)
            last = e->kind == UNPLACE ? -1 : (int)i;
    }
    return last;
}

/* The nearest owner's word. */
static int word(const plain_layout *l, int item, bool is_place)
{
    for (int owner = 0; owner < OWNERS; owner++) {
        if (last_word(l, owner, item, is_place) >= 0)
            return last_word(l, owner, item, is_place);
    }
    return -1;
}

int layout_place(const plain_layout *l, int item)
{
    return word(l, item, true);
}

/* What is not in the base counts as hidden. */
bool layout_hides(const plain_layout *l, int item)
{
    const int found = word(l, item, false);
    for (size_t i = 0; i < l->base_count; i++)
        if (l->base[i] == item)
            return found >= 0 && l->edits[found].kind == HIDE;
    return true;
}

/* Of two edits, whether `a` is heeded first: the nearer owner's, then the newer. */
static bool is_heeded_first(const plain_layout *l, int a, int b)
{
    const int by = l->edits[a].owner - l->edits[b].owner;
    return by < 0 || (by == 0 && a > b);
}

/* Admit the afters, the first heeded first: anchor[x] is what x follows, or -1; rank[x] is when it
 * was admitted. */
static void admit_all(const plain_layout *l, int *anchor, int *rank)
{
    bool is_done[ITEMS_MAX] = {false};
    memset(anchor, -1, ITEMS_MAX * sizeof *anchor);
    for (int turn = 0; turn < ITEMS_MAX; turn++) {
        int best = -1;
        for (int item = 0; item < ITEMS_MAX; item++) {
            const int e = layout_place(l, item);
            if (is_done[item] || layout_hides(l, item) || e < 0 || l->edits[e].kind != AFTER)
                continue;
            if (best < 0 || is_heeded_first(l, e, layout_place(l, best)))
                best = item;
        }
        if (best < 0)
            return;
        bool is_circle = false;
        is_done[best] = true;
        const int to = l->edits[layout_place(l, best)].to;
        for (int up = to; up >= 0; up = anchor[up])
            is_circle = is_circle || up == best;
        if (!is_circle && !layout_hides(l, to)) {
            anchor[best] = to;
            rank[best] = turn;
        }
    }
}

/* An item, and behind it those that follow it, the first admitted nearest. */
static size_t put(const int *anchor, const int *rank, int item, int *out, size_t count)
{
    out[count++] = item;
    for (int turn = 0; turn < ITEMS_MAX; turn++)
        for (int other = 0; other < ITEMS_MAX; other++)
            if (anchor[other] == item && rank[other] == turn)
                count = put(anchor, rank, other, out, count);
    return count;
}

/* The shown item that comes next in base order or by score, of those not taken; -1: none. */
static int next_of(const plain_layout *l, const bool *is_taken)
{
    int best = -1;
    for (size_t i = 0; i < l->base_count; i++) {
        const int item = l->base[i];
        if (is_taken[item] || layout_hides(l, item))
            continue;
        if (best < 0 || (l->scores && l->scores[item] > l->scores[best]))
            best = item;
    }
    return best;
}

/* The pin that is put in next: the least index; of equal ones the least heeded. */
static int next_pin(const plain_layout *l, const int *line, size_t count, const bool *is_put)
{
    int best = -1;
    for (size_t i = 0; i < count; i++) {
        const int e = layout_place(l, line[i]);
        if (e < 0 || l->edits[e].kind != PIN || is_put[line[i]])
            continue;
        const int b = best < 0 ? -1 : layout_place(l, best);
        if (b < 0 || l->edits[e].to < l->edits[b].to ||
            (l->edits[e].to == l->edits[b].to && is_heeded_first(l, b, e)))
            best = line[i];
    }
    return best;
}

size_t layout_reference(const plain_layout *l, int *out)
{
    int anchor[ITEMS_MAX], rank[ITEMS_MAX] = {0}, line[ITEMS_MAX];
    bool is_taken[ITEMS_MAX] = {false}, is_put[ITEMS_MAX] = {false};
    size_t count = 0, shown = 0;
    admit_all(l, anchor, rank);
    for (int item; (item = next_of(l, is_taken)) >= 0; is_taken[item] = true)
        if (anchor[item] < 0)
            count = put(anchor, rank, item, line, count);
    for (size_t i = 0; i < count; i++) {
        const int e = layout_place(l, line[i]);
        if (e < 0 || l->edits[e].kind != PIN)
            out[shown++] = line[i];
    }
    for (int item; (item = next_pin(l, line, count, is_put)) >= 0; is_put[item] = true) {
        size_t at = (size_t)l->edits[layout_place(l, item)].to;
        at = at < shown ? at : shown;
        for (size_t i = shown++; i > at; i--)
            out[i] = out[i - 1];
        out[at] = item;
    }
    return shown;
}
