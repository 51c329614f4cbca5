# libsotto: all rooms in one library with one public include folder, found by CMake and pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(rooms base crypto codec transport call)
set(objects "")
foreach(room IN LISTS rooms)
  list(APPEND objects $<TARGET_OBJECTS:sotto_${room}>)
endforeach()

add_library(sotto ${objects})
add_library(sotto::sotto ALIAS sotto)
set_target_properties(sotto PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION 0)
target_compile_features(sotto INTERFACE cxx_std_23)
target_include_directories(sotto INTERFACE
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(sotto PRIVATE PkgConfig::SODIUM PkgConfig::SRTP PkgConfig::OPUS PkgConfig::VPX Libyuv::Libyuv)
if(SOTTO_SQLITE)
  target_link_libraries(sotto PRIVATE PkgConfig::SQLITE)
  set(SOTTO_PC_SQLITE ", sqlite3 >= 3.37")
else()
  set(without_sqlite PATTERN store_sqlite.h EXCLUDE)
endif()

install(TARGETS sotto EXPORT sotto-targets)
install(DIRECTORY include/sotto DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h"
  ${without_sqlite})
install(EXPORT sotto-targets NAMESPACE sotto:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sotto)

configure_package_config_file(cmake/sotto-config.cmake.in sotto-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sotto)
write_basic_package_version_file(sotto-config-version.cmake COMPATIBILITY SameMinorVersion)
configure_file(cmake/sotto.pc.in sotto.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sotto-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/sotto-config-version.cmake
  ${CMAKE_CURRENT_SOURCE_DIR}/cmake/FindLibyuv.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sotto)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sotto.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
