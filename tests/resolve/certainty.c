/*
 * coverage.c: prints how often the library asserts something and how often that is wrong, for each
 * population of customers.h and each threshold: one JSON object a line. certainty.py makes the
 * table and the drawing of docs/preferences.md from it.
 *
 *     certainty CUSTOMERS [KIND]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolve/customers.h"

static const double thresholds[] = {0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95};

static void print(const customers_kind *kind, double threshold, const customers_tally *t)
{
    printf("{\"kind\":\"%s\",\"about\":\"%s\",\"fits\":%s,\"threshold\":%.2f,"
           "\"questions\":%llu,\"assertions\":%llu,\"disagreements\":%llu,\"ancestors\":%llu,"
           "\"expected\":%llu,\"unlike\":%llu,\"hasty\":%llu,\"hasty_wrong\":%llu,"
           "\"depths\":[%llu,%llu,%llu]}\n",
           kind->name, kind->about, kind->is_unfit ? "false" : "true", threshold,
           (unsigned long long)t->questions, (unsigned long long)t->assertions,
           (unsigned long long)t->disagreements, (unsigned long long)t->vague,
           (unsigned long long)t->expected, (unsigned long long)t->unlike,
           (unsigned long long)t->hasty, (unsigned long long)t->hasty_wrong,
           (unsigned long long)t->of_depth[1], (unsigned long long)t->of_depth[2],
           (unsigned long long)t->of_depth[3]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    if (count < 1) {
        fputs("usage: certainty CUSTOMERS [KIND]\n", stderr);
        return 2;
    }
    for (const customers_kind *kind = customers_kinds; kind->name; kind++)
        for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
            if (argc > 2 && strcmp(argv[2], kind->name) != 0)
                continue;
            gen g = gen_from(gen_seed()); /* the same customers at every threshold */
            customers_tally tally = {0};
            customers_live(kind, thresholds[i], (uint64_t)count, &g, &tally);
            print(kind, thresholds[i], &tally);
        }
    return 0;
}
