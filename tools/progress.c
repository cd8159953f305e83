/*
 * progress.c: how far long work is.
 *
 * On a terminal nothing is shown in the first second, then at most four times a second, on one line
 * that is overwritten and wiped at the end. Elsewhere work that asks for it gets a line of its own
 * every few seconds, for a log.
 */
#include "cli.h"

#include <time.h>
#include <unistd.h>

#define LINE_EVERY_S 5.0

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_begin(progress *p, const char *what)
{
    *p = (progress){.what = what, .started = seconds(), .is_terminal = isatty(STDERR_FILENO)};
    p->shown = p->started + 0.75;
}

void progress_step(progress *p, uint64_t done, double share)
{
    if (!p->is_terminal && !p->has_lines)
        return;
    const double now = seconds();
    if (now - p->shown < (p->is_terminal ? 0.25 : LINE_EVERY_S))
        return;
    const double elapsed = now - p->started;
    p->shown = now;
    p->was_shown = p->is_terminal;
    fprintf(stderr, "%s%llu %s, %.0f/s", p->is_terminal ? "\r\033[K" : "", (unsigned long long)done,
            p->what, (double)done / elapsed);
    if (share > 0.0)
        fprintf(stderr, ", %.0f s left", elapsed / share - elapsed);
    if (!p->is_terminal)
        fputc('\n', stderr);
}

void progress_end(progress *p)
{
    if (p->was_shown)
        fputs("\r\033[K", stderr);
}
