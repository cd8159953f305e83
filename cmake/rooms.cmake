# A room of lib/ is compiled once, as objects. Its unit tests link the room and the rooms below it,
# so that a call upwards fails to link; the library is all the objects together.

# Rooms in the order of their rows: each may use those before it.
set(PZ_ROOMS base value store cel profile template measure catalog resolve learn segment experiment
  identity configure decide journey engine)

function(pz_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINK" ${ARGN})
  foreach(source ${ROOM_SOURCES})
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${source})
      message(WARNING "lib/${name}/${source} is missing: the room ${name} is left out")
      return()
    endif()
  endforeach()
  add_library(pz_room_${name} OBJECT ${ROOM_SOURCES})
  target_include_directories(pz_room_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/lib)
  target_link_libraries(pz_room_${name} PUBLIC ${ROOM_LINK})
  set_target_properties(pz_room_${name} PROPERTIES ROOM_LIBRARIES "${ROOM_LINK}")
endfunction()

# Conformance data lives beside the sources; tests that need it say so when it is not there.
set(PZ_SHARED_DIR ${PROJECT_SOURCE_DIR}/../shared CACHE PATH "Folder that holds conformance/")

# Stands in for a test that cannot be built, so that the caller's settings have something to set.
function(pz_leave_out name why)
  message(WARNING "the test ${name} is left out: ${why}")
  add_library(test_${name} OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/support/gen.c)
endfunction()

# pz_test(NAME SOURCES file... ROOMS room... [LINK lib...] [ARGS arg...]): a CMocka program. One whose
# sources start threads bears the label `threads`.
function(pz_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;ROOMS;LINK;ARGS" ${ARGN})
  foreach(room ${TEST_ROOMS})
    if(NOT TARGET pz_room_${room})
      pz_leave_out(${name} "it needs the room ${room}")
      return()
    endif()
  endforeach()
  set(starts_threads)
  foreach(source ${TEST_SOURCES})
    if(source MATCHES "^\\$<")
      continue()
    endif()
    get_filename_component(path "${source}" ABSOLUTE)
    if(NOT EXISTS "${path}")
      pz_leave_out(${name} "${source} is missing")
      return()
    endif()
    file(STRINGS "${path}" starts REGEX "pthread_create\\(" LIMIT_COUNT 1)
    list(APPEND starts_threads ${starts})
  endforeach()
  add_executable(test_${name} ${TEST_SOURCES} $<TARGET_OBJECTS:pz_test_support>)
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  foreach(room ${TEST_ROOMS})
    target_sources(test_${name} PRIVATE $<TARGET_OBJECTS:pz_room_${room}>)
    target_link_libraries(test_${name} PRIVATE pz_room_${room})
  endforeach()
  target_link_libraries(test_${name} PRIVATE PkgConfig::CMOCKA Threads::Threads ${TEST_LINK})
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE PZ_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    PZ_BINARY_DIR="${PROJECT_BINARY_DIR}" PZ_SHARED_DIR="${PZ_SHARED_DIR}")
  add_test(NAME ${name} COMMAND test_${name} ${TEST_ARGS})
  if(starts_threads)
    set_tests_properties(${name} PROPERTIES LABELS threads)
  endif()
endfunction()
