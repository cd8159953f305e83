/*
 * fuzz_regex.c: any bytes as a pattern and a text, split at the first newline.
 *
 * Compiling has to take or refuse with a message inside the pattern. Both matchers have to agree
 * about every pattern and text, and spans have to lie inside the text, in order.
 */
#include <stdlib.h>

#include "cel/regex_inner.h"

/* Longer ones only take longer. */
#define TEXT_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_spans(const pz__regex_span *spans, uint32_t count, pz_str text)
{
    require(spans[0].end != PZ__REGEX_NO_SPAN && spans[0].end <= text.len);
    for (uint32_t i = 0; i < count; i++) {
        require((spans[i].start == PZ__REGEX_NO_SPAN) == (spans[i].end == PZ__REGEX_NO_SPAN));
        require(spans[i].start <= spans[i].end);
        require(spans[i].end == PZ__REGEX_NO_SPAN || spans[i].end <= spans[0].end);
    }
}

static void check_match(const pz__regex *regex, pz_str text)
{
    pz__regex_scratch scratch;
    pz__regex_span fast[PZ__REGEX_SPANS_MAX], slow[PZ__REGEX_SPANS_MAX];
    uint64_t steps;
    bool answer, found;
    uint32_t count = regex->group_count + 1;
    count = count > PZ__REGEX_SPANS_MAX ? PZ__REGEX_SPANS_MAX : count;
    pz__regex_scratch_init(&scratch, NULL);
    require(pz__regex_matches(regex, &scratch, text, &answer) == PZ_OK);
    require(pz__regex_nfa(regex, &scratch, text, 0, slow, count, UINT64_MAX, &steps, &found) ==
            PZ_OK);
    require(answer == found);
    if (found)
        check_spans(slow, count, text);
    uint32_t compared = regex->loops_on_empty ? 0 : count;
    pz__regex_verdict verdict = pz__regex_pcre_match(regex, &scratch, text, 0, fast, compared);
    require(verdict == PZ__RV_GAVE_UP || (verdict == PZ__RV_YES) == found);
    if (verdict == PZ__RV_YES && compared)
        require(memcmp(fast, slow, compared * sizeof *fast) == 0);
    pz__regex_scratch_clear(&scratch);
}

static void check_walk(const pz__regex *regex, pz_str text)
{
    pz__regex_scratch scratch;
    pz__regex_walk walk = PZ__REGEX_WALK_INIT;
    pz__regex_span span;
    size_t before = 0;
    bool found = true;
    walk.budget = 1u << 20;
    pz__regex_scratch_init(&scratch, NULL);
    while (found) {
        pz_status status = pz__regex_next(regex, &scratch, text, &walk, &span, 1, &found);
        require(status == PZ_OK || (status == PZ_ERR_LIMIT && !found));
        require(!found || (span.start >= before && span.end >= span.start));
        before = found ? span.end : before;
    }
    pz__regex_scratch_clear(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const char *split = size ? memchr(bytes, '\n', size) : NULL;
    size_t pattern_len = split ? (size_t)(split - bytes) : size;
    pz_str text = {split ? split + 1 : "", split ? size - pattern_len - 1 : 0};
    pz_str pattern = {size ? bytes : "", pattern_len};
    pz__regex *regex;
    pz__regex_error error;
    pz_status status = pz__regex_compile(NULL, &regex, pattern, &error);
    if (status != PZ_OK) {
        require(regex == NULL && error.message[0] && error.offset <= pattern.len);
        return 0;
    }
    text.len = text.len > TEXT_MAX ? TEXT_MAX : text.len;
    text.len = pz__utf8_first_bad(text.data, text.len);
    check_match(regex, text);
    check_walk(regex, text);
    pz__regex_free(regex);
    return 0;
}
