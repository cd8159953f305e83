/*
 * test_native.c: constant patterns of programs as machine code: that it is made, shared by threads,
 * given back with the program, and not missed where the system forbids it.
 */
#include "cel/kit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "cel/regex.h"
#include "support/oom.h"

#define RULE "profile.language.matches('^(de|en)(-[A-Z]{2})?$')"

static bool is_native(const char *pattern)
{
    pz__arena arena;
    const pz__regex *regex;
    pz__arena_init(&arena, NULL, 0);
    assert_int_equal(pz__regex_own(&arena, &regex, pz_str_of(pattern), NULL), PZ_OK);
    bool native = pz__regex_is_native(regex);
    pz__arena_clear(&arena);
    return native;
}

static pz_value run(const pz__program *program, pz__arena *arena, const char *language)
{
    pz_value slots[SLOT_COUNT];
    for (int i = 0; i < SLOT_COUNT; i++)
        slots[i] = pz_value_null();
    slots[SLOT_LANGUAGE] = pz_value_str(language);
    pz__activation activation = {.slots = slots, .slot_count = SLOT_COUNT, .arena = arena};
    return pz__cel_eval(program, &activation);
}

/* True if the rule says what it should of each language. */
static bool answers_hold(const pz__program *program, pz__arena *arena)
{
    static const struct {
        const char *language;
        bool matches;
    } rows[] = {{"de", true}, {"en-GB", true}, {"en-gb", false}, {"fr", false}, {"", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pz_value v = run(program, arena, rows[i].language);
        if (v.kind != PZ_BOOL || v.as.b != rows[i].matches)
            return false;
    }
    return true;
}

static bool rule_holds(void)
{
    kit k;
    kit_open(&k, NULL);
    const pz__program *program = kit_compile(&k, RULE);
    bool holds = program && answers_hold(program, &k.arena);
    kit_close(&k);
    return holds;
}

/* ---- with and without machine code ---- */

static void constant_patterns_become_machine_code(void **state)
{
    (void)state;
    if (!is_native("a+"))
        skip(); /* this system permits none: the rule below still holds */
    assert_true(is_native("^(de|en)(-[A-Z]{2})?$"));
    assert_true(rule_holds());
}

#ifdef __linux__
/* From here on this process may map no memory that can be executed. */
static bool forbid_machine_code(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof code[0], code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

enum { GOOD, CANNOT_FORBID, STILL_NATIVE, WRONG_ANSWER };

/* Only what needs no test framework: the child leaves without its cleanups. */
static int without_machine_code(void)
{
    if (!forbid_machine_code())
        return CANNOT_FORBID;
    if (is_native("a+b"))
        return STILL_NATIVE;
    return rule_holds() ? GOOD : WRONG_ANSWER;
}
#endif

static void a_system_that_forbids_it_gets_the_same_answers(void **state)
{
    (void)state;
#ifdef __linux__
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(without_machine_code());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_FORBID)
        skip();
    assert_int_equal(WEXITSTATUS(status), GOOD);
#else
    skip();
#endif
}

/* ---- ownership ---- */

static void patterns_go_with_their_program(void **state)
{
    (void)state;
    oom o;
    oom_init(&o);
    pz_alloc alloc = oom_alloc(&o);
    kit k;
    kit_open(&k, &alloc);
    assert_non_null(pz__arena_new(&k.arena, 1));
    pz__mark mark = pz__arena_mark(&k.arena);
    assert_non_null(kit_compile(&k, RULE));
    size_t with_program = o.live_count;
    pz__arena_return(&k.arena, mark);
    assert_true(o.live_count < with_program);
    /* A rule with a mistake behind a good pattern keeps nothing either. */
    assert_null(kit_compile(&k, RULE " && 1"));
    kit_close(&k);
    oom_finish(&o);
}

static pz_status compile_and_match(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    kit k;
    kit_open(&k, alloc);
    const pz__program *program = kit_compile(&k, RULE);
    pz_status status = k.status;
    if (program) {
        pz_value v = run(program, &k.arena, "en-GB");
        bool is_out = v.kind == PZ__V_ERROR;
        assert_true(is_out || (v.kind == PZ_BOOL && v.as.b));
        if (is_out)
            status = ((const pz__cel_error *)(const void *)v.as.text)->status;
    }
    kit_close(&k);
    return status;
}

static void exhausted_memory_is_reported(void **state)
{
    (void)state;
    assert_true(oom_run(compile_and_match, NULL) > 5);
}

/* ---- threads ---- */

#define THREADS 4
#define ROUNDS 500

static void *match_often(void *payload)
{
    const pz__program *program = payload;
    bool holds = true;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    for (int i = 0; i < ROUNDS && holds; i++) {
        holds = answers_hold(program, &arena);
        pz__arena_reset(&arena);
    }
    pz__arena_clear(&arena);
    return holds ? payload : NULL;
}

static void threads_share_a_program(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    kit k;
    kit_open(&k, NULL);
    const pz__program *program = kit_compile(&k, RULE);
    assert_non_null(program);
    union {
        const pz__program *program;
        void *payload;
    } shared = {program};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, match_often, shared.payload), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: what PCRE2 mapped before is used again. */
        cmocka_unit_test(a_system_that_forbids_it_gets_the_same_answers),
        cmocka_unit_test(constant_patterns_become_machine_code),
        cmocka_unit_test(patterns_go_with_their_program),
        cmocka_unit_test(exhausted_memory_is_reported),
        cmocka_unit_test(threads_share_a_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
