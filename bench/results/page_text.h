// bench/report_page.{html,css,js}, put into the program when it is built.
#pragma once

#include <string_view>

namespace sotto::bench {

extern const std::string_view page_html, page_style, page_script;

}  // namespace sotto::bench
