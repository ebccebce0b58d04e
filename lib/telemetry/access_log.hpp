#pragma once
/// One line per finished request (http) or connection (tcp), as text or as JSON: same fields, same order, same names.
///
///     access_formatter format;                         // one per worker, keeps the second's calendar
///     format.append_text(record, line);                // the line with its '\n' goes behind what is in `line`
///
/// Text, one blank between the fields, none inside (broken here to fit the page):
///
///     2026-11-23T21:00:00.123Z client=203.0.113.7:51000 listener=0.0.0.0:8080 protocol=http method=GET
///     host=example.com target=/a?b=c version=1.1 status=200 reason=none bytes_in=312 bytes_out=1520 header_us=85
///     connect_us=- first_byte_us=1210 total_us=1480 backend=web server=127.0.0.1:9001 tries=1 reused=yes tls=TLSv1.3
///     tls_cipher=TLS_AES_128_GCM_SHA256 tls_us=902 id=5c0f…
///
/// JSON: an object with the same keys, `time` first; numbers are numbers, `reused` is true or false, what is absent is
/// null.
///
/// A line can never be forged, whatever a peer sent. In text, `\xNN` stands for a byte that is not printable ASCII, for
/// a blank, `"` and `\`; `-` alone means absent (a value that is just a dash is written \x2d); a value longer than its
/// bound is cut and ends in `\...`. In JSON each such byte (blank excepted) is `\u00NN`, so bytes survive even if they
/// are no UTF-8, and the mark of a cut is `\u2026`. Both are plain ASCII, and what is documented here is stable: new
/// fields come before `id`. Pure; an object belongs to one thread. No allocation but the growth of `line`, by the room that
/// the longest line needs: use one string again and again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/telemetry/reason.hpp"
#include "lib/telemetry/timestamp.hpp"

namespace weir {

/// Views need to live only until the line is written. An empty view is absent.
struct access_record {
    enum class protocol : std::uint8_t { http, tcp };
    static constexpr std::int64_t absent = -1;

    std::int64_t unix_us = 0;  // when it ended
    std::string_view client;   // address and port
    std::string_view listener;
    protocol spoken = protocol::http;
    std::string_view method;  // http only, like the next four
    std::string_view host;
    std::string_view target;
    int http_minor = -1;  // 0 or 1; negative: absent
    int status = 0;       // what the client got; 0: absent
    reason why = reason::none;
    std::uint64_t bytes_in = 0;  // from the client, to the client: heads and framing included
    std::uint64_t bytes_out = 0;
    std::int64_t header_us = absent;      // first byte of the request to the end of its head
    std::int64_t connect_us = absent;     // to a server; absent on a pooled connection
    std::int64_t first_byte_us = absent;  // request sent to head of the response
    std::int64_t total_us = absent;       // first byte of the request to last byte of the response
    std::string_view backend;
    std::string_view server;                   // the last one tried
    unsigned tries = 0;                        // connections attempted or used; 0: no server was bothered
    bool reused = false;                       // the last try used a pooled connection
    std::string_view tls_version, tls_cipher;  // of the client's connection
    std::int64_t tls_us = absent;              // of its handshake, the same for each of its requests
    std::string_view request_id;
};

class access_formatter {
public:
    static constexpr std::size_t max_target_bytes = 1024;     // of the value, before escaping; longer ones are cut
    static constexpr std::size_t max_value_bytes = 255;       // of every other value
    static constexpr std::size_t max_line_bytes = 18 * 1024;  // of a line, whatever the record holds

    void append_text(const access_record& record, std::string& line);
    void append_json(const access_record& record, std::string& line);

private:
    timestamp_writer time_;
};

}  // namespace weir
