#pragma once
/// Answers of our own, instead of a server's: what a route says to every request, and what a backend says when it has no
/// server left. Refusals are not among them (request.hpp).
///
///     if (const auto own = route_answer(r, limit)) return answer(r, *own);
#include <optional>

#include "lib/http/forwarded.hpp"
#include "proxy/request.hpp"

namespace weir {

struct own_answer {
    int status = 200;
    std::string_view body{};  // of the configuration
    std::string_view type = "text/plain; charset=utf-8";
    std::string_view fields{};  // ready made
    std::string location{};
};

/// A redirect or fixed response of the route, or what the protocol says to a TRACE or OPTIONS that may go no further;
/// nothing: ask a server.
std::optional<own_answer> route_answer(const request& r, const http::forward_limit& limit);

/// What the backend has for when none of its servers can be used; nothing, if it has nothing to say itself.
std::optional<own_answer> fallback_answer(const request& r);

/// Answers with it, composed at once as refuse() does, with what the route does to response headers; a reason in r.why is told
/// in Proxy-Status.
task<void> answer(request& r, const own_answer& what);

}  // namespace weir
