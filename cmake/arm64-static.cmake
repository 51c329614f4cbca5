# As arm64-linux.cmake, but of the static libraries that `./dev setup arm64-static` lays out: one file that runs on any
# ARM64 Linux, Android's among them.
set(SOTTO_ARM64_ROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-sysroot/static)
include(${CMAKE_CURRENT_LIST_DIR}/arm64-linux.cmake)
set(SOTTO_STATIC ON)
add_link_options(-static)
set(PKG_CONFIG_ARGN --static)
