# pgherd_flags: what every source of this project is compiled with. Third-party code is not.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Line tables cost little and make a backtrace from the field readable. CHECK does not heed NDEBUG.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

add_library(pgherd_flags INTERFACE)
target_include_directories(pgherd_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_compile_options(pgherd_flags INTERFACE
    -Wall -Wextra -Wpedantic
    $<$<BOOL:${PGHERD_WERROR}>:-Werror>
    # Aggregates are written with designated initializers; what is left out has its default.
    -Wno-missing-field-initializers)
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
