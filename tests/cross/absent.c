/*
 * absent.c: stands in for the files that need a library which is not there for a foreign processor:
 * zlib, libuuid, PCRE2. Records stay plain, ids are always the same, and every pattern is matched
 * by the library's own matcher, which answers as PCRE2 does, later.
 */
#include "base/deflate.h"
#include "base/uuid.h"
#include "cel/regex_inner.h"

#include <string.h>

void pz__uuid_new(uint8_t out[16])
{
    memset(out, 7, 16);
}

void pz__uuid_print(const uint8_t id[16], char out[37])
{
    memset(out, '0' + id[0], 36);
    out[36] = '\0';
}

pz_status pz__deflate(pz__buf *out, const void *data, size_t len, int level)
{
    (void)out;
    (void)data;
    (void)len;
    (void)level;
    return PZ_ERR_LIMIT; /* as of what would not get shorter */
}

pz_status pz__inflate(pz__buf *out, const void *data, size_t len)
{
    (void)out;
    (void)data;
    (void)len;
    return PZ_ERR_CORRUPT;
}

void pz__regex_pcre_pattern(pz__buf *out, const pz__regex_tree *tree)
{
    (void)out;
    (void)tree;
}

pz_status pz__regex_pcre_compile(pz__regex *regex, const pz__regex_tree *tree, bool jit)
{
    (void)regex;
    (void)tree;
    (void)jit;
    return PZ_OK;
}

bool pz__regex_is_native(const pz__regex *regex)
{
    (void)regex;
    return false;
}

void pz__regex_pcre_free(pz__regex *regex)
{
    (void)regex;
}

void pz__regex_pcre_scratch_clear(pz__regex_scratch *scratch)
{
    (void)scratch;
}

pz__regex_verdict pz__regex_pcre_match(const pz__regex *regex, pz__regex_scratch *scratch,
                                       pz_str text, size_t from, pz__regex_span *spans,
                                       uint32_t span_count)
{
    (void)regex;
    (void)scratch;
    (void)text;
    (void)from;
    (void)spans;
    (void)span_count;
    return PZ__RV_GAVE_UP;
}
