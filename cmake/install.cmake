# install.cmake - what `make install` puts where: both libraries, the header, the program, the manual,
# a pkg-config file and a CMake package. Both of the latter find their files from where they lie, so an
# installed tree may be moved.
install(TARGETS linnet EXPORT linnet LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS linnet_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/linnet.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(LINNET_BUILD_CLI)
  install(TARGETS linnet_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(LINNET_PC_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH LINNET_PC_PREFIX /${LINNET_PC_DIR} /)
configure_file(cmake/linnet.pc.in linnet.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/linnet.pc DESTINATION ${LINNET_PC_DIR})

set(LINNET_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/linnet)
install(EXPORT linnet NAMESPACE linnet:: FILE linnetTargets.cmake DESTINATION ${LINNET_CMAKE_DIR})
configure_package_config_file(cmake/linnetConfig.cmake.in linnetConfig.cmake
  INSTALL_DESTINATION ${LINNET_CMAKE_DIR})
write_basic_package_version_file(linnetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/linnetConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/linnetConfigVersion.cmake
        DESTINATION ${LINNET_CMAKE_DIR})
