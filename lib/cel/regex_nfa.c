/*
 * regex_nfa.c: matching without going back.
 *
 * The program runs as many threads at once, all at the same place of the text (R. Pike's machine as
 * R. Cox describes it, 2009). A thread is a place in the program and the spans it has saved; there
 * is at most one for each place, for two threads at one place would do the same from there on and
 * the first has the better spans. Threads stand in the order of their priority:
 *
 *      text    x x a b b c ...
 *                  ^ here
 *      list    [ thread, thread, ... , one that begins here ]     best first
 *
 * For each character every thread of the list moves on or dies; what moves on makes the next list,
 * JUMP, SPLIT, SAVE and assertions followed at once by `follow`. When a thread reaches MATCH, those
 * behind it are dropped: they could only give a match of less priority. So the time is at most the
 * length of the text times that of the program, and memory does not depend on the text.
 *
 * While no thread lives, the text is skipped up to a byte that a match can begin with. Text that
 * is no UTF-8 gets some answer and does no harm. All memory is one block of the scratch.
 */
#include "cel/regex_inner.h"

/* The greatest number of slots: two for each span. */
#define SLOTS_MAX (2 * PZ__REGEX_SPANS_MAX)

typedef struct thread_list {
    uint32_t *dense;  /* places, best first */
    uint32_t *sparse; /* place to index in dense, valid if that entry points back */
    size_t *slots;    /* slot_count for each index of dense */
    uint32_t count;
} thread_list;

/* Work of `follow` put off: a place to go to, or a slot to set back. */
typedef struct pending {
    uint32_t place; /* RESTORE: set `slot` back to `value` */
    uint32_t slot;
    size_t value;
} pending;
#define RESTORE UINT32_MAX

typedef struct machine {
    const pz__regex *regex;
    pz_str text;
    uint32_t slot_count; /* 0: only whether there is a match */
    thread_list now, next;
    pending *stack;
    uint64_t steps, step_limit;
    size_t current[SLOTS_MAX]; /* slots of the thread that is being followed */
    size_t best[SLOTS_MAX];
    bool is_matched;
} machine;

static bool is_in(const thread_list *list, uint32_t place)
{
    uint32_t i = list->sparse[place];
    return i < list->count && list->dense[i] == place;
}

