/*
 * mistakes.c: how a mistake of the document comes into the report.
 *
 * Whoever finds a mistake knows the bytes it stands on, and nothing else is asked: the path
 * ("attributes.language.default") is found by walking the nodes down to the innermost one that
 * encloses them, so no path has to be carried along while reading. Texts of the document appear in
 * messages quoted, escaped and cut, since anything may stand in them.
 *
 * Memory is here too, because running out of it is the one mistake that has no place: it is noted
 * in the build and reading goes on to the next occasion to stop.
 */
#include "catalog/build.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

#define PATH_MAX_BYTES ((size_t)512)
#define SHOWN_MAX 60u
#define MESSAGE_MAX 1024

/* ---- memory ---- */

static void *zeroed(pz__build *build, pz__arena *arena, size_t count, size_t size)
{
    void *piece = pz__arena_zero(arena, count, size);
    if (!piece)
        build->is_out_of_memory = true;
    return piece;
}

void *pz__keep(pz__build *build, size_t count, size_t size)
{
    return zeroed(build, build->arena, count, size);
}

void *pz__work(pz__build *build, size_t count, size_t size)
{
    return zeroed(build, build->scratch, count, size);
}

bool pz__more(pz__build *build, void **list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return true;
    uint32_t wider = *cap ? *cap * 2 : 16;
    void *grown = pz__work(build, wider, size);
    if (!grown)
        return false;
    if (count)
        memcpy(grown, *list, count * size);
    *list = grown;
    *cap = wider;
    return true;
}

/* ---- paths ---- */

/* The child whose name or value holds the bytes, or NULL. */
static const pz__node *child_around(const pz__node *node, uint32_t start, uint32_t end)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        const pz__node *child = &node->children[i];
        uint32_t first = node->value.kind == PZ_MAP ? child->key_start : child->start;
        if (start >= first && end <= child->end)
            return child;
    }
    return NULL;
}

static void put_step(pz__buf *path, const pz__node *parent, const pz__node *child)
{
    if (parent->value.kind == PZ_LIST) {
        pz__buf_format(path, "[%u]", (uint32_t)(child - parent->children));
        return;
    }
    if (path->len)
        pz__buf_byte(path, '.');
    pz__buf_put(path, child->key.data, child->key.len);
}

/* The path of the innermost node around bytes [start, end); cut where it grows too long. */
static void put_path(pz__buf *path, const pz__node *root, uint32_t start, uint32_t end)
{
    const pz__node *node = root;
    while (node && path->status == PZ_OK) {
        const pz__node *child = child_around(node, start, end);
        if (child)
            put_step(path, node, child);
        node = child;
    }
}

/* ---- adding ---- */

static void add(pz__build *build, pz_severity severity, uint32_t start, uint32_t end,
                pz_str nearest, const char *format, va_list args)
{
    if (pz__is_stopped(build))
        return;
    build->error_count += severity == PZ_ERROR;
    build->warning_count += severity == PZ_WARNING;
    char message[MESSAGE_MAX];
    vsnprintf(message, sizeof message, format, args);
    pz__mark mark = pz__arena_mark(build->scratch);
    char *suggestion = pz__arena_text(build->scratch, nearest.len ? nearest.data : "", nearest.len);
    pz__buf path;
    pz__buf_init(&path, &build->alloc, PATH_MAX_BYTES);
    if (build->root)
        put_path(&path, build->root, start, end);
    if (!suggestion || path.status == PZ_ERR_NOMEM)
        build->is_out_of_memory = true;
    else
        pz__report_add(build->report, severity, build->catalog->file, build->catalog->source, start,
                       end, (pz_str){path.data, path.len}, suggestion, "%s", message);
    pz__buf_clear(&path);
    pz__arena_return(build->scratch, mark);
}

void pz__mistake(pz__build *build, uint32_t start, uint32_t end, pz_str nearest, const char *format,
                 ...)
{
    va_list args;
    va_start(args, format);
    add(build, PZ_ERROR, start, end, nearest, format, args);
    va_end(args);
}

void pz__warning(pz__build *build, uint32_t start, uint32_t end, const char *format, ...)
{
    va_list args;
    if (pz__is_warned_enough(build))
        return;
    va_start(args, format);
    add(build, PZ_WARNING, start, end, (pz_str){NULL, 0}, format, args);
    va_end(args);
}

void pz__warning_near(pz__build *build, uint32_t start, uint32_t end, pz_str nearest,
                      const char *format, ...)
{
    va_list args;
    if (pz__is_warned_enough(build))
        return;
    va_start(args, format);
    add(build, PZ_WARNING, start, end, nearest, format, args);
    va_end(args);
}

/* ---- wording ---- */

/* The first SHOWN_MAX bytes of a text, whole characters only. */
static pz_str cut(pz_str text)
{
    if (text.len <= SHOWN_MAX)
        return text;
    return (pz_str){text.data, pz__utf8_first_bad(text.data, SHOWN_MAX)};
}

/* Hand a written buffer over to scratch as NUL-terminated text. */
static const char *take_text(pz__build *build, pz__buf *buf)
{
    const char *text = "?";
    if (buf->status == PZ_OK)
        text = pz__arena_text(build->scratch, buf->data ? buf->data : "", buf->len);
    if (!text || buf->status == PZ_ERR_NOMEM) {
        build->is_out_of_memory = true;
        text = "?";
    }
    pz__buf_clear(buf);
    return text;
}

const char *pz__quoted(pz__build *build, pz_str text)
{
    pz__buf buf;
    pz__buf_init(&buf, &build->alloc, 8 * SHOWN_MAX);
    pz__json_write_text(&buf, cut(text));
    if (text.len > SHOWN_MAX)
        pz__buf_text(&buf, "...");
    return take_text(build, &buf);
}

const char *pz__shown(pz__build *build, pz_value value)
{
    if (value.kind == PZ_STRING)
        return pz__quoted(build, pz_value_text(value));
    if (value.kind == PZ_LIST)
        return "a list";
    if (value.kind == PZ_MAP)
        return "an object";
    pz__buf buf;
    pz__buf_init(&buf, &build->alloc, 8 * SHOWN_MAX);
    buf.status = pz__json_write(&buf, value, 0);
    return take_text(build, &buf);
}

const char *pz__found(pz__build *build, pz_value value)
{
    const char *shown = pz__shown(build, value);
    bool is_number = PZ__WANT(value.kind) & PZ__WANT_NUMBER;
    if (!is_number && value.kind != PZ_STRING)
        return shown;
    pz__buf buf;
    pz__buf_init(&buf, &build->alloc, 10 * SHOWN_MAX);
    pz__buf_text(&buf, is_number ? "the number " : "the text ");
    pz__buf_text(&buf, shown);
    return take_text(build, &buf);
}
