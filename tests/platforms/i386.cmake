# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Linux on 32-bit x86, without SSE2, run by the machine itself. Not -m32: Debian's g++-multilib excludes all cross compilers.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_CXX_COMPILER i686-linux-gnu-g++)
set(CMAKE_CXX_FLAGS_INIT "-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64")  # a clock beyond 2038
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
