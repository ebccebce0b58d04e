#pragma once
/// What goes over the wire as a head: the request as a server gets it, the response as a client gets it. Written anew from
/// what was parsed, with the route's header actions and our own fields.
#include <string>

#include "lib/http/framing.hpp"
#include "proxy/request.hpp"

namespace weir {

/// Appends to `text` the request head for the server of `r`.
void compose_request(std::string& text, const request& r, time_point deadline);

/// Appends to `text` the response head for the client of `r`, whose body will be framed as `framing`; r.keep_client decides
/// about the connection.
void compose_response(std::string& text, request& r, const http::response_head& head,
                      const http::body_framing& framing);

/// The pause that a server asks for. Where it names a date, the pause is counted from its own Date: clocks differ; from
/// `wall_us`, in microseconds since 1970, if it has not said that.
std::optional<std::chrono::seconds> retry_after(const http::response_head& head, std::int64_t wall_us);

}  // namespace weir
