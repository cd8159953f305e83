# Compiler settings that every target shares.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON) # for clang-tidy

# One answer on every IEEE-754 machine: no fused multiply-add, no excess precision.
add_compile_options(-ffp-contract=off)
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wcast-qual -Wwrite-strings -Wvla -Wno-missing-field-initializers)
add_compile_definitions(_GNU_SOURCE)
if(PZ_WERROR)
  add_compile_options(-Werror)
endif()
if(PZ_SANITIZE)
  add_compile_options(-fsanitize=${PZ_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # GCC's warnings that follow the flow of values misjudge instrumented code; plain builds have them.
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-truncation)
  endif()
  add_link_options(-fsanitize=${PZ_SANITIZE})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(UUID REQUIRED IMPORTED_TARGET uuid)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
if(PZ_WITH_LMDB)
  pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
endif()
if(PZ_BUILD_TESTS)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
