/*
 * cel_trip.c: every expression of the published cases, parsed, printed and parsed again.
 *
 * A case passes if the second tree is the first one, node for node, and if printing it once more
 * gives the same text; with macros and, read as plain calls, without. An expression that is meant
 * not to parse has no tree and is skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cel/tree.h"
#include "suite.h"

static const char *const faults[] = {[TREE_REFUSED] = "what is printed does not parse",
                                     [TREE_CHANGED] = "what is printed is another tree",
                                     [TREE_UNSTEADY] = "it is printed in two ways"};

/* True if it was kept; false, with a line about it, if it was not; `read` if it parses at all. */
static bool keeps(pz_str id, pz_str source, bool no_macros, bool *read)
{
    pz__buf text;
    pz__buf_init(&text, NULL, 1u << 20);
    const tree_trip trip = tree_trip_of(source, no_macros, &text);
    const bool faulty = trip != TREE_KEPT && trip != TREE_UNREADABLE;
    *read |= trip != TREE_UNREADABLE;
    if (faulty)
        printf("%.*s: %s%s: %.*s\n", PZ__STR_ARG(id), faults[trip],
               no_macros ? ", without macros" : "", (int)text.len, text.data);
    pz__buf_clear(&text);
    return !faulty;
}

static void run_line(const char *line, size_t len, counts *result)
{
    pz__arena arena;
    pz_value json = pz_value_null();
    pz__arena_init(&arena, NULL, 0);
    if (pz__json_read(&arena, &json, line, len, 0, NULL) != PZ_OK) {
        printf("a line that is no JSON\n");
        result->failed++;
    } else {
        const pz_str id = pz_value_text(pz_value_get(json, "id", 2, NULL));
        const pz_str source = pz_value_text(pz_value_get(json, "expr", 4, NULL));
        bool read = false;
        const bool kept = keeps(id, source, false, &read) && keeps(id, source, true, &read);
        if (!kept)
            result->failed++;
        else if (read)
            result->passed++;
        else
            result->skipped++;
    }
    pz__arena_clear(&arena);
}

void suite_cel_trip(const char *path, counts *result)
{
    suite_lines(path, run_line, result);
}
