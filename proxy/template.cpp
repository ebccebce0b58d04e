#include "proxy/template.hpp"

namespace weir {

void expand(const conf::text_template& text, const request& r, std::string& out) {
    using variable = conf::text_template::variable;
    for (const auto& piece : text.pieces) {
        out += piece.literal;
        switch (piece.var) {
        case variable::none: break;
        case variable::host: out += r.head.host(); break;
        case variable::target: out.append(r.head.path()).append(r.head.query()); break;
        case variable::path: out += r.head.path(); break;
        case variable::client_address: r.client.peer().append_ip_to(out); break;
        case variable::request_id: out += r.id_text(); break;
        case variable::scheme: out += "http"; break;
        }
    }
}

}  // namespace weir
