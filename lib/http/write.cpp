#include "lib/http/write.hpp"

namespace weir::http {

namespace {

char* put_field(char* at, std::string_view name, std::string_view value) noexcept {
    return put(put(put(put(at, name), ": "), value), "\r\n");
}

/// All at once: nothing that is forwarded is longer than what was received, but for a space behind each colon.
template <class Keep>
void append_fields(head_writer& out, const field_block& fields, Keep keep) {
    out.write(fields.bytes().size() + fields.size(), [&](char* at) {
        for (const field f : fields)
            if (keep(f)) at = put_field(at, f.name, f.value);
        return at;
    });
}

/// The request line of a target in absolute form.
[[gnu::noinline]] void append_origin_form(head_writer& out, const request_head& head) {
    const bool no_path = head.path() == "/" && head.query().empty() && !head.target().ends_with('/');
    if (head.verb() == method::options && no_path) return append_request_line(out, head.method_name(), "*");
    append_request_line(out, head.method_name(), std::string{head.path()}.append(head.query()));
}

}  // namespace

void append_request_line(head_writer& out, const request_head& head) {
    if (head.is_absolute_form()) [[unlikely]]
        return append_origin_form(out, head);
    append_request_line(out, head.method_name(), head.target());
}

void append_status_line(head_writer& out, int status, std::string_view phrase) {
    if (phrase.empty()) phrase = phrase_of(status);
    out.write(phrase.size() + sizeof "HTTP/1.1 200 \r\n", [&](char* at) {
        at = put_number(put(at, "HTTP/1.1 "), static_cast<unsigned>(status));
        return put(put(put(at, " "), phrase), "\r\n");
    });
}

void append_field(head_writer& out, std::string_view name, std::string_view value) {
    out.write(name.size() + value.size() + 4, [&](char* at) { return put_field(at, name, value); });
}

void append_field(head_writer& out, std::string_view name, std::uint64_t value) {
    constexpr std::size_t most_digits = 20;
    out.write(name.size() + most_digits + 4,
              [&](char* at) { return put(put_number(put(put(at, name), ": "), value), "\r\n"); });
}

void append_framing(head_writer& out, const body_framing& framing) {
    switch (framing.how) {
    case body_framing::kind::length: append_field(out, "Content-Length", framing.length); break;
    case body_framing::kind::chunked: append_field(out, "Transfer-Encoding", "chunked"); break;
    case body_framing::kind::none:
    case body_framing::kind::until_close: break;
    }
}

void append_forwardable(head_writer& out, const request_head& head) {
    const auto held = head.held_back();
    append_fields(out, head.fields(), [&](const field& f) { return !f.nominated && !f.shadow && !held.has(f.id); });
}

void append_forwardable(head_writer& out, const response_head& head, method asked) {
    const auto held = head.held_back(asked);
    append_fields(out, head.fields(), [&](const field& f) { return !f.nominated && !held.has(f.id); });
}

void append_interim(std::string& text, const response_head& head) {
    head_writer out{text};
    append_status_line(out, head.status(), head.reason_phrase());
    append_forwardable(out, head, method::unknown);
    end_head(out);
}

std::string_view phrase_of(int status) noexcept {
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    default: return "Unknown";
    }
}

bool is_field_value(std::string_view value) noexcept {
    for (const char c : value)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
    return trim(value).size() == value.size();
}

}  // namespace weir::http
