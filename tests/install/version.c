/*
 * version.c: the smallest program that proves an installed library is found and loads.
 *
 * test_install.sh builds it by pkg-config, by CMake and against the static library, and compares
 * the one word it prints with the version of the installed package.
 */
#include <personalize/base.h>

#include <stdio.h>

int main(void)
{
    puts(pz_version());
    return 0;
}
