/*
 * replay.c: runs each file it is given through a fuzz target, without a fuzzer.
 *
 * Linked with one fuzz_*.c; any compiler will do. Every input that once broke something stays in
 * the corpus and is replayed by the test suite.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    if (!file || !bytes) {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(bytes);
        if (file)
            fclose(file);
        return 1;
    }
    size_t size = fread(bytes, 1, INPUT_MAX, file);
    fclose(file);
    /* An exact block, so that a sanitizer sees a read beyond the end. */
    uint8_t *exact = malloc(size ? size : 1);
    for (size_t i = 0; exact && i < size; i++)
        exact[i] = bytes[i];
    free(bytes);
    if (exact)
        LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return exact == NULL;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%d inputs replayed\n", argc - 1);
    return failed;
}
