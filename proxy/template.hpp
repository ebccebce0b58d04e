#pragma once
/// Fills the variables of a configured header value or redirect ($host, $target, ...) from a request.
#include <string>

#include "conf/config.hpp"
#include "proxy/request.hpp"

namespace weir {

/// Appends to `out`. What a client sent may come out in it: before it is written as a field value it must be checked
/// (http::is_field_value), which a parsed head guarantees for each part alone.
void expand(const conf::text_template& text, const request& r, std::string& out);

}  // namespace weir
