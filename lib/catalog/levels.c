/*
 * levels.c: source classes, and the presets that leave some of them out.
 *
 * Data about a customer comes from six classes of source. A level names those that may be used:
 *
 *     basic          context
 *     demographic    context, declared, peers
 *     self-service   the same; the host offers choices
 *     deep           all
 *
 * A level is a mask, not a number: a regulator may forbid profiling while the customer's own layout
 * must be honoured. Masks that come from several sides unite, so the strictest wins and the order
 * in which they are put together does not matter. Choices themselves are never masked; the class
 * `choice` is of what was inferred from them, which is a guess like any other.
 *
 * "mask" lists classes one by one, where no preset says what is meant.
 */
#include "catalog/build.h"

#define BIT(class) (1u << PZ__CLASS_##class)
#define ALL_CLASSES                                                                                \
    (BIT(CONTEXT) | BIT(DECLARED) | BIT(PEERS) | BIT(CHOICE) | BIT(BEHAVIOUR) | BIT(CROSS_CHANNEL))

static const pz_str classes[] = {
    [PZ__CLASS_CONTEXT] = {"context", 7},     [PZ__CLASS_DECLARED] = {"declared", 8},
    [PZ__CLASS_PEERS] = {"peers", 5},         [PZ__CLASS_CHOICE] = {"choice", 6},
    [PZ__CLASS_BEHAVIOUR] = {"behaviour", 9}, [PZ__CLASS_CROSS_CHANNEL] = {"cross-channel", 13},
};
#define CLASS_COUNT ((uint32_t)(sizeof classes / sizeof *classes))

/* The presets, and what each lets through. */
static const pz_str levels[] = {
    {"basic", 5}, {"demographic", 11}, {"self-service", 12}, {"deep", 4}};
static const uint32_t allowed[] = {
    BIT(CONTEXT),
    BIT(CONTEXT) | BIT(DECLARED) | BIT(PEERS),
    BIT(CONTEXT) | BIT(DECLARED) | BIT(PEERS),
    ALL_CLASSES,
};
#define LEVEL_COUNT ((uint32_t)(sizeof levels / sizeof *levels))

pz_str pz__source_class_name(pz__source_class source_class)
{
    return classes[source_class];
}

bool pz__level_find(pz_str name, uint32_t *masked)
{
    for (uint32_t i = 0; i < LEVEL_COUNT; i++) {
        if (!pz__str_equal(levels[i], name))
            continue;
        *masked = ALL_CLASSES & ~allowed[i];
        return true;
    }
    return false;
}

pz_str pz__level_nearest(pz_str name)
{
    return pz__nearest(name, levels, LEVEL_COUNT);
}

bool pz__read_class(pz__build *build, const pz__node *node, pz__source_class *out)
{
    const pz_str text = pz_value_text(node->value);
    for (uint32_t i = 0; i < CLASS_COUNT; i++) {
        if (pz__str_equal(classes[i], text)) {
            *out = (pz__source_class)i;
            return true;
        }
    }
    pz__mistake(build, node->start, node->end, pz__nearest(text, classes, CLASS_COUNT),
                "there is no source class %s: there are context, declared, peers, choice, "
                "behaviour and cross-channel",
                pz__quoted(build, text));
    return false;
}

uint32_t pz__read_level(pz__build *build, const pz__node *node)
{
    const pz_str text = pz_value_text(node->value);
    uint32_t masked = 0;
    if (!pz__level_find(text, &masked))
        pz__mistake(build, node->start, node->end, pz__level_nearest(text),
                    "there is no level %s: there are basic, demographic, self-service and deep",
                    pz__quoted(build, text));
    return masked;
}

uint32_t pz__read_mask(pz__build *build, const pz__node *node)
{
    uint32_t masked = 0;
    if (node->child_count == 0)
        pz__mistake_at(build, node, "\"mask\" is empty: it names no source class");
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        pz__source_class source_class;
        if (child->value.kind != PZ_STRING)
            pz__mistake_at(build, child, "a source class must be a text, not %s",
                           pz__found(build, child->value));
        else if (pz__read_class(build, child, &source_class)) {
            if (masked & 1u << source_class)
                pz__mistake_at(build, child, "%s stands twice in \"mask\"",
                               pz__quoted(build, classes[source_class]));
            masked |= 1u << source_class;
        }
    }
    return masked;
}
