/*
 * json.c: JSON in and out, in megabytes a second.
 *
 * The same text is read plain, read with the place of every node, and written again. Beside them
 * stand loops that do nothing but look at every byte: memchr for one that is not there (as fast as
 * memory goes), a scan for invalid UTF-8 (what any strict reader must do at least), and a loop that
 * adds bytes up one by one, which is the reference: a reader that takes one step a byte cannot beat
 * it, one that skips over plain text does.
 *
 * Checked: what is written reads back as the same value, and the two readers agree.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "value/value.h"

typedef struct world {
    pz__arena arena;
    pz__buf out;
    char *text;
    size_t len;
    pz_value value;
} world;

static uint64_t read_plain(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        pz_value v;
        const pz__mark mark = pz__arena_mark(&w->arena);
        sum += (uint64_t)pz__json_read(&w->arena, &v, w->text, w->len, 0, NULL) + v.len;
        pz__arena_return(&w->arena, mark);
    }
    return sum;
}

static uint64_t read_spans(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        pz__node root;
        const pz__mark mark = pz__arena_mark(&w->arena);
        sum += (uint64_t)pz__json_read_node(&w->arena, &root, w->text, w->len, 0, NULL) + root.end;
        pz__arena_return(&w->arena, mark);
    }
    return sum;
}

static uint64_t write_text(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        pz__buf_reset(&w->out);
        sum += (uint64_t)pz__json_write(&w->out, w->value, 0) + w->out.len;
    }
    return sum;
}

static uint64_t find_byte(void *payload, uint64_t count)
{
    const world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += memchr(w->text, 1, w->len) != NULL;
        __asm__ volatile("" ::: "memory");
    }
    return sum;
}

static uint64_t check_utf8(void *payload, uint64_t count)
{
    const world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += pz__utf8_valid(w->text, w->len);
    return sum;
}

/* The empty statement keeps the compiler from taking many bytes at a time. */
static uint64_t add_bytes(void *payload, uint64_t count)
{
    const world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        for (size_t k = 0; k < w->len; k++) {
            sum += (unsigned char)w->text[k];
            __asm__ volatile("" : "+r"(sum));
        }
    return sum;
}

static void check(world *w)
{
    pz__node root;
    pz_value again;
    bench_must(pz__json_read(&w->arena, &w->value, w->text, w->len, 0, NULL), NULL, "reading");
    bench_must(pz__json_read_node(&w->arena, &root, w->text, w->len, 0, NULL), NULL, "spans");
    bench_expect(pz_value_compare(w->value, root.value) == 0, "both readers agree");
    bench_must(pz__json_write(&w->out, w->value, 0), NULL, "writing");
    bench_must(pz__json_read(&w->arena, &again, w->out.data, w->out.len, 0, NULL), NULL, "again");
    bench_expect(pz_value_compare(w->value, again) == 0, "what is written reads back the same");
}

void bench_json(const bench *b)
{
    world w = {.text = NULL};
    const char *const places[] = {b->argument,
                                  PZ_SHARED_DIR "/bench/rules/fixtures/profile_2k.json",
                                  PZ_SOURCE_DIR "/bench/profile.json"};
    for (size_t i = 0; i < 3 && !w.text; i++) {
        if (places[i])
            w.text = bench_read_file(places[i], &w.len);
        if (b->argument && !w.text)
            bench_die("the file cannot be read", NULL);
    }
    bench_expect(w.text != NULL, "a file to read");
    pz__arena_init(&w.arena, &b->alloc, 0);
    pz__buf_init(&w.out, &b->alloc, PZ_JSON_BYTES_MAX);
    check(&w);
    const double bytes = (double)w.len, written = (double)w.out.len;
    const bench_case cases[] = {
        {"reference", add_bytes, NULL, &w, .checked = 1, .bytes = bytes},
        {"memchr", find_byte, NULL, &w, .checked = 1, .bytes = bytes},
        {"utf8", check_utf8, NULL, &w, .checked = 1, .bytes = bytes},
        {"read", read_plain, NULL, &w, .checked = 2, .bytes = bytes},
        {"read_spans", read_spans, NULL, &w, .checked = 1, .bytes = bytes},
        {"write", write_text, NULL, &w, .checked = 1, .bytes = written},
    };
    bench_compare(b, "json", "profile", cases, sizeof cases / sizeof *cases);
    pz__buf_clear(&w.out);
    pz__arena_clear(&w.arena);
    free(w.text);
}
