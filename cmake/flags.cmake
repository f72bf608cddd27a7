# Flags that every target shares.  Results must not depend on the compiler's mood:
# no contraction into FMA, no fast-math, and assertions stay on in release builds.
add_library(qlab_flags INTERFACE)
target_compile_options(qlab_flags INTERFACE
  -ffp-contract=off -fno-omit-frame-pointer
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wno-missing-field-initializers)
target_compile_definitions(qlab_flags INTERFACE _POSIX_C_SOURCE=200809L _FILE_OFFSET_BITS=64)
if(APPLE)
  target_compile_definitions(qlab_flags INTERFACE _DARWIN_C_SOURCE)
endif()
if(QLAB_WERROR)
  target_compile_options(qlab_flags INTERFACE -Werror)
endif()
if(QLAB_SANITIZE)
  target_compile_options(qlab_flags INTERFACE -fsanitize=${QLAB_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(qlab_flags INTERFACE -fsanitize=${QLAB_SANITIZE})
  # Checked loops do not vectorise; clang would say so of those that ask for it.
  if(CMAKE_C_COMPILER_ID MATCHES Clang)
    target_compile_options(qlab_flags INTERFACE -Wno-pass-failed)
  endif()
endif()
if(QLAB_FUZZ)
  target_compile_options(qlab_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
# Normal variables over the cached ones: running CMake again must not change the flags.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" flags "${CMAKE_C_FLAGS_${config}}")
  string(REPLACE "-O3" "-O2" flags "${flags}")
  string(REGEX REPLACE "( -g)+ *$" "" flags "${flags}")
  set(CMAKE_C_FLAGS_${config} "${flags} -g")
endforeach()
