# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# What of the library is installed beside its targets' headers. Component dev: all but the programs.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(data ${CMAKE_INSTALL_DATADIR})  # without compiled code the same files serve every machine
set(architecture ARCH_INDEPENDENT)
if(DROPLIT_SEPARATE_COMPILATION)
  set(data ${CMAKE_INSTALL_LIBDIR})
  set(architecture)
endif()
set(package ${data}/cmake/droplit)
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}" OR IS_ABSOLUTE "${data}")
  message(FATAL_ERROR "droplit installs below one prefix: give CMAKE_INSTALL_INCLUDEDIR, CMAKE_INSTALL_DATADIR and CMAKE_INSTALL_LIBDIR relative to it")
endif()

# droplit_install_export(NAME): the targets of the export set NAME, for find_package(droplit).
function(droplit_install_export name)
  install(EXPORT ${name} NAMESPACE droplit:: FILE ${name}-targets.cmake DESTINATION ${package} COMPONENT dev)
endfunction()

# droplit_install_pc(NAME DESCRIPTION REQUIRES CFLAGS LIBS): NAME.pc, whose paths are relative to its own place.
function(droplit_install_pc pc_name pc_description pc_requires pc_cflags pc_libs)
  file(RELATIVE_PATH up /prefix/${data}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" up "${up}")
  configure_file(${PROJECT_SOURCE_DIR}/docs/packaging/droplit.pc.in ${pc_name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${pc_name}.pc DESTINATION ${data}/pkgconfig COMPONENT dev)
endfunction()

# After all targets: the package that find_package finds, droplit.pc and the single header.
function(droplit_install_package)
  set(cflags "-I\${includedir}")
  set(libs -lboost_json)
  if(DROPLIT_SEPARATE_COMPILATION)
    install(TARGETS droplit_compiled EXPORT droplit COMPONENT dev)
    string(APPEND cflags " -DDROPLIT_SEPARATE_COMPILATION")
    string(PREPEND libs "-L\${prefix}/${CMAKE_INSTALL_LIBDIR} -ldroplit_compiled ")
  endif()
  droplit_install_pc(droplit "${PROJECT_DESCRIPTION}" "" "${cflags}" "${libs}")
  install(FILES droplit/src.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/droplit COMPONENT dev)
  droplit_install_export(droplit)
  get_property(own_components GLOBAL PROPERTY droplit_own_components)
  get_property(adapters GLOBAL PROPERTY droplit_adapters)
  set(source ${PROJECT_SOURCE_DIR}/docs/packaging)
  configure_file(${source}/droplit-config.cmake.in droplit-config.cmake @ONLY)
  write_basic_package_version_file(droplit-config-version.cmake VERSION ${PROJECT_VERSION}
                                   COMPATIBILITY SameMinorVersion ${architecture})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/droplit-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/droplit-config-version.cmake
                ${source}/droplit-dependencies.cmake
          DESTINATION ${package} COMPONENT dev)

  # Made when it is installed: before, no build is needed.
  set(single ${CMAKE_CURRENT_BINARY_DIR}/single/droplit/droplit.hpp)
  install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" \"-DINCLUDE=${CMAKE_CURRENT_SOURCE_DIR}\"
  \"-DOUT=${single}\" -P \"${source}/single_header.cmake\" COMMAND_ERROR_IS_FATAL ANY)" COMPONENT dev)
  install(FILES ${single} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/droplit-single/droplit COMPONENT dev)
endfunction()
