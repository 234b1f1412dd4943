# pgherd_test(ROOM <room> SOURCES <file>... [DEPENDS <room or target>...] [NAME <name>]
#             [LABELS <label>...] [TIMEOUT <seconds>])
#
# Makes one GoogleTest executable of tests/<room> and registers it as one ctest named like the room.
# The room itself is among its dependencies if there is such a room. One process for each room, not
# for each case: starting costs more than most cases. Single cases: run the executable with
# --gtest_filter. Includes are relative to src/ or tests/.

find_package(GTest REQUIRED)

function(pgherd_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "ROOM;NAME;TIMEOUT" "SOURCES;DEPENDS;LABELS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pgherd_test(${arg_ROOM}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  if(NOT arg_NAME)
    set(arg_NAME ${arg_ROOM})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(PGHERD_SANITIZE)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 3")
  endif()
  string(REPLACE "/" "_" target ${arg_NAME}_test)
  set(target pgherd_${target})
  pgherd_target_names(depends ${arg_DEPENDS})
  pgherd_target_names(room ${arg_ROOM})
  if(TARGET ${room})
    list(PREPEND depends ${room})
  endif()

  add_executable(${target} ${arg_SOURCES})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  # What is tested is built as it ships; the tests themselves run for moments and are compiled often.
  # Only a sanitizer's report has use for lines.
  target_compile_options(${target} PRIVATE -O0 $<IF:$<BOOL:${PGHERD_SANITIZE}>,-g1,-g0>)
  target_link_libraries(${target} PRIVATE pgherd_flags ${depends} GTest::gtest GTest::gtest_main)

  add_test(NAME ${arg_NAME} COMMAND ${target} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(${arg_NAME} PROPERTIES
      TIMEOUT ${arg_TIMEOUT}
      LABELS "${arg_LABELS}"
      ENVIRONMENT "PGHERD_DEPS_ENV=${PROJECT_SOURCE_DIR}/.deps/env")
endfunction()
