/*
 * levels.c: the four levels of personalization, as presets of masks.
 *
 * A level is a name for a set of source classes that may be used; what a request computes with is
 * the set of those that may not. A mask rather than a number, because the levels are not a ladder
 * for everything: a regulator may forbid profiling while the customer's own choices must be
 * honoured. Choices are never masked, so the class has no bit in any preset.
 *
 *     level         may be used besides choices
 *     basic         context
 *     demographic   context, declared facts, peers
 *     self-service  the same; the host offers choices
 *     deep          everything
 */
#include "catalog/catalog.h"

#define BIT(source_class) (1u << (source_class))
#define PROFILING (BIT(PZ__CLASS_BEHAVIOUR) | BIT(PZ__CLASS_CROSS_CHANNEL))

static const struct {
    const char *name;
    uint32_t masked;
} levels[] = {
    {"basic", PROFILING | BIT(PZ__CLASS_DECLARED) | BIT(PZ__CLASS_PEERS)},
    {"demographic", PROFILING},
    {"self-service", PROFILING},
    {"deep", 0},
};

bool pz__level_find(pz_str name, uint32_t *masked)
{
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (!pz__str_equal(name, pz_str_of(levels[i].name)))
            continue;
        *masked = levels[i].masked;
        return true;
    }
    return false;
}
