#include "lib/http/answer.hpp"

#include "lib/http/write.hpp"

namespace weir::http {

namespace {

char* put_beginning(char* at, int status, std::string_view phrase, const answer_mode& mode) noexcept {
    at = put_number(put(at, "HTTP/1.1 "), static_cast<unsigned>(status));
    at = put(put(put(at, " "), phrase), "\r\n");
    if (!mode.date.empty()) at = put(put(put(at, "Date: "), mode.date), "\r\n");
    return put(at, "Server: weir\r\n");
}

char* put_end(char* at, const answer_mode& mode) noexcept {
    if (!mode.request_id.empty()) at = put(put(put(at, "X-Request-Id: "), mode.request_id), "\r\n");
    if (!mode.keep_alive) at = put(at, "Connection: close\r\n");
    else if (mode.client_minor == 0) at = put(at, "Connection: keep-alive\r\n");
    return put(at, "\r\n");
}

char* put_proxy_status(char* at, std::string_view cause, std::string_view name) noexcept {
    return put(put(put(put(put(at, "weir; error="), cause), "; details=\""), name), "\"");
}

}  // namespace

void append_answer(std::string& out, const answer& what, const answer_mode& mode) {
    const bool bodyless = what.status == 204 || what.status == 304;
    const auto phrase = phrase_of(what.status);
    constexpr std::size_t all_fixed_text = 256;
    write_parts::extend(out, all_fixed_text + phrase.size() + mode.date.size(),
                        [&](char* at) { return put_beginning(at, what.status, phrase, mode); });
    if (!what.location.empty()) append_field(out, "Location", what.location);
    if (!bodyless) {
        if (!what.body.empty()) append_field(out, "Content-Type", what.type);
        append_field(out, "Content-Length", what.body.size());
    }
    out.append(what.fields);
    write_parts::extend(out, all_fixed_text + mode.request_id.size(), [&](char* at) { return put_end(at, mode); });
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
    const auto status = status_for(why);
    const auto phrase = phrase_of(status), name = word(why), cause = proxy_status_of(why);
    const auto body_bytes = sizeof "503  \n\n" - 2 + phrase.size() + name.size();
    constexpr std::size_t all_fixed_text = 512;
    const auto most =
        all_fixed_text + 2 * (phrase.size() + name.size()) + cause.size() + mode.date.size() + mode.request_id.size();
    write_parts::extend(out, most, [&](char* at) {
        at = put_beginning(at, status, phrase, mode);
        at =
            put(put_number(put(at, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: "), body_bytes), "\r\n");
        at = put_proxy_status(put(at, "Cache-Control: no-store\r\nProxy-Status: "), cause, name);
        at = put(at, "\r\n");
        if (hints.retry_after > 0) at = put(put_number(put(at, "Retry-After: "), hints.retry_after), "\r\n");
        if (hints.unprocessed) at = put(at, "X-Not-Processed: 1\r\n");
        if (hints.no_retry) at = put(at, "X-Retry: no\r\n");
        at = put_end(at, mode);
        if (mode.head_only) return at;
        at = put_number(at, static_cast<unsigned>(status));
        return put(put(put(put(put(at, " "), phrase), "\n"), name), "\n");
    });
}

void append_proxy_status(std::string& out, reason why) {
    const auto cause = proxy_status_of(why), name = word(why);
    write_parts::extend(out, cause.size() + name.size() + sizeof "weir; error=; details=\"\"",
                        [&](char* at) { return put_proxy_status(at, cause, name); });
}

}  // namespace weir::http
