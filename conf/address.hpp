#pragma once
/// Addresses and networks as the language writes them. The error of a reading is what is wrong or what to write
/// instead; it may be empty. Looks up no names. Pure.
#include <string_view>

#include "conf/config.hpp"
#include "conf/units.hpp"

namespace weir::conf {

/// Where to listen: `8080`, `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/weir.sock`. No names: what a name means at the
/// start of the program may differ from what it meant when the file was checked.
reading<endpoint> read_listen_address(std::string_view text);

/// Where a server is: `10.0.0.1:80`, `[fd00::1]:80`, `name:80`, `unix:/run/app.sock`.
reading<endpoint> read_server_address(std::string_view text);

/// `10.0.0.0/8`, `fd00::/8`, `192.0.2.1`, `unix`.
reading<network> read_network(std::string_view text);

/// Letters, digits, `-` and `_` in labels of at most 63, together at most 253 (RFC 1123 section 2.1).
bool is_host_name(std::string_view text);

bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);

}  // namespace weir::conf
