/*
 * join.c: two replicas of one profile become one.
 *
 * Per writer the segment with the greater (sequence, erased, bytes) is kept, bytes compared as
 * text. That is the maximum of a total order, taken writer by writer, so joining is commutative,
 * associative and idempotent whatever the segments hold, sections that this version does not know
 * included. A writer that is a store never makes two segments of one sequence, but others drop from
 * one what was forgotten (purge.c): the one that lost more is the later. Where somebody restored a
 * backup without a new writer id, all replicas still agree on which of the two lives on.
 *
 * What one side forgot may then stand in a segment of the other: whoever joins scrubs afterwards.
 *
 * The winners from the other side are copied first. Only when all are there, and count and size are
 * within limits, do they take their places, which cannot fail.
 */
#include "profile/state.h"

#include <string.h>

/* What the joined profile will hold: segments of ours and fresh copies of theirs. */
typedef struct joined {
    pz__segment *list[PZ__PROFILE_WRITERS_MAX];
    bool is_fresh[PZ__PROFILE_WRITERS_MAX];
    uint32_t count;
    bool is_changed;
} joined;

/* Canonical bytes: those the segment came with, or made in `made`. */
static pz_status bytes_of(const pz__segment *segment, pz__buf *made, pz_str *out)
{
    *out = segment->raw;
    if (out->data)
        return PZ_OK;
    pz_status status = pz__segment_encode(segment, made);
    *out = (pz_str){made->data, made->len};
    return status;
}

/* Compare by (sequence, erased, bytes). */
static pz_status compare(const pz__segment *a, const pz__segment *b, int *out)
{
    *out = (a->sequence > b->sequence) - (a->sequence < b->sequence);
    if (*out == 0)
        *out = (a->erased > b->erased) - (a->erased < b->erased);
    if (*out != 0)
        return PZ_OK;
    pz__buf made_a, made_b;
    pz__buf_init(&made_a, &a->alloc, SIZE_MAX);
    pz__buf_init(&made_b, &a->alloc, SIZE_MAX);
    pz_str bytes_a, bytes_b;
    pz_status status = bytes_of(a, &made_a, &bytes_a);
    if (status == PZ_OK)
        status = bytes_of(b, &made_b, &bytes_b);
    if (status == PZ_OK)
        *out = pz__str_compare(bytes_a, bytes_b);
    pz__buf_clear(&made_a);
    pz__buf_clear(&made_b);
    return status;
}

static pz_status take(joined *result, pz__segment *own, const pz_alloc *alloc,
                      const pz__segment *theirs)
{
    uint32_t i = result->count;
    if (i == PZ__PROFILE_WRITERS_MAX)
        return PZ_ERR_LIMIT;
    int by = -1;
    pz_status status = own && theirs ? compare(own, theirs, &by) : PZ_OK;
    if (status != PZ_OK)
        return status;
    bool is_fresh = theirs && (!own || by < 0);
    if (is_fresh)
        status = pz__segment_copy(&result->list[i], alloc, theirs);
    else
        result->list[i] = own;
    if (status != PZ_OK)
        return status;
    result->is_fresh[i] = is_fresh;
    result->is_changed |= is_fresh;
    result->count++;
    return PZ_OK;
}

/* Walk both lists, which are sorted by writer, and take the greater of each writer's segments. */
static pz_status merge(joined *result, const pz__profile *a, const pz__profile *b)
{
    uint32_t i = 0, j = 0;
    pz_status status = PZ_OK;
    while (status == PZ_OK && (i < a->segment_count || j < b->segment_count)) {
        int by = i == a->segment_count ? 1
                 : j == b->segment_count
                     ? -1
                     : pz__str_compare(a->segments[i]->writer, b->segments[j]->writer);
        status = take(result, by <= 0 ? a->segments[i] : NULL, &a->alloc,
                      by >= 0 ? b->segments[j] : NULL);
        i += by <= 0;
        j += by >= 0;
    }
    return status;
}

/* The exact size matters only where the upper bound is too large. */
static pz_status check_size(const joined *result, const pz_alloc *alloc)
{
    size_t cost = PZ__SUBJECT_MAX + 16, size;
    for (uint32_t i = 0; i < result->count; i++)
        cost += result->list[i]->cost;
    return cost <= PZ__PROFILE_BYTES_MAX
               ? PZ_OK
               : pz__segments_size(result->list, result->count, alloc, &size);
}

static void discard(joined *result)
{
    for (uint32_t i = 0; i < result->count; i++)
        if (result->is_fresh[i])
            pz__segment_free(result->list[i]);
}

static void adopt(pz__profile *profile, const joined *result)
{
    uint32_t old = 0;
    for (uint32_t i = 0; i < result->count; i++) {
        bool is_own = old < profile->segment_count &&
                      pz__str_equal(profile->segments[old]->writer, result->list[i]->writer);
        if (is_own && result->is_fresh[i])
            pz__segment_free(profile->segments[old]);
        old += is_own;
    }
    memcpy(profile->segments, result->list, result->count * sizeof result->list[0]);
    profile->segment_count = result->count;
    profile->erasures++;
    pz__cover_drop(profile);
    pz__profile_changed(profile, PZ__CHANGED_ALL);
}

static pz_status join_decoded(pz__profile *profile, const pz__profile *other, pz_error *err)
{
    joined result = {.count = 0};
    pz_status status = merge(&result, profile, other);
    if (status == PZ_OK && result.is_changed)
        status = check_size(&result, &profile->alloc);
    if (status != PZ_OK) {
        discard(&result);
        return pz__fail(err, status,
                        "the joined profile has too many writers or bytes, or memory "
                        "ran out");
    }
    if (result.is_changed)
        adopt(profile, &result);
    return PZ_OK;
}

pz_status pz__profile_join(pz__profile *profile, const pz__profile *other, pz_error *err)
{
    if (profile->kind != other->kind ||
        !pz__str_equal(pz__profile_subject(profile), pz__profile_subject(other)))
        return pz__fail(err, PZ_ERR_SUBJECT, "the profiles belong to different subjects");
    if (!other->bytes.data)
        return join_decoded(profile, other, err);
    pz__profile *decoded;
    pz_status status =
        pz__profile_decode(&decoded, &profile->alloc, other->bytes.data, other->bytes.len, err);
    if (status == PZ_OK)
        status = join_decoded(profile, decoded, err);
    pz__profile_free(decoded);
    return status;
}
