#include "lib/http/answer.hpp"

#include <charconv>

#include "lib/http/write.hpp"

namespace weir::http {

void append_answer(std::string& out, const answer& what, const answer_mode& mode) {
    const bool bodyless = what.status == 204 || what.status == 304;
    append_status_line(out, what.status);
    if (!mode.date.empty()) append_field(out, "Date", mode.date);
    append_field(out, "Server", "weir");
    if (!what.location.empty()) append_field(out, "Location", what.location);
    if (!bodyless) {
        if (!what.body.empty()) append_field(out, "Content-Type", what.type);
        append_field(out, "Content-Length", what.body.size());
    }
    out.append(what.fields);
    if (!mode.request_id.empty()) append_field(out, "X-Request-Id", mode.request_id);
    if (!mode.keep_alive) append_field(out, "Connection", "close");
    else if (mode.client_minor == 0) append_field(out, "Connection", "keep-alive");
    end_head(out);
    if (!bodyless && !mode.head_only) out.append(what.body);
}

const std::string_view refusal_unread = "HTTP/1.1 503 Service Unavailable\r\n"
                                        "Server: weir\r\n"
                                        "Content-Length: 0\r\n"
                                        "Cache-Control: no-store\r\n"
                                        "Proxy-Status: weir; error=proxy_internal_response; details=\"overloaded\"\r\n"
                                        "Retry-After: 5\r\n"
                                        "X-Not-Processed: 1\r\n"
                                        "X-Retry: no\r\n"
                                        "Connection: close\r\n\r\n";

void append_refusal(std::string& out, reason why, const answer_mode& mode, const refusal_hints& hints) {
    const int status = status_for(why);
    char digits[3];
    std::to_chars(digits, digits + sizeof digits, status);

    std::string fields = "Cache-Control: no-store\r\nProxy-Status: ";
    append_proxy_status(fields, why);
    end_head(fields);
    if (hints.retry_after > 0) append_field(fields, "Retry-After", hints.retry_after);
    if (hints.unprocessed) append_field(fields, "X-Not-Processed", "1");
    if (hints.no_retry) append_field(fields, "X-Retry", "no");

    std::string body{digits, sizeof digits};
    body.append(" ").append(phrase_of(status)).append("\n").append(word(why)).append("\n");
    append_answer(out, {.status = status, .body = body, .fields = fields}, mode);
}

void append_proxy_status(std::string& out, reason why) {
    out.append("weir; error=").append(proxy_status_of(why)).append("; details=\"").append(word(why)).append("\"");
}

}  // namespace weir::http
