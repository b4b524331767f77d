# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# droplit_harden(TARGET): an optimised program that a corrupted memory or a wrong index ends, instead of being taken over. Those
# flags that the compiler or the processor does not know are left out; tests/repo/hardening.sh says what a program has.
include(CheckCXXCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  string(MAKE_C_IDENTIFIER "droplit_has${flag}" known)
  check_cxx_compiler_flag("-Werror ${flag}" ${known})
  if(${known})
    list(APPEND droplit_hardening ${flag})
  endif()
endforeach()

function(droplit_harden target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE ${droplit_hardening} -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS)
  target_link_options(${target} PRIVATE LINKER:-z,relro,-z,now LINKER:-z,noexecstack)
endfunction()
