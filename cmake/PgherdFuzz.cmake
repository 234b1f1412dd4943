# pgherd_fuzz(NAME <name> SOURCES <file>... [DEPENDS <room or target>...])
#
# Makes the libFuzzer executable <name>_fuzz.

function(pgherd_fuzz)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;DEPENDS")
  pgherd_target_names(depends ${arg_DEPENDS})
  add_executable(${arg_NAME}_fuzz ${arg_SOURCES})
  target_link_libraries(${arg_NAME}_fuzz PRIVATE pgherd_flags ${depends})
  target_link_options(${arg_NAME}_fuzz PRIVATE -fsanitize=fuzzer)
endfunction()
