#pragma once
/// Answers that need no server: redirects, fixed responses, TRACE and OPTIONS that may go no further, fallbacks.
///
///     if (const auto own = own_answer(r, limit)) co_return co_await answer(r, *own);
#include <optional>

#include "lib/http/forwarded.hpp"
#include "proxy/request.hpp"

namespace weir {

struct own_text {
    int status = 200;
    std::string_view body{};  // of the configuration
    std::string_view type = "text/plain; charset=utf-8";
    std::string_view fields{};  // ready made
    std::string location{};
};

/// What the route says to every request, or the protocol to this one; nothing: ask a server.
std::optional<own_text> own_answer(const request& r, const http::forward_limit& limit);

/// What the backend has for when none of its servers can be used; nothing, if it has nothing to say itself.
std::optional<own_text> fallback_answer(const request& r);

/// Writes it, composed at once, with what the route does to response headers; a reason in r.why is told in Proxy-Status.
task<void> answer(request& r, const own_text& what);

}  // namespace weir
