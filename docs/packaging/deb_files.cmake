# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# Run by cpack before it packs: what a Debian package has in /usr/share/doc and, made of what each program prints for --help,
# its manual pages.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
# Whatever the umask is; CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS changes nothing for components in CMake 3.25.
set(folder_modes DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(modes FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ ${folder_modes})
file(READ ${CPACK_DROPLIT_SOURCE}/LICENSE license)
string(STRIP "${license}" license)
string(REPLACE "\n\n" "\n.\n" license "${license}")
string(REPLACE "\n" "\n " license "${license}")
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(usr ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr)
  set(folder ${usr}/share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  file(WRITE ${folder}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: droplit

Files: *
Copyright: 2026, the authors of droplit
License: BSL-1.0

License: BSL-1.0
 ${license}
")
  file(WRITE ${folder}/changelog.Debian "droplit (${CPACK_DEBIAN_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Made by cpack; the changes are in changelog.gz.

 -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${now}
")
  file(COPY ${CPACK_DROPLIT_SOURCE}/docs/changelog.md DESTINATION ${folder})
  file(RENAME ${folder}/changelog.md ${folder}/changelog)
  execute_process(COMMAND gzip -9n changelog changelog.Debian WORKING_DIRECTORY ${folder} COMMAND_ERROR_IS_FATAL ANY)
  file(CHMOD_RECURSE ${usr} ${folder_modes})
  file(CHMOD_RECURSE ${usr}/share/doc ${modes})

  file(GLOB programs RELATIVE ${usr}/bin ${usr}/bin/*)
  foreach(program IN LISTS programs)
    execute_process(COMMAND ${usr}/bin/${program} --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)
    string(REPLACE "\\" "\\e" help "${help}")
    string(REPLACE "-" "\\-" help "${help}")
    string(REGEX REPLACE "(\n)([.'])" "\\1\\\\&\\2" help "${help}")  # not a request of troff
    file(WRITE ${usr}/share/man/man1/${program}.1 ".TH ${program} 1
.SH NAME
${program} \\- serves or calls the droplit API, \"create a client\"
.SH DESCRIPTION
.nf
${help}.fi
")
    execute_process(COMMAND gzip -9n ${program}.1 WORKING_DIRECTORY ${usr}/share/man/man1 COMMAND_ERROR_IS_FATAL ANY)
    file(CHMOD_RECURSE ${usr}/share/man ${modes})
  endforeach()
endforeach()
