/*
 * grants.c: consents and links, where a denial beats what did not know of it.
 *
 * Each segment holds, for each kind and name, how often its own writer has denied, and its own
 * newest grant with the number of denials of each writer that this grant had seen:
 *
 *     w1   denials 2
 *     w2   grant at stamp 70, seen {w1: 1}      does not cover: w1 has denied once more since
 *     w3   grant at stamp 50, seen {w1: 2}      covers every denial, and decides
 *
 * No clock takes part in whether a grant covers, so a replica that slept through a denial cannot
 * grant over it, however new its stamp is. Among grants that cover, the newest decides; whether it
 * has lapsed is for the reader to say, who knows the time. A lapsed grant goes on covering.
 *
 * A segment's new grant has seen at least what its old one had: a writer does not lose knowledge,
 * even where the replica it now works on lacks somebody's segment.
 *
 * Names of links are subject ids and may be any bytes; names of purposes are text.
 *
 * Not here: which people links make one (identity), what a denial erases (the verbs above).
 */
#include "profile/state.h"

#include <string.h>

#define STRENGTH_MAX 65536u

/* ---- finding ---- */

static int compare_name(unsigned kind, pz_str name, const pz__own_grant *grant)
{
    const int by = (kind > grant->kind) - (kind < grant->kind);
    return by ? by : pz__str_compare(name, grant->name);
}

static bool find(const pz__segment *segment, unsigned kind, pz_str name, uint32_t *index)
{
    uint32_t low = 0, high = segment->grant_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int by = compare_name(kind, name, &segment->grants[middle]);
        *index = middle;
        if (by == 0)
            return true;
        if (by > 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

static const pz__own_grant *grant_of(const pz__segment *segment, unsigned kind, pz_str name)
{
    uint32_t index;
    return find(segment, kind, name, &index) ? &segment->grants[index] : NULL;
}

static uint32_t seen_of(const pz__own_grant *grant, pz_str writer)
{
    for (uint32_t i = 0; i < grant->seen_count; i++)
        if (pz__str_equal(grant->seen[i].writer, writer))
            return grant->seen[i].count;
    return 0;
}

/* ---- what all segments say ---- */

/* What the segments hold about one name, side by side. */
typedef struct voices {
    const pz__own_grant *of[PZ__PROFILE_WRITERS_MAX]; /* NULL: nothing */
    uint32_t count;
} voices;

static bool gather(const pz__profile *profile, unsigned kind, pz_str name, voices *out)
{
    bool has_any = false;
    out->count = profile->segment_count;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        out->of[i] = grant_of(profile->segments[i], kind, name);
        has_any |= out->of[i] != NULL;
    }
    return has_any;
}

static bool has_seen(const pz__profile *profile, const pz__own_grant *grant, const voices *all,
                     uint32_t denier)
{
    return seen_of(grant, profile->segments[denier]->writer) >= all->of[denier]->denials;
}

static bool covers_all(const pz__profile *profile, const pz__own_grant *grant, const voices *all)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->of[i] && all->of[i]->denials && !has_seen(profile, grant, all, i))
            return false;
    return true;
}

/* The newest by (stamp, writer) of the grants that cover every denial; segments stand by writer. */
static void decide(const pz__profile *profile, const voices *all, pz__grant *out)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const pz__own_grant *grant = all->of[i];
        if (!grant || !grant->has_grant || (out->is_granted && grant->stamp < out->stamp) ||
            !covers_all(profile, grant, all))
            continue;
        out->is_granted = true;
        out->stamp = grant->stamp;
        out->at_ms = grant->at_ms;
        out->expires_ms = grant->expires_ms;
        out->strength = grant->strength;
        out->channel = grant->channel;
        out->who = grant->who;
        out->writer = profile->segments[i]->writer;
    }
}

static bool is_uncovered(const pz__profile *profile, const voices *all, uint32_t denier)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->of[i] && all->of[i]->has_grant && has_seen(profile, all->of[i], all, denier))
            return false;
    return true;
}

static void weigh_denials(const pz__profile *profile, const voices *all, pz__grant *out)
{
    int64_t newest = INT64_MIN;
    for (uint32_t i = 0; i < all->count; i++) {
        if (!all->of[i] || all->of[i]->denials == 0)
            continue;
        if (all->of[i]->denied_stamp >= newest) {
            newest = all->of[i]->denied_stamp;
            out->denied_at_ms = all->of[i]->denied_at_ms;
        }
        out->is_denied |= is_uncovered(profile, all, i);
    }
}

bool pz__grant_ask(const pz__profile *profile, pz__grant_kind kind, pz_str name, pz__grant *out)
{
    voices all;
    *out = (pz__grant){.kind = (uint8_t)kind};
    if (!gather(profile, (unsigned)kind, name, &all))
        return false;
    decide(profile, &all, out);
    weigh_denials(profile, &all, out);
    for (uint32_t i = 0; i < all.count && !out->name.data; i++)
        if (all.of[i])
            out->name = all.of[i]->name;
    return true;
}

/* ---- the sealed list ---- */

