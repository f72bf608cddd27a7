cmake_minimum_required(VERSION 3.25)
# Writes ${OUT}: the commit that the program is built from.  Run at each build; the file changes
# (and what includes it is compiled again) only when the commit does.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR commit STREQUAL "")
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define QLAB_COMMIT \"@commit@\"\n" @ONLY)
