# What `make install` puts where. The Lua modules and the Python package have rules of their own,
# in bindings/.
include(CMakePackageConfigHelpers)

set(PZ_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/personalize)

install(TARGETS personalize EXPORT personalizeTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
install(TARGETS personalize_static EXPORT personalizeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
  FILES_MATCHING PATTERN "*.h")

install(EXPORT personalizeTargets NAMESPACE personalize:: DESTINATION ${PZ_CMAKE_DIR} COMPONENT dev)
configure_package_config_file(cmake/personalizeConfig.cmake.in personalizeConfig.cmake
  INSTALL_DESTINATION ${PZ_CMAKE_DIR})
# Below 1.0 a minor version may break its callers.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(PZ_COMPATIBILITY SameMinorVersion)
else()
  set(PZ_COMPATIBILITY SameMajorVersion)
endif()
write_basic_package_version_file(${PROJECT_BINARY_DIR}/personalizeConfigVersion.cmake
  COMPATIBILITY ${PZ_COMPATIBILITY})
install(FILES
  ${PROJECT_BINARY_DIR}/personalizeConfig.cmake
  ${PROJECT_BINARY_DIR}/personalizeConfigVersion.cmake
  DESTINATION ${PZ_CMAKE_DIR} COMPONENT dev)

# Private requires: what a program that links libpersonalize.a needs besides. They follow from what
# the rooms of this build link.
set(PZ_PC_REQUIRES)
foreach(room ${PZ_BUILT_ROOMS})
  get_target_property(libraries pz_room_${room} ROOM_LIBRARIES)
  foreach(pair "ZLIB::ZLIB=zlib" "PkgConfig::UUID=uuid" "PkgConfig::LMDB=lmdb"
      "PkgConfig::PCRE2=libpcre2-8" "PkgConfig::HIREDIS=hiredis")
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 library)
    list(GET pair 1 module)
    if(library IN_LIST libraries)
      list(APPEND PZ_PC_REQUIRES ${module})
    endif()
  endforeach()
endforeach()
list(REMOVE_DUPLICATES PZ_PC_REQUIRES)

# The same for personalize::personalize_static, by the names that the linker knows: whoever links the
# shared library needs none of their packages.
foreach(module ${PZ_PC_REQUIRES})
  string(REPLACE "lib" "" library ${module}) # zlib is z, libpcre2-8 is pcre2-8
  target_link_libraries(personalize_static INTERFACE $<INSTALL_INTERFACE:${library}>)
endforeach()
target_link_libraries(personalize_static INTERFACE $<INSTALL_INTERFACE:-pthread>)
string(REPLACE ";" " " PZ_PC_REQUIRES "${PZ_PC_REQUIRES}")

# A module for pkg-config. Its prefix is filled in where it is installed, for not before that does
# `cmake --install BUILD --prefix PREFIX` say another one. Folders that were configured as absolute
# paths lie outside of any prefix.
function(pz_install_pc name)
  set(PZ_PC_PREFIX "@prefix@")
  foreach(dir LIBDIR INCLUDEDIR)
    set(PZ_PC_${dir} "${CMAKE_INSTALL_${dir}}")
    if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
      set(PZ_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
    endif()
  endforeach()
  set(half ${PROJECT_BINARY_DIR}/${name}.pc.in)
  configure_file(${name}.pc.in ${half} @ONLY)
  install(CODE "
    get_filename_component(prefix \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
    set(whole \"${PZ_PC_LIBDIR}/pkgconfig/${name}.pc\")
    message(STATUS \"Installing: \$ENV{DESTDIR}\${whole}\")
    configure_file(\"${half}\" \"\$ENV{DESTDIR}\${whole}\" @ONLY)
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${whole}\")" COMPONENT dev)
endfunction()
pz_install_pc(personalize)

# The Redis store: its library, and a module for pkg-config of its own.
if(PZ_WITH_REDIS)
  install(TARGETS personalize_redis EXPORT personalizeTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
  install(TARGETS personalize_redis_static
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
  pz_install_pc(personalize-redis)
endif()

# tools/ names its program's target personalize_command.
if(TARGET personalize_command)
  install(TARGETS personalize_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endif()
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev
  FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
