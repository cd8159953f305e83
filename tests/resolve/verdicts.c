/*
 * verdicts.c: prints what the library finds certain, for peers.py to compare with others' opinion.
 *
 *     verdicts COUNT [MOST]
 *
 * A line has a, b, the threshold, P(Beta(a, b) > threshold) as hexadecimal doubles, then 1 if the
 * library calls that certain, then its confidence in 65536ths. With MOST no case has a + b above.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/special.h"
#include "resolve/posterior.h"
#include "resolve/questions.h"

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: verdicts COUNT [MOST]\n", stderr);
        return 2;
    }
    const uint64_t count = strtoull(argv[1], NULL, 10);
    const double most = argc > 2 ? strtod(argv[2], NULL) : 0.0;
    gen g = gen_from(gen_seed());
    for (uint64_t i = 0; i < count;) {
        const question q = question_draw(&g, i);
        if (most > 0.0 && q.a + q.b > most)
            continue;
        const pz__belief belief = {q.a, q.b, 0.0};
        printf("%a %a %a %a %d %" PRIu32 "\n", q.a, q.b, q.threshold,
               pz__beta_above(q.a, q.b, q.threshold), pz__belief_is_certain(&belief, q.threshold),
               pz__belief_confidence(&belief));
        i++;
    }
    return 0;
}
