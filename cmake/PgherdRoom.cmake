# pgherd_room(NAME <room> SOURCES <file>... [DEPENDS <room or target>...] [PURE])
#
# Makes the static library pgherd_<room> (dcs/etcd: pgherd_dcs_etcd) of one folder of src/. DEPENDS
# names rooms (model, dcs/etcd) or targets (pgherd_dep_json, proto libraries). A room without
# SOURCES is header-only. PURE adds a test that the room knows no clock, dice, files or threads.
#
# pgherd_program(NAME <program> SOURCES <file>... [DEPENDS ...])
#
# Makes an executable in the top of the build folder.

function(pgherd_target_names out)
  set(targets)
  foreach(name IN LISTS ARGN)
    if(name MATCHES "^pgherd_" OR name MATCHES "::")
      list(APPEND targets ${name})
    else()
      string(REPLACE "/" "_" name ${name})
      list(APPEND targets pgherd_${name})
    endif()
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

# Links the whole archive, not only what main() happens to reach, so that a symbol from a room that
# is not among DEPENDS fails the build. After FoundationDB's AddFdbServerLinkTest.cmake.
function(pgherd_link_test target)
  set(main "${PROJECT_BINARY_DIR}/empty_main.cc")
  if(NOT EXISTS "${main}")
    file(WRITE "${main}" "int main() {}\n")
  endif()
  add_executable(${target}_link_test "${main}")
  target_link_libraries(${target}_link_test PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,${target}>")
endfunction()

function(pgherd_purity_test room target)
  add_test(NAME purity.${room}
      COMMAND "${PROJECT_SOURCE_DIR}/cmake/check_purity"
              "$<TARGET_FILE:${target}>" "${CMAKE_CURRENT_SOURCE_DIR}")
endfunction()

function(pgherd_room)
  cmake_parse_arguments(PARSE_ARGV 0 arg "PURE" "NAME" "SOURCES;DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pgherd_room(${arg_NAME}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  pgherd_target_names(target ${arg_NAME})
  pgherd_target_names(depends ${arg_DEPENDS})
  list(JOIN arg_DEPENDS " " depends_text)
  set_property(GLOBAL APPEND_STRING PROPERTY pgherd_rooms_text "${arg_NAME}: ${depends_text}\n")
  if(NOT arg_SOURCES)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE pgherd_flags ${depends})
    return()
  endif()
  add_library(${target} STATIC ${arg_SOURCES})
  target_link_libraries(${target} PUBLIC pgherd_flags ${depends})
  if(PGHERD_LINK_TESTS)
    pgherd_link_test(${target})
  endif()
  if(arg_PURE AND PGHERD_TESTS)
    pgherd_purity_test(${arg_NAME} ${target})
  endif()
endfunction()

# What the archives do not show: headers of a room that is not among DEPENDS. After all rooms.
function(pgherd_include_test)
  get_property(text GLOBAL PROPERTY pgherd_rooms_text)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/rooms.txt" CONTENT "${text}" @ONLY)
  add_test(NAME rooms.includes
      COMMAND "${PROJECT_SOURCE_DIR}/cmake/check_includes"
              "${PROJECT_BINARY_DIR}/rooms.txt" "${PROJECT_SOURCE_DIR}/src")
  set_tests_properties(rooms.includes PROPERTIES TIMEOUT 30)
endfunction()

function(pgherd_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;DEPENDS")
  pgherd_target_names(depends ${arg_DEPENDS})
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE pgherd_flags ${depends})
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  target_compile_definitions(${arg_NAME} PRIVATE PGHERD_VERSION="${PROJECT_VERSION}")
  # The journal tells builds apart by this note.
  target_link_options(${arg_NAME} PRIVATE -Wl,--build-id=sha1)
endfunction()
