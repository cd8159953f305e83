/*
 * error.c: status names and texts, and filling the error that a caller owns.
 *
 * Names, numbers and texts come from PZ_STATUS_MAP in the public header and nowhere else. A message
 * is formatted into the fixed room of the caller's struct: reporting that memory ran out must not
 * need memory. A message that is too long is cut before a UTF-8 sequence, never inside one, and
 * bytes that are no UTF-8 become question marks: a message is always text.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

const char *pz_status_name(pz_status status)
{
    switch (status) {
#define PZ_STATUS_NAME(name, code, text)                                                           \
    case PZ_##name:                                                                                \
        return #name;
        PZ_STATUS_MAP(PZ_STATUS_NAME)
#undef PZ_STATUS_NAME
    }
    return "ERR_?";
}

const char *pz_status_text(pz_status status)
{
    switch (status) {
#define PZ_STATUS_TEXT(name, code, text)                                                           \
    case PZ_##name:                                                                                \
        return text;
        PZ_STATUS_MAP(PZ_STATUS_TEXT)
#undef PZ_STATUS_TEXT
    }
    return "not a status of this library";
}

#define STRING_OF(x) #x
#define VERSION_TEXT(major, minor, patch) STRING_OF(major) "." STRING_OF(minor) "." STRING_OF(patch)

const char *pz_version(void)
{
    return VERSION_TEXT(PZ_VERSION_MAJOR, PZ_VERSION_MINOR, PZ_VERSION_PATCH);
}

pz_str pz_str_of(const char *text)
{
    return (pz_str){text, text ? strlen(text) : 0};
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Length without a last sequence that the cut at `len` left incomplete. */
static size_t whole_characters(const char *message, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 3 && is_continuation(message[start - 1]))
        start--;
    if (start == 0)
        return len;
    unsigned char lead = (unsigned char)message[start - 1];
    size_t needs = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return needs > len - (start - 1) ? start - 1 : len;
}

/* Messages quote what was read, which may be anything. */
static void replace_bad_bytes(char *message, size_t len)
{
    size_t i = pz__utf8_first_bad(message, len);
    while (i < len) {
        message[i] = '?';
        i += pz__utf8_first_bad(message + i, len - i);
    }
}

static void fill(pz_error *err, pz_status status, uint32_t line, uint32_t column,
                 const char *format, va_list args)
{
    if (!err)
        return;
    /* Formatted aside, for the arguments may quote the message of this very error. */
    char message[PZ_ERROR_MESSAGE_MAX] = "";
    int wanted = vsnprintf(message, sizeof message, format, args);
    size_t len = wanted < 0 ? 0 : (size_t)wanted;
    if (len >= sizeof message)
        len = whole_characters(message, sizeof message - 1);
    replace_bad_bytes(message, len);
    err->status = status;
    err->line = line;
    err->column = column;
    memcpy(err->message, message, len);
    err->message[len] = '\0';
}

pz_status pz__fail(pz_error *err, pz_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, status, 0, 0, format, args);
    va_end(args);
    return status;
}

pz_status pz__fail_at(pz_error *err, pz_status status, uint32_t line, uint32_t column,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, status, line, column, format, args);
    va_end(args);
    return status;
}

void pz__locate(const char *text, size_t len, size_t offset, uint32_t *line, uint32_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset && i < len; i++) {
        bool ends = text[i] == '\n' || (text[i] == '\r' && !(i + 1 < len && text[i + 1] == '\n'));
        if (ends) {
            ++*line;
            *column = 1;
        } else if (!is_continuation(text[i]) && text[i] != '\r') {
            ++*column;
        }
    }
}
