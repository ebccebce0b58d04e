#pragma once
/// Values with a shape of their own: `10%`, `25ms..1s`, `200-399`, `p95`, `header:X-User`, `connect_failure,reset,503`.
///
/// Reading returns the value or, as the error, what to write instead (may be empty); writing gives a text that reads as the
/// same value. Pure.
#include <string>
#include <utility>

#include "conf/config.hpp"
#include "conf/units.hpp"

namespace weir::conf {

/// As the largest unit that divides it.
std::string write_time(milliseconds time);

/// In thousandths, from 0 to 1000: `10%` is 100, `2.5%` is 25.
reading<unsigned> read_percent(std::string_view text);
std::string write_percent(unsigned permille);

/// `25ms..1s`: both within low..high, the first no longer than the second.
struct span_of_time {
    milliseconds first{}, most{};
};
reading<span_of_time> read_span(std::string_view text, milliseconds low, milliseconds high);
std::string write_span(milliseconds first, milliseconds most);

/// `auto`, `off` or a time: none is `auto`, and `off` is no_time_limit.
reading<std::optional<milliseconds>> read_per_try(std::string_view text);
std::string write_per_try(std::optional<milliseconds> time);

/// `200-399` or `204`
reading<std::pair<unsigned, unsigned>> read_statuses(std::string_view text);
std::string write_statuses(unsigned lowest, unsigned highest);

/// `client_address` or `header:NAME`
reading<client_key> read_client_key(std::string_view text);
std::string write_client_key(const client_key& key);

/// `adaptive`, `off` or a number
reading<in_flight_limit> read_limit(std::string_view text);
std::string write_limit(const in_flight_limit& limit);

/// `off`, `p95` or a time
reading<hedging> read_hedging(std::string_view text);
std::string write_hedging(const hedging& how);

/// `connect_failure`, `reset`, `timeout` and statuses from 400 to 599, separated by commas
reading<retry_causes> read_causes(std::string_view text);
std::string write_causes(const retry_causes& causes);

/// OpenSSL's names with `:` between: `X25519:P-256`. The shape only; what the names mean is for OpenSSL to know.
reading<std::string> read_colon_list(std::string_view text);

/// What the certificate of a server is checked against: a host name, in lower case on success, or an IP address.
reading<std::string> read_tls_name(std::string_view text);

}  // namespace weir::conf
