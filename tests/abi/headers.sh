#!/bin/sh
# Each public header compiles alone: as pedantic C99, and as C++17 where a C++ compiler is.
#     headers.sh INCLUDE_DIR CC [CXX]
set -u
include=$1 cc=$2 cxx=${3:-}
failed=0 count=0
flags="-Wall -Wextra -Wundef -Wstrict-prototypes -Werror -pedantic-errors -fsyntax-only"

cd "$include" || exit 1
for header in personalize.h personalize/*.h personalize/ext/*.h; do
    [ -e "$header" ] || continue
    count=$((count + 1))
    # Twice: the guard holds.
    text="#include <$header>
#include <$header>
int main(void) { return 0; }"
    printf '%s\n' "$text" | "$cc" -std=c99 $flags -I. -x c - || failed=1
    if [ -n "$cxx" ]; then
        printf '%s\n' "$text" | "$cxx" -std=c++17 -Wall -Wextra -Werror -pedantic-errors \
            -fsyntax-only -I. -x c++ - || failed=1
    fi
done
# <personalize.h> brings everything but what belongs to a library of its own.
if [ -e personalize.h ]; then
    for header in personalize/*.h; do
        [ "$header" = personalize/redis.h ] && continue
        grep -q "#include <$header>" personalize.h ||
            { echo "personalize.h does not include <$header>"; failed=1; }
    done
fi
[ -n "$cxx" ] || echo "there is no C++ compiler: checked as C only"
[ "$failed" = 0 ] && echo "$count headers compile alone"
exit "$failed"
