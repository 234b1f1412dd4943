# One interface target pgherd_dep_<what> for each third-party library, so that rooms name what they
# need and nobody else has to know how it is found. All come from the distribution.
#
# gRPC and what stands below it, and yaml-cpp, are linked from their archives: loading and relocating
# 60 shared libraries was half of an agent's start, and their pages a third of its memory. OpenSSL,
# libpq and zlib stay shared, so that the distribution's security updates reach a running agent by a
# restart.

option(PGHERD_STATIC_LIBRARIES "Link gRPC, what it stands on, and yaml-cpp from their archives" ON)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(pgherd_dependency name)
  add_library(pgherd_dep_${name} INTERFACE)
  target_link_libraries(pgherd_dep_${name} INTERFACE ${ARGN})
endfunction()

# Sets `out` to the paths of the archives lib<name>.a, or to nothing if one of them is missing or
# shared libraries are wanted (sanitizers: less to instrument, as the distribution tests it).
function(pgherd_find_archives out)
  set(found)
  if(NOT PGHERD_STATIC_LIBRARIES OR PGHERD_SANITIZE OR PGHERD_FUZZ)
    set(${out} "" PARENT_SCOPE)
    return()
  endif()
  foreach(name IN LISTS ARGN)
    find_library(pgherd_archive_${name} "lib${name}.a")
    mark_as_advanced(pgherd_archive_${name})
    if(NOT pgherd_archive_${name})
      message(STATUS "no lib${name}.a: linking the shared library, which costs memory and start time")
      set(${out} "" PARENT_SCOPE)
      return()
    endif()
    list(APPEND found "${pgherd_archive_${name}}")
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

find_package(tl-expected REQUIRED)
pgherd_dependency(expected tl::expected)

find_package(fmt REQUIRED)
pgherd_dependency(fmt fmt::fmt)

find_package(spdlog REQUIRED)
pgherd_dependency(spdlog spdlog::spdlog)

pkg_check_modules(PGHERD_JSON REQUIRED IMPORTED_TARGET nlohmann_json)
pgherd_dependency(json PkgConfig::PGHERD_JSON)

pkg_check_modules(PGHERD_YAML REQUIRED IMPORTED_TARGET yaml-cpp)
pgherd_find_archives(pgherd_yaml_archives yaml-cpp)
if(pgherd_yaml_archives)
  pgherd_dependency(yaml ${pgherd_yaml_archives})
  target_include_directories(pgherd_dep_yaml SYSTEM INTERFACE ${PGHERD_YAML_INCLUDE_DIRS})
else()
  pgherd_dependency(yaml PkgConfig::PGHERD_YAML)
endif()

find_package(CLI11 REQUIRED)
pgherd_dependency(cli11 CLI11::CLI11)

find_package(OpenSSL REQUIRED)
pgherd_dependency(openssl OpenSSL::SSL OpenSSL::Crypto)

pkg_check_modules(PGHERD_PQ REQUIRED IMPORTED_TARGET libpq)
pgherd_dependency(pq PkgConfig::PGHERD_PQ)

# gRPC as archives. They refer to each other in circles, and to whichever of Abseil's hundred the
# release needs; what is not needed is not taken. The lite runtime of Protobuf is enough.
pgherd_find_archives(pgherd_grpc_archives
    grpc++ grpc gpr upb address_sorting re2 cares protobuf-lite absl_base)
if(pgherd_grpc_archives)
  list(GET pgherd_grpc_archives -1 pgherd_absl_base)
  get_filename_component(pgherd_absl_dir "${pgherd_absl_base}" DIRECTORY)
  file(GLOB pgherd_absl_archives "${pgherd_absl_dir}/libabsl_*.a")
  list(REMOVE_ITEM pgherd_absl_archives "${pgherd_absl_base}")
  list(APPEND pgherd_grpc_archives ${pgherd_absl_archives})
  pgherd_dependency(grpc
      "$<LINK_GROUP:RESCAN,${pgherd_grpc_archives}>"
      OpenSSL::SSL OpenSSL::Crypto z Threads::Threads ${CMAKE_DL_LIBS} rt m)
else()
  # Not through pkg-config: it needs 15 to 30 seconds to walk the hundred modules of Abseil. gRPC's
  # own configuration would do the same to find RE2, which is the shared library's business, not ours.
  find_package(Protobuf REQUIRED)
  if(NOT TARGET re2::re2)
    add_library(re2::re2 INTERFACE IMPORTED)
  endif()
  set(re2_FOUND TRUE)
  find_package(gRPC REQUIRED CONFIG)
  pgherd_dependency(grpc gRPC::grpc++ protobuf::libprotobuf Threads::Threads)
endif()

# What reads answers of name servers: a part of the C library.
pgherd_dependency(resolv resolv)

# Boost: headers only (Asio, Beast). Their function bodies are compiled once, in pgherd_boost_bodies,
# instead of in every file that includes them: most of a networked file's build time is saved.
find_package(Boost 1.81 REQUIRED CONFIG)
add_library(pgherd_boost_bodies STATIC EXCLUDE_FROM_ALL "${CMAKE_CURRENT_LIST_DIR}/boost_bodies.cc")
target_link_libraries(pgherd_boost_bodies
    PUBLIC Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(pgherd_boost_bodies PUBLIC
    BOOST_ASIO_SEPARATE_COMPILATION
    BOOST_BEAST_SEPARATE_COMPILATION
    BOOST_ASIO_NO_DEPRECATED)
pgherd_dependency(boost pgherd_boost_bodies)
