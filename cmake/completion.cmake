# completion.cmake - what bash, zsh and fish need to complete linnet's commands and options: printed by the
# program itself, so that a build for another machine leaves it out.
if(NOT LINNET_BUILD_CLI OR CMAKE_CROSSCOMPILING)
  return()
endif()
function(linnet_completion shell name folder)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/completions/${name})
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/completions
    COMMAND sh -c "'$<TARGET_FILE:linnet_program>' --completion ${shell} > '${output}'"
    DEPENDS linnet_program VERBATIM)
  install(FILES ${output} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
  set(outputs ${outputs} ${output} PARENT_SCOPE)
endfunction()
linnet_completion(bash linnet bash-completion/completions)
linnet_completion(zsh _linnet zsh/site-functions)
linnet_completion(fish linnet.fish fish/vendor_completions.d)
add_custom_target(linnet_completions ALL DEPENDS ${outputs})
