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

add_custom_target(peers DEPENDS peer_linnet $<TARGET_NAME_IF_EXISTS:peer_onednn>
  $<TARGET_NAME_IF_EXISTS:peer_openblas>)
