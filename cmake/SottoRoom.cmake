# A room is a folder whose code may include only the rooms it names. Its include root holds nothing but a link to the
# folder itself, so that `#include "transport/rtp.h"` from crypto/ finds no such file.

function(sotto_add_room name)
  cmake_parse_arguments(ROOM "" "FOLDER" "SOURCES;ROOMS;PACKAGES" ${ARGN})
  if(NOT ROOM_FOLDER)
    set(ROOM_FOLDER ${name})
  endif()
  set(root ${CMAKE_BINARY_DIR}/rooms/${name})
  cmake_path(GET ROOM_FOLDER PARENT_PATH parent)
  file(MAKE_DIRECTORY ${root}/${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${ROOM_FOLDER} ${root}/${ROOM_FOLDER} SYMBOLIC)

  add_library(sotto_${name} STATIC ${ROOM_SOURCES})
  add_library(sotto::${name} ALIAS sotto_${name})
  target_include_directories(sotto_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include ${root})
  target_link_libraries(sotto_${name} PUBLIC ${ROOM_ROOMS} PRIVATE ${ROOM_PACKAGES})
  sotto_compile_options(sotto_${name})
endfunction()

function(sotto_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
  if(SOTTO_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# Programs and tests are built fast rather than made fast where nothing is measured; the rooms keep -O2. In Release, too,
# what only TALKS to people and files: its own code works on no pictures and is not measured.
function(sotto_build_fast target)
  cmake_parse_arguments(FAST "TALKS" "" "" ${ARGN})
  target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1> $<$<CONFIG:RelWithDebInfo>:-g1>)
  if(FAST_TALKS)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
endfunction()

# Headers of others that a program or its tests include in nearly every file, parsed once; never our own, so that one that
# lacks an include still fails in the builds of the rooms. Never CLI11's either: each file that sees them makes all its
# validators, seconds of work. ccache does better without any; the preset `clang` goes without, too, so that ./dev lint
# sees what a file itself lacks.
function(sotto_precompile target)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()
