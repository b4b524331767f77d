# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# cmake -D INCLUDE=FOLDER -D OUT=FILE -P single_header.cmake: writes the core, FOLDER/droplit/droplit.hpp and all that it includes
# of ours, into one file. Every header is put where it is first included.
cmake_minimum_required(VERSION 3.25)

# single_header(HEADER): puts HEADER before the `rest` that is still to be read, without its licence line and `#pragma once`.
macro(single_header header)
  list(APPEND headers ${header})
  file(READ "${INCLUDE}/${header}" content)
  string(REGEX REPLACE "^// Distributed [^\n]*\n|#pragma once\n" "" content "${content}")
  string(PREPEND rest "${content}")
endmacro()

set(headers)
set(text "// Distributed under the Boost Software License, Version 1.0. See https://www.boost.org/LICENSE_1_0.txt.
// The core of droplit in one file, made by single_header.cmake. It needs C++20 and Boost 1.81 or newer.
#pragma once

#if defined(DROPLIT_SEPARATE_COMPILATION)
#error \"the single header is for programs that do not define DROPLIT_SEPARATE_COMPILATION\"
#endif
#if defined(DROPLIT_DETAIL_INLINE)
#error \"the single header has no other headers of droplit beside it: include those instead\"
#endif
")
set(rest)
single_header(droplit/droplit.hpp)
while(rest MATCHES "#include <(droplit/[^>]+)>\n")
  set(header ${CMAKE_MATCH_1})
  string(FIND "${rest}" "${CMAKE_MATCH_0}" begin)
  string(LENGTH "${CMAKE_MATCH_0}" length)
  math(EXPR end "${begin} + ${length}")
  string(SUBSTRING "${rest}" 0 ${begin} before)
  string(SUBSTRING "${rest}" ${end} -1 rest)
  string(APPEND text "${before}")
  if(NOT header IN_LIST headers)
    single_header(${header})
  endif()
endwhile()
string(APPEND text "${rest}" "\n#define DROPLIT_DETAIL_SINGLE_HEADER 1\n")
string(REGEX REPLACE "\n\n\n+" "\n\n" text "${text}")
file(WRITE "${OUT}" "${text}")
