/*
 * names.c: the words for tiers, reasons and fates.
 *
 * The texts are part of the API: they stand in decisions, in explanations, in rules (`tier(...)`)
 * and in test data, so they never change. Each table is indexed by its enum; a number that is none,
 * as damaged or newer data may hold, gives "?" rather than a read beyond the table.
 *
 * Reasons follow OpenFeature where it has a word (DEFAULT, DISABLED); the others name the tier or
 * what was done to the value.
 */
#include "resolve/resolve.h"

#define NAME_OF(names, number)                                                                     \
    ((size_t)(number) < sizeof(names) / sizeof((names)[0]) ? (names)[number] : "?")

static const char *const tier_names[] = {
    [PZ__TIER_NONE] = "NONE",         [PZ__TIER_LOCK] = "LOCK",
    [PZ__TIER_CHOICE] = "CHOICE",     [PZ__TIER_ACCOUNT_CHOICE] = "ACCOUNT_CHOICE",
    [PZ__TIER_DECLARED] = "DECLARED", [PZ__TIER_INFERRED] = "INFERRED",
    [PZ__TIER_GROUP] = "GROUP",       [PZ__TIER_RECOMMENDED] = "RECOMMENDED",
    [PZ__TIER_DEFAULT] = "DEFAULT",
};

static const char *const reason_names[] = {
    [PZ__REASON_UNRESOLVED] = "UNRESOLVED",   [PZ__REASON_LOCKED] = "LOCKED",
    [PZ__REASON_EXPLICIT] = "EXPLICIT",       [PZ__REASON_DECLARED] = "DECLARED",
    [PZ__REASON_INFERRED] = "INFERRED",       [PZ__REASON_GROUP] = "GROUP",
    [PZ__REASON_RECOMMENDED] = "RECOMMENDED", [PZ__REASON_DEFAULT] = "DEFAULT",
    [PZ__REASON_DISABLED] = "DISABLED",       [PZ__REASON_BOUNDED] = "BOUNDED",
};

static const char *const fate_names[] = {
    [PZ__FATE_USED] = "USED",           [PZ__FATE_SHADOWED] = "SHADOWED",
    [PZ__FATE_EXPIRED] = "EXPIRED",     [PZ__FATE_FUTURE] = "FUTURE",
    [PZ__FATE_UNCERTAIN] = "UNCERTAIN", [PZ__FATE_MODE] = "MODE",
    [PZ__FATE_REJECTED] = "REJECTED",   [PZ__FATE_BOUNDED] = "BOUNDED",
    [PZ__FATE_MASKED] = "MASKED",       [PZ__FATE_DENIED] = "DENIED",
};

const char *pz__tier_name(pz__tier tier)
{
    return NAME_OF(tier_names, tier);
}

const char *pz__reason_name(pz__reason reason)
{
    return NAME_OF(reason_names, reason);
}

const char *pz__fate_name(pz__fate fate)
{
    return NAME_OF(fate_names, fate);
}