/* Of what all segments name, the first that is greater than (kind, name). */
static const pz__own_grant *next_name(const pz__profile *profile, const pz__own_grant *last)
{
    const pz__own_grant *least = NULL;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz__segment *segment = profile->segments[i];
        uint32_t index = 0;
        if (last && find(segment, last->kind, last->name, &index))
            index++;
        if (index == segment->grant_count)
            continue;
        const pz__own_grant *here = &segment->grants[index];
        if (!least || compare_name(here->kind, here->name, least) < 0)
            least = here;
    }
    return least;
}

pz_status pz__grants_seal(pz__profile *profile)
{
    pz__sealed *sealed = &profile->sealed;
    uint32_t count = 0;
    for (const pz__own_grant *at = next_name(profile, NULL); at; at = next_name(profile, at)) {
        void *list = sealed->grants;
        if (!pz__reserve(&profile->alloc, &list, &sealed->grant_cap, count, 1, sizeof(pz__grant)))
            return PZ_ERR_NOMEM;
        sealed->grants = list;
        pz__grant_ask(profile, (pz__grant_kind)at->kind, at->name, &sealed->grants[count++]);
    }
    sealed->grant_count = count;
    return PZ_OK;
}

pz__grants pz__profile_grants(const pz__profile *profile, pz__grant_kind kind)
{
    const pz__sealed *sealed = &profile->sealed;
    uint32_t first = 0, end = 0;
    while (first < sealed->grant_count && sealed->grants[first].kind < (uint8_t)kind)
        first++;
    for (end = first; end < sealed->grant_count && sealed->grants[end].kind == (uint8_t)kind;)
        end++;
    return (pz__grants){end > first ? sealed->grants + first : NULL, end - first};
}

bool pz__profile_has_links(const pz__profile *profile)
{
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->grant_count; i++)
            if (segment->grants[i].kind == PZ__GRANT_LINK)
                return true;
    }
    return false;
}

