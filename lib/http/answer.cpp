#include "lib/http/answer.hpp"

#include <array>

#include "lib/http/write.hpp"

namespace weir::http {

namespace {

constexpr std::string_view server_line = "Server: weir\r\n";

char* put_date(char* at, const answer_mode& mode) noexcept {
    return mode.date.empty() ? at : put(put(put(at, "Date: "), mode.date), "\r\n");
}

char* put_end(char* at, const answer_mode& mode) noexcept {
    if (!mode.request_id.empty()) at = put(put(put(at, "X-Request-Id: "), mode.request_id), "\r\n");
    if (!mode.keep_alive) at = put(at, "Connection: close\r\n");
    else if (mode.client_minor == 0) at = put(at, "Connection: keep-alive\r\n");
    return put(at, "\r\n");
}

/// The parts of a refusal that its reason decides: refusing must cost little when there is much to refuse.
struct refusal_text {
    std::string status_line;
    std::string fields;  // those behind the date
    std::string body;
};

refusal_text compose(reason why) {
    refusal_text text;
    const auto status = status_for(why);
    text.body =
        std::to_string(status).append(" ").append(phrase_of(status)).append("\n").append(word(why)).append("\n");
    {
        head_writer line{text.status_line}, fields{text.fields};
        append_status_line(line, status);
        fields.append(server_line);
        append_field(fields, "Content-Type", "text/plain; charset=utf-8");
        append_field(fields, "Content-Length", text.body.size());
        append_field(fields, "Cache-Control", "no-store");
    }
    text.fields.append("Proxy-Status: ");
    append_proxy_status(text.fields, why);
    text.fields.append("\r\n");
    return text;
}

const refusal_text& text_of(reason why) {
    static const auto all = [] {
        std::array<refusal_text, reason_count> texts;
        for (int i = 0; i < reason_count; ++i) texts[static_cast<std::size_t>(i)] = compose(static_cast<reason>(i));
        return texts;
    }();
    return all[static_cast<std::size_t>(why)];
}

}  // namespace

void append_answer(std::string& out, const answer& what, const answer_mode& mode) {
    head_writer to{out};
    const bool bodyless = what.status == 204 || what.status == 304;
    constexpr std::size_t all_fixed_text = 256;
    append_status_line(to, what.status);
    to.write(all_fixed_text + mode.date.size(), [&](char* at) { return put(put_date(at, mode), server_line); });
    if (!what.location.empty()) append_field(to, "Location", what.location);
    if (!bodyless) {
        if (!what.body.empty()) append_field(to, "Content-Type", what.type);
        append_field(to, "Content-Length", what.body.size());
    }
    to.append(what.fields);
    to.write(all_fixed_text + mode.request_id.size(), [&](char* at) { return put_end(at, mode); });
    if (!bodyless && !mode.head_only) to.append(what.body);
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
    const auto& text = text_of(why);
    constexpr std::size_t all_fixed_text = 256;
    const auto most = all_fixed_text + text.status_line.size() + text.fields.size() + text.body.size() +
                      mode.date.size() + mode.request_id.size();
    head_writer{out}.write(most, [&](char* at) {
        at = put(put_date(put(at, text.status_line), mode), text.fields);
        if (hints.retry_after > 0) at = put(put_number(put(at, "Retry-After: "), hints.retry_after), "\r\n");
        if (hints.unprocessed) at = put(at, "X-Not-Processed: 1\r\n");
        if (hints.no_retry) at = put(at, "X-Retry: no\r\n");
        at = put_end(at, mode);
        return mode.head_only ? at : put(at, text.body);
    });
}

void append_proxy_status(std::string& out, reason why) {
    out.append("weir; error=").append(proxy_status_of(why)).append("; details=\"").append(word(why)).append("\"");
}

}  // namespace weir::http
