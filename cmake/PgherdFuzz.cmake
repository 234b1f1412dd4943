# pgherd_fuzz(NAME <name> SOURCES <file>... [DEPENDS <room or target>...])
#
# Makes the fuzz target <name>_fuzz of tests/fuzz. With PGHERD_FUZZ (clang) it is a libFuzzer program;
# else it is run by ctest, as fuzz.<name>, over tests/fuzz/corpus/<name> and over changes of these files
# that always the same dice draw.

function(pgherd_fuzz)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;DEPENDS")
  pgherd_target_names(depends ${arg_DEPENDS})
  set(target ${arg_NAME}_fuzz)
  add_executable(${target} ${arg_SOURCES})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/fuzz")
  target_link_libraries(${target} PRIVATE pgherd_flags ${depends})
  if(PGHERD_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  target_sources(${target} PRIVATE corpus_main.cc)
  set(corpus "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${arg_NAME}")
  set(work "${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}")
  file(MAKE_DIRECTORY "${work}")
  add_test(NAME fuzz.${arg_NAME} COMMAND ${target} "${corpus}" 5000 WORKING_DIRECTORY "${work}")
  set_tests_properties(fuzz.${arg_NAME} PROPERTIES TIMEOUT 120 LABELS fuzz)
endfunction()
