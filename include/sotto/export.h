// Symbols are hidden by default; SOTTO_API marks the ones a client may link to.
#pragma once

#if defined(__GNUC__)
#define SOTTO_API __attribute__((visibility("default")))
#else
#define SOTTO_API
#endif
