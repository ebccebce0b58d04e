#include "proxy/own_answer.hpp"

#include "lib/http/answer.hpp"
#include "lib/http/write.hpp"
#include "proxy/template.hpp"

namespace weir {

std::optional<own_answer> route_answer(const request& r, const http::forward_limit& limit) {
    own_answer own;
    if (limit.counts && limit.left == 0) {
        own.status = r.head.verb() == http::method::trace ? 405 : 204;  // TRACE would echo credentials: not by us
        own.fields = "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n";
        return own;
    }
    if (r.route->redirects) {
        own.status = r.route->redirects->status;
        expand(r.route->redirects->to, r, own.location);
        return own;
    }
    if (r.route->responds) {
        own.status = r.route->responds->status;
        own.body = r.route->responds->body;
        own.type = r.route->responds->type;
        return own;
    }
    return std::nullopt;
}

std::optional<own_answer> fallback_answer(const request& r) {
    const auto& fallback = r.backend->shared.settings().fallback;
    if (fallback.how != conf::fallback::kind::respond && fallback.how != conf::fallback::kind::file)
        return std::nullopt;
    own_answer own;
    own.status = fallback.status;
    own.body = fallback.body;
    own.type = fallback.type;
    return own;
}

task<void> answer(request& r, const own_answer& what) {
    std::string fields{what.fields};
    {
        http::head_writer out{fields};
        for (const auto& action : r.route->response_headers) {
            if (action.what == conf::header_action::kind::remove) continue;
            std::string value;
            expand(action.value, r, value);
            if (http::is_field_value(value)) http::append_field(out, action.name, value);
        }
    }
    if (r.why != reason::none) {
        fields.append("Cache-Control: no-store\r\nProxy-Status: ");
        http::append_proxy_status(fields, r.why);
        fields.append("\r\n");
    }
    r.keep_client = r.keep_client && r.body_done;
    http::answer_mode mode;
    mode.keep_alive = r.keep_client;
    mode.head_only = r.head.verb() == http::method::head;
    mode.client_minor = r.head.minor();
    mode.date = r.worker.date_now();
    mode.request_id = r.id_text();
    http::answer answer;
    answer.status = what.status;
    answer.body = what.body;
    answer.type = what.type;
    answer.location = what.location;
    answer.fields = fields;
    r.worker.scratch.clear();
    http::append_answer(r.worker.scratch, answer, mode);
    return answer_with_scratch(r, what.status);
}

}  // namespace weir
