# Cross-compiles for ARM64 Linux with Debian's g++-aarch64-linux-gnu against the packages that `./dev setup arm64`
# unpacks into build/arm64-sysroot; what it builds runs here under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

if(NOT SOTTO_ARM64_ROOT)
  set(SOTTO_ARM64_ROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-sysroot/root)
endif()
set(CMAKE_FIND_ROOT_PATH ${SOTTO_ARM64_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_C_FLAGS_INIT "-isystem ${SOTTO_ARM64_ROOT}/usr/include/aarch64-linux-gnu")
set(CMAKE_CXX_FLAGS_INIT "-isystem ${SOTTO_ARM64_ROOT}/usr/include/aarch64-linux-gnu")
# libsrtp2 needs NSS, which the linker finds here without our naming it.
add_link_options(-Wl,-rpath-link,${SOTTO_ARM64_ROOT}/usr/lib/aarch64-linux-gnu)

set(ENV{PKG_CONFIG_LIBDIR} ${SOTTO_ARM64_ROOT}/usr/lib/aarch64-linux-gnu/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${SOTTO_ARM64_ROOT})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${SOTTO_ARM64_ROOT})