const pz__grant *pz__profile_find_grant(const pz__profile *profile, pz__grant_kind kind,
                                        pz_str name)
{
    const pz__grants all = pz__profile_grants(profile, kind);
    uint32_t low = 0, high = all.count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int by = pz__str_compare(all.list[middle].name, name);
        if (by == 0)
            return &all.list[middle];
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- granting and denying ---- */

static pz_status check_name(const pz__profile *profile, pz__grant_kind kind, pz_str name,
                            pz_error *err)
{
    if (kind != PZ__GRANT_PURPOSE && kind != PZ__GRANT_LINK)
        return pz__fail(err, PZ_ERR_ARG, "%d is no kind of grant", (int)kind);
    if (name.len == 0)
        return pz__fail(err, PZ_ERR_ARG, "a purpose or subject has no empty name");
    if (kind == PZ__GRANT_PURPOSE)
        return pz__text_check(name, PZ__NAME_MAX, "the purpose", err);
    if (name.len > PZ__SUBJECT_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "a subject id has at most %u bytes", PZ__SUBJECT_MAX);
    if (pz__str_equal(name, pz__profile_subject(profile)))
        return pz__fail(err, PZ_ERR_ARG, "a profile is not linked with itself");
    return PZ_OK;
}

static uint32_t greater(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The denials of everybody that a grant made now has seen, those its predecessor had seen
 * included, by writer. Both lists are sorted; a writer without a segment here comes from the old.
 */
static bool keep_seen(const pz__profile *profile, pz__segment *segment, const pz__own_grant *old,
                      const voices *all, pz__own_grant *made)
{
    const uint32_t old_count = old ? old->seen_count : 0;
    pz__seen_denials *list =
        pz__arena_array(&segment->arena, (size_t)all->count + old_count, sizeof *list);
    if (!list)
        return false;
    segment->added += ((size_t)all->count + old_count) * sizeof *list;
    uint32_t count = 0, i = 0, j = 0;
    while (i < all->count || j < old_count) {
        const int by = i == all->count ? 1
                       : j == old_count
                           ? -1
                           : pz__str_compare(profile->segments[i]->writer, old->seen[j].writer);
        const uint32_t here = by <= 0 && all->of[i] ? all->of[i]->denials : 0;
        const uint32_t before = by >= 0 ? old->seen[j].count : 0;
        if (here || before) {
            list[count].count = greater(here, before);
            if (by >= 0)
                list[count].writer = old->seen[j].writer;
            else if (!pz__segment_keep_text(segment, profile->segments[i]->writer,
                                            &list[count].writer))
                return false;
            count++;
        }
        i += by <= 0;
        j += by >= 0;
    }
    made->seen = list;
    made->seen_count = count;
    return true;
}

static bool make_grant(const pz__profile *profile, pz__segment *segment, const pz__write *write,
                       uint32_t strength, const pz__own_grant *old, pz__own_grant *made)
{
    voices all;
    gather(profile, made->kind, made->name, &all);
    made->has_grant = true;
    made->at_ms = write->at_ms;
    made->expires_ms = write->expires_ms;
    made->strength = strength;
    return pz__segment_keep_text(segment, write->channel, &made->channel) &&
           pz__segment_keep_text(segment, write->who, &made->who) &&
           keep_seen(profile, segment, old, &all, made);
}

static bool make_denial(pz__segment *segment, const pz__write *write, pz__own_grant *made)
{
    made->denials++;
    made->denied_at_ms = write->at_ms;
    return pz__segment_keep_text(segment, write->channel, &made->denied_channel) &&
           pz__segment_keep_text(segment, write->who, &made->denied_who);
}

/* Strength 0: a denial. */
static pz_status put_grant(pz__profile *profile, pz__segment *segment, const pz__write *write,
                           uint8_t kind, pz_str name, bool is_grant, uint32_t strength,
                           pz_error *err)
{
    uint32_t index;
    const bool is_there = find(segment, kind, name, &index);
    const pz__own_grant *old = is_there ? &segment->grants[index] : NULL;
    const uint32_t most = kind == PZ__GRANT_LINK
                              ? PZ__SEGMENT_GRANTS_MAX - PZ__SEGMENT_GRANTS_OF_PURPOSES
                              : PZ__SEGMENT_GRANTS_MAX;
    if (!is_there && segment->grant_count >= most)
        return pz__fail(err, PZ_ERR_LIMIT, "this writer holds %u consents and links already",
                        segment->grant_count);
    if (!is_grant && is_there && old->denials == UINT32_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "this writer's denials are used up");
    int64_t stamp;
    pz_status status = pz__stamp_next(profile, write->now_ms, &stamp, err);
    if (status != PZ_OK)
        return status;
    pz__own_grant made = old ? *old : (pz__own_grant){.kind = kind};
    bool is_kept = is_there || pz__segment_keep_text(segment, name, &made.name);
    is_kept = is_kept && (is_grant ? make_grant(profile, segment, write, strength, old, &made)
                                   : make_denial(segment, write, &made));
    *(is_grant ? &made.stamp : &made.denied_stamp) = stamp;
    void *list = segment->grants;
    is_kept = is_kept && pz__reserve(&segment->alloc, &list, &segment->grant_cap,
                                     segment->grant_count, 1, sizeof made);
    segment->grants = list;
    if (!is_kept)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    const size_t loss = is_there ? pz__grant_cost(&segment->grants[index]) : 0;
    status = pz__edit_check_size(profile, pz__grant_cost(&made), loss, kind != PZ__GRANT_LINK, err);
    if (status != PZ_OK)
        return status;
    if (!is_there)
        memmove(&segment->grants[index + 1], &segment->grants[index],
                (segment->grant_count++ - index) * sizeof made);
    segment->grants[index] = made;
    segment->cost = segment->cost + pz__grant_cost(&made) - loss;
    segment->max_stamp = stamp;
    return PZ_OK;
}

static pz_status write_grant(pz__profile *profile, const pz__write *write, pz__grant_kind kind,
                             pz_str name, bool is_grant, uint32_t strength, pz_error *err)
{
    pz_status status = pz__write_check(write, err);
    if (status == PZ_OK)
        status = check_name(profile, kind, name, err);
    if (status != PZ_OK)
        return status;
    pz__edit edit;
    status = pz__edit_begin(profile, write->writer, false, &edit, err);
    if (status != PZ_OK)
        return status;
    pz__segment *segment = edit.segment;
    const pz__mark mark = pz__arena_mark(&segment->arena);
    const size_t added = segment->added;
    status = put_grant(profile, segment, write, (uint8_t)kind, name, is_grant, strength, err);
    if (status != PZ_OK) {
        pz__arena_return(&segment->arena, mark);
        segment->added = added;
    }
    pz__edit_end(profile, &edit, status == PZ_OK, PZ__CHANGED_GRANTS);
    return status;
}

pz_status pz__profile_grant(pz__profile *profile, const pz__write *write, pz__grant_kind kind,
                            pz_str name, uint32_t strength, pz_error *err)
{
    const bool is_link = kind == PZ__GRANT_LINK;
    if (is_link ? strength == 0 || strength > STRENGTH_MAX : strength != 0)
        return pz__fail(err, PZ_ERR_ARG, "a link has a strength of 1 to %u, a purpose none",
                        STRENGTH_MAX);
    return write_grant(profile, write, kind, name, true, strength, err);
}

pz_status pz__profile_deny(pz__profile *profile, const pz__write *write, pz__grant_kind kind,
                           pz_str name, pz_error *err)
{
    return write_grant(profile, write, kind, name, false, 0, err);
}

/* ---- persons ---- */

static bool is_in_force(const pz__grant *grant, int64_t now_ms)
{
    return grant->is_granted && grant->at_ms <= now_ms &&
           (grant->expires_ms == 0 || now_ms < grant->expires_ms);
}

bool pz__person_grants(const pz__person *person, pz_str purpose, int64_t now_ms)
{
    bool is_granted = false;
    for (uint32_t i = 0; i < person->count; i++) {
        pz__grant grant;
        if (!pz__grant_ask(person->members[i], PZ__GRANT_PURPOSE, purpose, &grant))
            continue;
        if (grant.is_denied)
            return false;
        is_granted |= is_in_force(&grant, now_ms);
    }
    return is_granted;
}
