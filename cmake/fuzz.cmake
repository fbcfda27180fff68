# fuzz.cmake - the fuzz targets: each fuzz/NAME.c is one program, fuzz_NAME, of libFuzzer's. The whole
# library is built with clang's sanitizers and coverage for them, so a build of this kind is for nothing
# else. How they are run stands in docs/development.md.
if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "the fuzz targets need clang: CC=clang cmake ...")
endif()
# -Wno-pass-failed: with the checks in them, not every loop of the kernels can be vectorised as asked.
target_compile_options(linnet_flags INTERFACE -fsanitize=address,undefined,fuzzer-no-link
  -fno-sanitize-recover=all -g -O1 -Wno-pass-failed)
target_link_options(linnet_flags INTERFACE -fsanitize=address,undefined)

file(GLOB LINNET_FUZZERS CONFIGURE_DEPENDS fuzz/*.c)
file(GLOB LINNET_FUZZ_SUPPORT CONFIGURE_DEPENDS fuzz/support/*.c)
foreach(source ${LINNET_FUZZERS})
  get_filename_component(name ${source} NAME_WE)
  add_executable(fuzz_${name} ${source} ${LINNET_FUZZ_SUPPORT})
  target_include_directories(fuzz_${name} PRIVATE src fuzz)
  target_link_libraries(fuzz_${name} PRIVATE linnet_static linnet_flags)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endforeach()
