/*
 * backend.c: the store on LMDB beside LMDB itself, on the same bytes.
 */
#include "bench.h"

void bench_backend(const bench *b)
{
    (void)b;
}
