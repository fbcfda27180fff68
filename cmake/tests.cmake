# tests.cmake - every test that ctest runs: the cmocka suites (each tests/test_*.c is one), the program's
# scripts, and the checks of the tree, the header, the library and the installation.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
file(GLOB LINNET_TESTS CONFIGURE_DEPENDS tests/test_*.c)
file(GLOB LINNET_TEST_HELPERS CONFIGURE_DEPENDS tests/support/*.c)

add_library(linnet_test_support OBJECT ${LINNET_TEST_HELPERS} cli/sha256.c)
target_include_directories(linnet_test_support PRIVATE src tests)
target_compile_definitions(linnet_test_support PUBLIC
  LN_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/tests/data")
target_link_libraries(linnet_test_support PRIVATE linnet_flags PUBLIC linnet_static PkgConfig::CMOCKA)
# What of it is written in ln_real, in double.
add_library(linnet_test_support64 OBJECT tests/support/engine.c tests/support/reals.c)
target_compile_definitions(linnet_test_support64 PRIVATE LN_FLOAT64)
target_include_directories(linnet_test_support64 PRIVATE include src tests)
target_link_libraries(linnet_test_support64 PRIVATE linnet_flags PkgConfig::CMOCKA)

# test_cli_* are of the program's parts.
if(NOT LINNET_BUILD_CLI)
  list(FILTER LINNET_TESTS EXCLUDE REGEX "/test_cli_[^/]*$")
endif()
if(NOT LINNET_GZIP) # its pictures are unpacked by zlib
  list(FILTER LINNET_TESTS EXCLUDE REGEX "/test_cli_page[^/]*$")
endif()
# linnet_suite(NAME SOURCE): one suite, and a test of ctest.
function(linnet_suite name source)
  add_executable(${name} ${source}
    $<TARGET_OBJECTS:linnet_test_support> $<TARGET_OBJECTS:linnet_test_support64>)
  if(name MATCHES "^test_cli_")
    target_include_directories(${name} PRIVATE cli)
    target_link_libraries(${name} PRIVATE linnet_cli)
  endif()
  target_include_directories(${name} PRIVATE src tests .)
  target_link_libraries(${name} PRIVATE linnet_test_support linnet_flags)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS suite)
endfunction()

foreach(source ${LINNET_TESTS})
  get_filename_component(name ${source} NAME_WE)
  linnet_suite(${name} ${source})
endforeach()
# The longest go first, so that no core waits for one of them at the end.
set_tests_properties(test_plan test_kernels PROPERTIES COST 20)
set_tests_properties(test_gradients PROPERTIES COST 10)
# The kernels' suites once more, of the kernels in double (src/numeric/real.h).
foreach(name test_kernels test_rows)
  linnet_suite(${name}_f64 tests/${name}.c)
  target_compile_definitions(${name}_f64 PRIVATE LN_FLOAT64)
endforeach()

# Used by the checks against other programs.
foreach(name logits convert train scores)
  add_executable(${name} tests/interop/${name}.c)
  target_link_libraries(${name} PRIVATE linnet linnet_flags)
endforeach()

# What follows looks at the tree and at the finished library; a cross build or a sanitizer's build has
# nothing new to say about either.
if(CMAKE_CROSSCOMPILING)
  return()
endif()
if(LINNET_BUILD_CLI)
  add_test(NAME cli COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/cli/run $<TARGET_FILE:linnet_program>)
  set_tests_properties(cli PROPERTIES LABELS suite COST 30)
endif()
if(LINNET_SANITIZE)
  return()
endif()
if(LINNET_BUILD_CLI)
  add_test(NAME completion
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/scripts/completion $<TARGET_FILE:linnet_program>)
endif()

add_test(NAME includes COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/check-includes)
add_test(NAME includes_refused COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/scripts/check-includes)
add_test(NAME formats_documented COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/check-formats)
add_test(NAME formats_undocumented COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/scripts/check-formats)
add_test(NAME symbols COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/check-symbols
  $<TARGET_FILE:linnet> ${CMAKE_CURRENT_SOURCE_DIR}/include/linnet.h)
# What is installed by default: clang makes an eighth more of the same sources.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_test(NAME size COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/check-size
    $<TARGET_FILE:linnet> 1000000)
  # A sanitizer's loops are its own.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT LINNET_SANITIZE)
    foreach(set avx2 avx512)
      add_test(NAME vectors_${set} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/check-vectors
        ${CMAKE_CURRENT_BINARY_DIR} ${set})
    endforeach()
  endif()
endif()
add_test(NAME header COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/check-header
  ${CMAKE_CURRENT_SOURCE_DIR}/include/linnet.h)
add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/install/run
  ${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
add_test(NAME readme COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/scripts/readme
  $<TARGET_FILE:linnet_program> ${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR})

if(LINNET_BUILD_CLI)
  add_test(NAME memory COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/scripts/memory
    $<TARGET_FILE:linnet_program>)
  set_tests_properties(memory PROPERTIES COST 10)
endif()

# Benchmarks are built with the tests, so that they stay whole; they are run by hand.
file(GLOB LINNET_BENCHES CONFIGURE_DEPENDS bench/*.c)
foreach(source ${LINNET_BENCHES})
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} ${source})
  target_include_directories(bench_${name} PRIVATE src)
  target_link_libraries(bench_${name} PRIVATE linnet_static linnet_flags)
endforeach()
include(cmake/peers.cmake)
