# One interface target pgherd_dep_<what> for each third-party library, so that rooms name what they
# need and nobody else has to know how it is found. All come from the distribution.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(pgherd_dependency name)
  add_library(pgherd_dep_${name} INTERFACE)
  target_link_libraries(pgherd_dep_${name} INTERFACE ${ARGN})
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
pgherd_dependency(yaml PkgConfig::PGHERD_YAML)

find_package(CLI11 REQUIRED)
pgherd_dependency(cli11 CLI11::CLI11)

find_package(OpenSSL REQUIRED)
pgherd_dependency(openssl OpenSSL::SSL OpenSSL::Crypto)

pkg_check_modules(PGHERD_PQ REQUIRED IMPORTED_TARGET libpq)
pgherd_dependency(pq PkgConfig::PGHERD_PQ)

pkg_check_modules(PGHERD_PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
pgherd_dependency(prometheus PkgConfig::PGHERD_PROMETHEUS)

# Not through pkg-config: it needs 15 to 30 seconds to walk the hundred modules of Abseil. gRPC's own
# configuration would do the same to find RE2, which is the shared library's business, not ours.
find_package(Protobuf REQUIRED)
if(NOT TARGET re2::re2)
  add_library(re2::re2 INTERFACE IMPORTED)
endif()
set(re2_FOUND TRUE)
find_package(gRPC REQUIRED CONFIG)
pgherd_dependency(grpc gRPC::grpc++ protobuf::libprotobuf Threads::Threads)

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
