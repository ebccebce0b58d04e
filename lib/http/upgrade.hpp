#pragma once
/// Switching protocols (RFC 9110 section 7.8): what was offered, and whether a 101 may be believed.
///
///     append_upgrade(out, head, route.upgrades);                    // offered and allowed, else nothing
///     auto protocol = check_switch(head, response, route.upgrades); // on a 101
///
/// A proxy that forwards an Upgrade it does not know becomes a blind tunnel, and what runs in it evades every rule (h2c
/// smuggling, 2020). So only protocols that the client offered AND the operator allowed reach the server, and a 101 to
/// anything else is an error. Offers of a request that has a body or is HTTP/1.0 are void; a server may ignore any offer.
/// Names compare without regard to case; a version (`foo/2`) is part of the name.
#include <span>
#include <string>
#include <string_view>

#include "lib/http/head.hpp"
#include "lib/net/error.hpp"

namespace weir::http {

class head_writer;  // write.hpp

/// Did the client offer it, validly?
bool offers(const request_head& head, std::string_view protocol) noexcept;

/// Does the request offer any of these?
bool offers_any(const request_head& head, std::span<const std::string> allowed) noexcept;

/// `Connection: upgrade` and `Upgrade: ...` with what was offered and is allowed, in the client's order; nothing, and
/// false, if that is empty. `also` is one more connection option, such as "te".
bool append_upgrade(head_writer& out, const request_head& head, std::span<const std::string> allowed,
                    std::string_view also = {});

/// The protocol a 101 switches to, as the server wrote it; bad_upgrade if nobody asked, if it names none or several, or
/// one that was not offered or is not allowed. Write it to the client with append_switch.
result<std::string_view> check_switch(const request_head& asked, const response_head& answer,
                                      std::span<const std::string> allowed);

/// The 101 for the client: status line, the fields that may go on, Connection and Upgrade, empty line.
void append_switch(std::string& text, const response_head& answer, std::string_view protocol);

}  // namespace weir::http
