# Outside libraries.  Debian packages come by pkg-config; libduckdb is looked for in
# DUCKDB_ROOT, then in the system, then where scripts/deps puts it (deps/duckdb).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LIBDEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

set(DUCKDB_ROOT "$ENV{DUCKDB_ROOT}" CACHE PATH "Where libduckdb and duckdb.h lie")
find_path(DUCKDB_INCLUDE duckdb.h HINTS ${DUCKDB_ROOT} ${DUCKDB_ROOT}/include NO_DEFAULT_PATH)
find_path(DUCKDB_INCLUDE duckdb.h)
find_path(DUCKDB_INCLUDE duckdb.h HINTS ${CMAKE_SOURCE_DIR}/deps/duckdb NO_DEFAULT_PATH)
find_library(DUCKDB_LIBRARY duckdb HINTS ${DUCKDB_ROOT} ${DUCKDB_ROOT}/lib NO_DEFAULT_PATH)
find_library(DUCKDB_LIBRARY duckdb)
find_library(DUCKDB_LIBRARY duckdb HINTS ${CMAKE_SOURCE_DIR}/deps/duckdb NO_DEFAULT_PATH)
if(NOT DUCKDB_INCLUDE OR NOT DUCKDB_LIBRARY)
  message(FATAL_ERROR "libduckdb was not found: run scripts/deps, or set DUCKDB_ROOT")
endif()
add_library(duckdb SHARED IMPORTED)
set_target_properties(duckdb PROPERTIES IMPORTED_LOCATION ${DUCKDB_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${DUCKDB_INCLUDE})
