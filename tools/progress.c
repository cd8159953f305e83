/*
 * progress.c: how far long work is, on a terminal only.
 *
 * Nothing is shown in the first second, then at most four times a second, on one line that is
 * overwritten and wiped at the end.
 */
#include "cli.h"

#include <time.h>
#include <unistd.h>

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
    if (!p->is_terminal)
        return;
    const double now = seconds();
    if (now - p->shown < 0.25)
        return;
    const double elapsed = now - p->started;
    p->shown = now;
    p->was_shown = true;
    fprintf(stderr, "\r\033[K%llu %s, %.0f/s", (unsigned long long)done, p->what,
            (double)done / elapsed);
    if (share > 0.0)
        fprintf(stderr, ", %.0f s left", elapsed / share - elapsed);
}

void progress_end(progress *p)
{
    if (p->was_shown)
        fputs("\r\033[K", stderr);
}
