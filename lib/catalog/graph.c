/*
 * graph.c: which segments read which, and that none reads itself.
 *
 * A depth-first walk without recursion: a segment on the stack that is met again closes a circle,
 * and the stack from there up is how it goes, so it can be named in full:
 *
 *     segments read one another in a circle: a -> b -> a
 *
 * Evaluation follows the same edges with the machine's stack, so the longest chain is bounded too.
 * Only segments can make circles in this version: attributes read no rules.
 */
#include "catalog/build.h"

typedef enum colour { UNSEEN, OPEN, DONE } colour;

/* A segment on the way down: which of its slots is looked at next. */
typedef struct step {
    uint32_t segment;
    uint32_t next;
} step;

typedef struct walk {
    pz__build *build;
    uint8_t *colours; /* by segment */
    uint32_t *chains; /* by segment: how many segments its longest chain has */
    step *stack;
    uint32_t depth;
    bool is_told; /* that a chain is too long */
} walk;

static const pz__node *name_of(const walk *w, uint32_t segment)
{
    return w->build->segment_nodes[segment];
}

/* How a circle through `segment` goes, as "a -> b -> a"; cut when it grows too long. */
static void tell_circle(walk *w, uint32_t segment)
{
    pz__build *build = w->build;
    pz__buf way;
    pz__buf_init(&way, &build->alloc, 700);
    uint32_t from = w->depth;
    while (w->stack[from - 1].segment != segment)
        from--;
    for (uint32_t i = from - 1; i < w->depth && way.len < 500; i++)
        pz__buf_format(&way, "%.*s \xe2\x86\x92 ",
                       PZ__STR_ARG(build->segments[w->stack[i].segment].name));
    if (way.len >= 500)
        pz__buf_text(&way, "... \xe2\x86\x92 ");
    pz__buf_format(&way, "%.*s", PZ__STR_ARG(build->segments[segment].name));
    if (way.status == PZ_ERR_NOMEM)
        build->is_out_of_memory = true;
    else
        pz__mistake_in_name(build, name_of(w, segment),
                            "segments read one another in a circle: %.*s", (int)way.len,
                            way.data ? way.data : "");
    pz__buf_clear(&way);
}

/* The next segment that the top of the stack reads, or PZ__NAME_NONE. */
static uint32_t next_read(walk *w)
{
    step *top = &w->stack[w->depth - 1];
    const pz__program *program = w->build->segments[top->segment].program;
    uint32_t count = 0;
    const uint32_t *slots = program ? pz__program_slots(program, &count) : NULL;
    while (top->next < count) {
        const pz__slot_info *slot = &w->build->slots[slots[top->next++]];
        if (slot->use == PZ__USE_SEGMENT)
            return slot->index;
    }
    return PZ__NAME_NONE;
}

static void enter(walk *w, uint32_t segment)
{
    w->colours[segment] = OPEN;
    w->chains[segment] = 1;
    w->stack[w->depth++] = (step){segment, 0};
}

/* The chain of `reader` is at least one more than that of what it reads. */
static void lengthen(walk *w, uint32_t reader, uint32_t read)
{
    if (w->chains[reader] <= w->chains[read])
        w->chains[reader] = w->chains[read] + 1;
    if (w->chains[reader] <= PZ__SEGMENT_CHAIN_MAX || w->is_told)
        return;
    w->is_told = true;
    pz__mistake_in_name(w->build, name_of(w, reader),
                        "%s heads a chain of more than %u segments that read one another",
                        pz__quoted(w->build, w->build->segments[reader].name),
                        PZ__SEGMENT_CHAIN_MAX);
}

static void leave(walk *w)
{
    uint32_t segment = w->stack[--w->depth].segment;
    w->colours[segment] = DONE;
    if (w->depth > 0)
        lengthen(w, w->stack[w->depth - 1].segment, segment);
}

static void walk_from(walk *w, uint32_t segment)
{
    enter(w, segment);
    while (w->depth > 0) {
        uint32_t read = next_read(w);
        if (read == PZ__NAME_NONE)
            leave(w);
        else if (w->colours[read] == UNSEEN)
            enter(w, read);
        else if (w->colours[read] == OPEN)
            tell_circle(w, read);
        else
            lengthen(w, w->stack[w->depth - 1].segment, read);
    }
}

void pz__check_segment_graph(pz__build *build)
{
    uint32_t count = build->catalog->segment_count;
    walk w = {.build = build,
              .colours = pz__work(build, count, sizeof *w.colours),
              .chains = pz__work(build, count, sizeof *w.chains),
              .stack = pz__work(build, count, sizeof *w.stack)};
    for (uint32_t i = 0; i < count && !pz__is_stopped(build); i++)
        if (w.colours[i] == UNSEEN)
            walk_from(&w, i);
}
