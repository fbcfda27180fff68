# man.cmake - the manual pages: man/NAME.SECTION.scd becomes NAME.SECTION through scdoc.
file(GLOB LINNET_MAN CONFIGURE_DEPENDS man/*.scd)
if(NOT LINNET_BUILD_MAN OR NOT LINNET_MAN)
  return()
endif()
find_program(SCDOC scdoc REQUIRED)
foreach(source ${LINNET_MAN})
  get_filename_component(page ${source} NAME_WLE)
  string(REGEX MATCH "[0-9]$" section ${page})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/man/${page})
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/man
    COMMAND sh -c "SOURCE_DATE_EPOCH=0 '${SCDOC}' < '${source}' > '${output}'"
    DEPENDS ${source} VERBATIM)
  list(APPEND pages ${output})
  install(FILES ${output} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
add_custom_target(linnet_man ALL DEPENDS ${pages})
