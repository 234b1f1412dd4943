# pgherd_flags: what every source of this project is compiled with. Third-party code is not.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# For size: an agent computes little and lies in memory for months; -O2 made its code two thirds
# larger. Line tables cost little and make a backtrace from the field readable. CHECK does not heed
# NDEBUG.
set(CMAKE_CXX_FLAGS_RELEASE "-Os -g1 -DNDEBUG -ffunction-sections -fdata-sections")

set(pgherd_fast_targets
    pgherd_base pgherd_model pgherd_decide pgherd_agent pgherd_dcs pgherd_node pgherd_sim
    pgherd_pgwire pgherd_router)

add_library(pgherd_flags INTERFACE)
target_include_directories(pgherd_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_compile_options(pgherd_flags INTERFACE
    -Wall -Wextra -Wpedantic
    $<$<BOOL:${PGHERD_WERROR}>:-Werror>
    # Aggregates are written with designated initializers; what is left out has its default.
    -Wno-missing-field-initializers
    # What the simulator runs, and what carries the bytes of sessions, millions of times.
    $<$<AND:$<CONFIG:Release>,$<IN_LIST:$<TARGET_PROPERTY:NAME>,${pgherd_fast_targets}>>:-O2>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlaps and wild reads inside std::string, std::optional and coroutine frames that
  # are not there (GCC bugs 105651, 105562, 109224), and only when optimizing.
  target_compile_options(pgherd_flags INTERFACE
      -Wno-restrict -Wno-maybe-uninitialized -Wno-mismatched-new-delete
      -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds -Wno-dangling-pointer)
endif()

if(PGHERD_SANITIZE)
  list(JOIN PGHERD_SANITIZE "," sanitizers)
  # For all targets, not only ours: generated code must carry the same instrumentation.
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})
  # g++ knows that atomic_thread_fence is not understood by TSan, and says so inside Asio.
  if("thread" IN_LIST PGHERD_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(PGHERD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# PIC: gRPC's and Asio's archives end up in position independent executables.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# pgherd_ships_small(<program>): for what is shipped. What nothing refers to is left out, which is not
# for the link tests: they would no longer see what a room refers to. Symbols and line tables go to a
# file beside the program, <program>.debug, where gdb finds them.
include(CheckLinkerFlag)
# Needs a loader that knows them: glibc 2.36, the oldest one supported here, is the first.
check_linker_flag(CXX -Wl,-z,pack-relative-relocs PGHERD_LINKER_PACKS)
function(pgherd_ships_small program)
  target_link_options(${program} PRIVATE
      -Wl,--gc-sections -Wl,-O1 -Wl,--as-needed -Wl,-z,relro -Wl,-z,now
      $<$<BOOL:${PGHERD_LINKER_PACKS}>:-Wl,-z,pack-relative-relocs>)
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_OBJCOPY)
    set(debug "${program}.debug")
    add_custom_command(TARGET ${program} POST_BUILD
        COMMAND "${CMAKE_OBJCOPY}" --only-keep-debug --compress-debug-sections ${program} ${debug}
        COMMAND "${CMAKE_OBJCOPY}" --strip-all --add-gnu-debuglink=${debug} ${program}
        BYPRODUCTS "${PROJECT_BINARY_DIR}/${debug}"
        WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
        VERBATIM)
  endif()
endfunction()
