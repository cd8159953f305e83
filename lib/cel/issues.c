/*
 * issues.c: gathering mistakes.
 *
 * A compilation goes on after a mistake so that an author sees all of them at once, up to a bound.
 * The status of the whole is that of the first one, but memory running out overrides: then nothing
 * else that was found can be relied on. Messages live inside the issues and are cut at a character.
 */
#include "cel/issues.h"

#include <stdarg.h>
#include <stdio.h>

static void trim_to_character(char *message, size_t len)
{
    while (len > 0 && ((unsigned char)message[len - 1] & 0xc0) == 0x80)
        len--;
    if (len > 0 && (unsigned char)message[len - 1] >= 0xc0)
        message[len - 1] = '\0';
}

pz_status pz__issue_nomem(pz__issue_sink *sink)
{
    return sink->status = PZ_ERR_NOMEM;
}

pz__cel_issue *pz__issue(pz__issue_sink *sink, pz_status status, uint32_t start, uint32_t end,
                         const char *format, ...)
{
    if (sink->status == PZ_OK)
        sink->status = status;
    if (sink->count == PZ__CEL_ISSUES_MAX)
        return NULL;
    if (!sink->list)
        sink->list = pz__arena_zero(sink->arena, PZ__CEL_ISSUES_MAX, sizeof *sink->list);
    if (!sink->list) {
        pz__issue_nomem(sink);
        return NULL;
    }
    pz__cel_issue *issue = &sink->list[sink->count++];
    *issue = (pz__cel_issue){.start = start, .end = end};
    va_list args;
    va_start(args, format);
    int len = vsnprintf(issue->message, sizeof issue->message, format, args);
    va_end(args);
    if (len >= (int)sizeof issue->message)
        trim_to_character(issue->message, sizeof issue->message - 1);
    return issue;
}

void pz__issue_suggest(pz__issue_sink *sink, pz__cel_issue *issue, pz_str name)
{
    if (!issue || name.len == 0)
        return;
    const char *copy = pz__arena_text(sink->arena, name.data, name.len);
    if (copy)
        issue->suggestion = (pz_str){copy, name.len};
    else
        pz__issue_nomem(sink);
}

const char *pz__word_operator(pz_str word)
{
    static const char *const words[][2] = {{"and", "&&"}, {"AND", "&&"}, {"or", "||"},
                                           {"OR", "||"},  {"not", "!"},  {"NOT", "!"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (pz__str_equal(word, pz_str_of(words[i][0])))
            return words[i][1];
    return NULL;
}
