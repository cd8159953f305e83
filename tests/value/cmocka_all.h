/* cmocka.h with what it needs before it. */
#ifndef PZ_TESTS_CMOCKA_ALL_H
#define PZ_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
