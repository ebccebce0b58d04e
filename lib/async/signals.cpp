#include "lib/async/signals.hpp"

namespace weir {

signal_stream::signal_stream(uv_loop& time, std::initializer_list<int> numbers) : arrived_{time, 16} {
    for (const int number : numbers) {
        auto* handle = new uv_signal_t;
        uv_signal_init(time.raw(), handle);
        handle->data = this;
        uv_signal_start(handle, [](uv_signal_t* raised, int which) {
            const uv_loop::callback_scope scope{raised};
            static_cast<signal_stream*>(raised->data)->arrived_.push(which);
        }, number);
        handles_.push_back(handle);
    }
}

signal_stream::~signal_stream() {
    for (auto* handle : handles_)
        uv_close(reinterpret_cast<uv_handle_t*>(handle),
                 [](uv_handle_t* h) { delete reinterpret_cast<uv_signal_t*>(h); });
}

}  // namespace weir
