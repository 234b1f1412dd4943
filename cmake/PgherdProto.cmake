# pgherd_grpc_library(NAME <name> ROOT <import root> PROTOS <file relative to ROOT>...)
#
# Generates messages and gRPC stubs and makes the static library pgherd_<name> of them. Generated
# code is not ours: it is compiled without our warnings and its headers are system headers.

find_program(PGHERD_PROTOC protoc REQUIRED)
find_program(PGHERD_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

function(pgherd_grpc_library)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;ROOT" "PROTOS")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/generated")
  file(MAKE_DIRECTORY "${out}")
  set(sources)
  foreach(proto IN LISTS arg_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    set(generated "${out}/${stem}.pb.cc" "${out}/${stem}.grpc.pb.cc")
    add_custom_command(
        OUTPUT ${generated} "${out}/${stem}.pb.h" "${out}/${stem}.grpc.pb.h"
        COMMAND "${PGHERD_PROTOC}" "-I${arg_ROOT}" "--cpp_out=${out}" "--grpc_out=${out}"
                "--plugin=protoc-gen-grpc=${PGHERD_GRPC_CPP_PLUGIN}" "${arg_ROOT}/${proto}"
        DEPENDS "${arg_ROOT}/${proto}"
        VERBATIM)
    list(APPEND sources ${generated})
  endforeach()
  add_library(pgherd_${arg_NAME} STATIC ${sources})
  target_include_directories(pgherd_${arg_NAME} SYSTEM PUBLIC "${out}")
  target_link_libraries(pgherd_${arg_NAME} PUBLIC pgherd_dep_grpc)
endfunction()
