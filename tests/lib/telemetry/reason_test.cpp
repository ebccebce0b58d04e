#include "lib/telemetry/reason.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "tests/support/catch.hpp"

using namespace weir;

TEST_CASE("every reason has a word of its own, fit for a header, a label and a log") {
    std::set<std::string_view> words;
    for (int i = 0; i < reason_count; ++i) {
        const auto text = word(static_cast<reason>(i));
        CHECK_FALSE(text.empty());
        CHECK(std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; }));
        words.insert(text);
    }
    CHECK(words.size() == static_cast<std::size_t>(reason_count));
    CHECK(word(reason::none) == "none");
    CHECK(word(reason::bad_upgrade) == "bad_upgrade");
}

TEST_CASE("the status blames whoever is at fault") {
    for (int i = 1; i < reason_count; ++i) {
        const auto why = static_cast<reason>(i);
        CAPTURE(word(why));
        const int status = status_for(why);
        switch (at_fault(why)) {
        case party::client: CHECK(((status >= 400 && status < 500) || status == 501 || status == 505)); break;
        case party::backend: CHECK((status == 502 || status == 504)); break;
        case party::proxy: CHECK((status == 404 || status == 500 || status == 503 || status == 504)); break;
        }
    }
    CHECK(status_for(reason::none) == 200);
}

TEST_CASE("statuses that clients rely on") {
    CHECK(status_for(reason::head_too_large) == 431);
    CHECK(status_for(reason::target_too_long) == 414);
    CHECK(status_for(reason::body_too_large) == 413);
    CHECK(status_for(reason::unsupported_encoding) == 501);
    CHECK(status_for(reason::unsupported_version) == 505);
    CHECK(status_for(reason::unsupported_expectation) == 417);
    CHECK(status_for(reason::no_server) == 503);
    CHECK(status_for(reason::connect_timeout) == 504);
    CHECK(status_for(reason::client_closed) == 499);
}

TEST_CASE("the proxy status is a type that RFC 9209 registers") {
    const std::set<std::string_view> registered{"dns_timeout",
                                                "dns_error",
                                                "destination_not_found",
                                                "destination_unavailable",
                                                "destination_ip_prohibited",
                                                "destination_ip_unroutable",
                                                "connection_refused",
                                                "connection_terminated",
                                                "connection_timeout",
                                                "connection_read_timeout",
                                                "connection_write_timeout",
                                                "connection_limit_reached",
                                                "tls_protocol_error",
                                                "tls_certificate_error",
                                                "tls_alert_received",
                                                "http_request_error",
                                                "http_request_denied",
                                                "http_response_incomplete",
                                                "http_response_header_section_size",
                                                "http_response_header_size",
                                                "http_response_body_size",
                                                "http_response_trailer_section_size",
                                                "http_response_trailer_size",
                                                "http_response_transfer_coding",
                                                "http_response_content_coding",
                                                "http_response_timeout",
                                                "http_upgrade_failed",
                                                "http_protocol_error",
                                                "proxy_internal_response",
                                                "proxy_internal_error",
                                                "proxy_configuration_error",
                                                "proxy_loop_detected"};
    for (int i = 1; i < reason_count; ++i) {
        CAPTURE(word(static_cast<reason>(i)));
        CHECK(registered.contains(proxy_status_of(static_cast<reason>(i))));
    }
    CHECK(proxy_status_of(reason::none).empty());
    CHECK(proxy_status_of(reason::connect_timeout) == "connection_timeout");
}
