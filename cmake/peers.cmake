# peers.cmake - the contenders of bench/peers that are programs in C: Linnet itself always, so that it stays
# whole; oneDNN and OpenBLAS where they are installed (bench/peers/setup).
add_library(linnet_peer OBJECT bench/peers/peer.c)
target_link_libraries(linnet_peer PRIVATE linnet_flags)

# linnet_add_peer(name libraries...): the contender bench/peers/<name>.c
function(linnet_add_peer name)
  add_executable(peer_${name} bench/peers/${name}.c $<TARGET_OBJECTS:linnet_peer>)
  target_link_libraries(peer_${name} PRIVATE ${ARGN} linnet_flags m)
endfunction()

linnet_add_peer(linnet linnet_static)
find_library(LINNET_DNNL dnnl)
mark_as_advanced(LINNET_DNNL)
if(LINNET_DNNL)
  linnet_add_peer(onednn ${LINNET_DNNL})
endif()
pkg_check_modules(OPENBLAS IMPORTED_TARGET openblas)
if(OPENBLAS_FOUND)
  linnet_add_peer(openblas PkgConfig::OPENBLAS)
endif()

# All of them, and which commit they are of.
add_custom_target(peers ALL
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/bench/peers/commit ${CMAKE_CURRENT_BINARY_DIR}/peers.commit
  DEPENDS peer_linnet $<TARGET_NAME_IF_EXISTS:peer_onednn> $<TARGET_NAME_IF_EXISTS:peer_openblas>
    $<TARGET_NAME_IF_EXISTS:linnet_program>)

# One row of the table, Linnet alone: that the contender and the script that drives it are whole.
find_program(LINNET_PYTHON3 python3)
mark_as_advanced(LINNET_PYTHON3)
if(LINNET_PYTHON3)
  add_test(NAME peers COMMAND ${LINNET_PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/bench/peers/run
    --build ${CMAKE_CURRENT_BINARY_DIR} --rows forward/small,training/adam/fp32/64/1 --peers "" --turn 0.01
    --rounds 4)
  set_tests_properties(peers PROPERTIES
    PASS_REGULAR_EXPRESSION "batch 1, 1 thread [|] .* [|] .*batch 64, 1 thread [|] .* [|]")
endif()
