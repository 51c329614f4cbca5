# Cross-compiles for 64-bit Android with the NDK's own toolchain file, against static libraries that were built by it into
# one prefix (docs/phones.md). From the environment: ANDROID_NDK_HOME, and SOTTO_ANDROID_PREFIX, the prefix.
foreach(needed ANDROID_NDK_HOME SOTTO_ANDROID_PREFIX)
  if(NOT DEFINED ENV{${needed}})
    message(FATAL_ERROR "${needed} is not set; docs/phones.md tells what it is for")
  endif()
endforeach()
set(ANDROID_ABI arm64-v8a)
set(ANDROID_PLATFORM android-28)
set(ANDROID_STL c++_static)
include($ENV{ANDROID_NDK_HOME}/build/cmake/android.toolchain.cmake)

list(APPEND CMAKE_FIND_ROOT_PATH $ENV{SOTTO_ANDROID_PREFIX})
list(APPEND CMAKE_PREFIX_PATH $ENV{SOTTO_ANDROID_PREFIX})
set(ENV{PKG_CONFIG_LIBDIR} $ENV{SOTTO_ANDROID_PREFIX}/lib/pkgconfig)
set(PKG_CONFIG_ARGN --static)