static bool is_word(const machine *m, size_t at)
{
    if (at >= m->text.len)
        return false;
    unsigned char c = (unsigned char)m->text.data[at];
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool holds(const machine *m, uint32_t assertion, size_t at)
{
    const pz_str text = m->text;
    switch ((pz__regex_kind)assertion) {
    case PZ__RE_TEXT_START:
        return at == 0;
    case PZ__RE_TEXT_END:
        return at == text.len;
    case PZ__RE_LINE_START:
        return at == 0 || text.data[at - 1] == '\n';
    case PZ__RE_LINE_END:
        return at == text.len || text.data[at] == '\n';
    default: {
        bool is_edge = is_word(m, at) != (at > 0 && is_word(m, at - 1));
        return is_edge == (assertion == PZ__RE_WORD_EDGE);
    }
    }
}

/* A place that takes a character, or MATCH, joins the list with the current slots. */
static void join(machine *m, thread_list *list, uint32_t index)
{
    if (m->slot_count)
        memcpy(list->slots + (size_t)index * m->slot_count, m->current,
               m->slot_count * sizeof *m->current);
}

/* Add to the list all that can be reached from `place` without taking a character. Each place goes
 * in once, so the stack holds at most two entries for each instruction. */
static void follow(machine *m, thread_list *list, uint32_t place, size_t at)
{
    uint32_t depth = 0;
    m->stack[depth++] = (pending){place, 0, 0};
    while (depth > 0) {
        pending p = m->stack[--depth];
        if (p.place == RESTORE) {
            m->current[p.slot] = p.value;
            continue;
        }
        if (is_in(list, p.place))
            continue;
        uint32_t index = list->count++;
        list->dense[index] = p.place;
        list->sparse[p.place] = index;
        m->steps++;
        const pz__regex_ins *ins = &m->regex->program[p.place];
        switch ((pz__regex_op)ins->op) {
        case PZ__RI_JUMP:
            m->stack[depth++] = (pending){ins->x, 0, 0};
            break;
        case PZ__RI_SPLIT:
            m->stack[depth++] = (pending){ins->y, 0, 0};
            m->stack[depth++] = (pending){ins->x, 0, 0};
            break;
        case PZ__RI_SAVE:
            if (ins->x < m->slot_count) {
                m->stack[depth++] = (pending){RESTORE, ins->x, m->current[ins->x]};
                m->current[ins->x] = at;
            }
            m->stack[depth++] = (pending){p.place + 1, 0, 0};
            break;
        case PZ__RI_ASSERT:
            if (holds(m, ins->x, at))
                m->stack[depth++] = (pending){p.place + 1, 0, 0};
            break;
        default:
            join(m, list, index);
        }
    }
}

/* Begin a thread at `at`, behind all others. */
static void begin(machine *m, size_t at)
{
    for (uint32_t i = 0; i < m->slot_count; i++)
        m->current[i] = PZ__REGEX_NO_SPAN;
    if (m->slot_count)
        m->current[0] = at;
    follow(m, &m->now, 0, at);
}

static void take_match(machine *m, const size_t *slots, size_t at)
{
    m->is_matched = true;
    if (!m->slot_count)
        return;
    memcpy(m->best, slots, m->slot_count * sizeof *slots);
    m->best[1] = at;
}

/* Move all threads over the character `c` at `at`; `len` 0 at the end of the text. */
static void step(machine *m, uint32_t c, size_t at, size_t len)
{
    const pz__regex *regex = m->regex;
    m->next.count = 0;
    for (uint32_t i = 0; i < m->now.count; i++) {
        const pz__regex_ins *ins = &regex->program[m->now.dense[i]];
        const size_t *slots = m->now.slots + (size_t)i * m->slot_count;
        bool moves = false;
        m->steps++;
        if (ins->op == PZ__RI_MATCH) {
            take_match(m, slots, at);
            break;
        }
        if (ins->op == PZ__RI_CHAR)
            moves = len > 0 && ins->x == c;
        else if (ins->op == PZ__RI_SET)
            moves = len > 0 && pz__regex_set_has(&regex->sets[ins->x], regex->ranges, c);
        if (!moves)
            continue;
        if (m->slot_count)
            memcpy(m->current, slots, m->slot_count * sizeof *slots);
        follow(m, &m->next, m->now.dense[i] + 1, at + len);
    }
    thread_list spare = m->now;
    m->now = m->next;
    m->next = spare;
}

/* With no thread alive: the next place where a match can begin. */
static size_t skip(const machine *m, size_t at)
{
    const uint64_t *first = m->regex->first_bytes;
    if (m->regex->may_be_empty)
        return at;
    for (; at < m->text.len; at++) {
        uint8_t byte = (uint8_t)m->text.data[at];
        if (first[byte / 64] >> byte % 64 & 1)
            break;
    }
    return at;
}

static pz_status run(machine *m, size_t at)
{
    const pz__regex *regex = m->regex;
    for (;;) {
        if (m->now.count == 0) {
            if (m->is_matched || (regex->is_anchored && at > 0))
                return PZ_OK;
            at = skip(m, at);
        }
        if (!m->is_matched && !(regex->is_anchored && at > 0))
            begin(m, at);
        size_t len = 0;
        uint32_t c = 0;
        if (at < m->text.len)
            c = pz__utf8_decode(m->text.data + at, m->text.len - at, &len);
        step(m, c, at, len);
        if (m->is_matched && !m->slot_count)
            return PZ_OK;
        if (at == m->text.len)
            return PZ_OK;
        if (m->steps > m->step_limit)
            return PZ_ERR_LIMIT;
        at += len;
    }
}

/* ---- memory ---- */

/* Bytes for a program and slots: two lists, and the stack. PROGRAM_MAX keeps the sum small. */
static size_t memory_needed(size_t ins_count, size_t slot_count)
{
    size_t list = ins_count * (2 * sizeof(uint32_t) + slot_count * sizeof(size_t));
    return 2 * list + (2 * ins_count + 2) * sizeof(pending);
}

static char *lay_out(thread_list *list, char *memory, size_t ins_count, size_t slot_count)
{
    list->slots = (size_t *)(void *)memory;
    memory += ins_count * slot_count * sizeof(size_t);
    list->dense = (uint32_t *)(void *)memory;
    list->sparse = list->dense + ins_count;
    list->count = 0;
    return memory + 2 * ins_count * sizeof(uint32_t);
}

/* The block is cleared when it is made: what `sparse` holds may be anything, but not undefined. */
static bool take_memory(machine *m, pz__regex_scratch *scratch)
{
    size_t count = m->regex->ins_count;
    size_t needed = memory_needed(count, m->slot_count);
    if (scratch->memory_size < needed) {
        void *memory = pz__mem_zero(&scratch->alloc, 1, needed);
        if (!memory)
            return false;
        pz__mem_free(&scratch->alloc, scratch->memory, scratch->memory_size, 1);
        scratch->memory = memory;
        scratch->memory_size = needed;
    }
    char *memory = scratch->memory;
    m->stack = (pending *)(void *)memory;
    memory += (2 * count + 2) * sizeof(pending);
    memory = lay_out(&m->now, memory, count, m->slot_count);
    lay_out(&m->next, memory, count, m->slot_count);
    return true;
}

pz_status pz__regex_nfa(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                        size_t from, pz__regex_span *spans, uint32_t span_count,
                        uint64_t step_limit, uint64_t *steps, bool *found)
{
    machine m = {.regex = regex, .text = text, .step_limit = step_limit};
    m.slot_count = 2 * span_count;
    *found = false;
    if (!take_memory(&m, scratch))
        return PZ_ERR_NOMEM;
    pz_status status = run(&m, from);
    *steps = m.steps;
    if (status != PZ_OK)
        return status;
    *found = m.is_matched;
    for (uint32_t i = 0; m.is_matched && i < span_count; i++) {
        pz__regex_span span = {m.best[2 * i], m.best[2 * i + 1]};
        bool is_whole = span.start != PZ__REGEX_NO_SPAN && span.end != PZ__REGEX_NO_SPAN;
        spans[i] = is_whole ? span : (pz__regex_span){PZ__REGEX_NO_SPAN, PZ__REGEX_NO_SPAN};
    }
    return PZ_OK;
}
