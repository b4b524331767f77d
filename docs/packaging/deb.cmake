# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# The Debian packages that cpack makes: libdroplit-dev (component dev) and, where the programs are built, droplit-tools.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME droplit)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL dev)
if(DROPLIT_PROGRAMS OR DROPLIT_TESTS)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/docs/packaging/deb_files.cmake)
set(CPACK_DROPLIT_SOURCE ${PROJECT_SOURCE_DIR})  # for that script

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE https://ioe.droplit.io)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")  # as for Debian's own tools
if(NOT CPACK_DEBIAN_PACKAGE_MAINTAINER MATCHES "^[^<>]+ <[^<> ]+>$")
  set(CPACK_DEBIAN_PACKAGE_MAINTAINER "Nobody <nobody@example.org>")
endif()

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libdroplit-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "libboost1.81-dev | libboost-dev (>= 1.81), libboost-json1.81-dev | libboost-json-dev (>= 1.81)")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "cmake (>= 3.25), pkg-config, libsqlite3-dev, libpq-dev (>= 14), libcurl4-openssl-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "contract of the droplit API as a C++20 library
Values that cannot be invalid, every violation of a request at once and
exactly the documented errors of one endpoint, 'create a client', for servers
and for clients. All of it is in headers.
.
Adapters bring storage in SQLite or PostgreSQL, a transport on libcurl and a
server on Boost.Beast. The first three need the packages that are suggested.")
if(NOT DROPLIT_SEPARATE_COMPILATION)
  set(CPACK_DEBIAN_DEV_PACKAGE_ARCHITECTURE all)
endif()

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME droplit-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "Console of the droplit API, and a server of it
'droplit' creates clients at the droplit service, or at any server of its API,
from a terminal or a script.
.
'droplit-server' serves the operation 'create a client' over HTTP, and keeps
the clients in memory, in SQLite or in PostgreSQL.")
include(CPack)
