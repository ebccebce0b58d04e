#pragma once
/// What of HTTP the language checks: tokens, header names and values, methods, host patterns, paths, URLs, and values
/// with variables. A problem is returned as a sentence part; empty means fine. Pure.
#include <string>
#include <string_view>

#include "conf/config.hpp"
#include "conf/units.hpp"

namespace weir::conf {

/// "$client_address"; not for `none`.
std::string name_of(text_template::variable which);

/// token of RFC 9110 section 5.6.2
bool is_token(std::string_view text);

/// May an operator change this header? Not those that frame messages or belong to one connection: weir writes them.
std::string problem_of_header_name(std::string_view name);

/// Visible characters, blanks and tabs; no control characters, above all no CR or LF (RFC 9110 section 5.5).
std::string problem_of_header_value(std::string_view value);

std::string problem_of_method(std::string_view method);

/// Lower case on success: `api.example.com`, `*.example.com`, `192.0.2.1`, `[::1]`.
reading<std::string> read_host_pattern(std::string_view text);

/// `example.com`, `192.0.2.1:8080`, `[::1]:80`: what a Host header may hold.
std::string problem_of_host(std::string_view text);

/// `/healthz?full=1`: what a request may ask for.
std::string problem_of_request_path(std::string_view path);

/// `/orders/`: of a path, so without query, fragment or blanks.
std::string problem_of_prefix(std::string_view prefix);

std::string problem_of_url(std::string_view url);

/// `https://$host$target`; `$$` is a dollar sign.
reading<text_template> read_template(std::string_view text);

}  // namespace weir::conf
