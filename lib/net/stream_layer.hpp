#pragma once
/// What may stand between the wire and those who read and write a byte_stream: it opens what comes and seals what goes.
/// TLS is one (lib/tls/session.hpp); a stream without a layer carries plain bytes.
///
///     stream.add_layer(std::move(session));       // from here on in() is what the peer meant, not what it sent
///
/// Nothing here waits: a layer turns bytes into bytes, and tells what it has to say to the kernel itself once that seals.
/// Belongs to its stream, on its loop.
#include <span>
#include <string>
#include <string_view>

namespace weir {

class stream_layer {
public:
    virtual ~stream_layer() = default;

    enum class state { open, ended, broken };  // of the direction towards us

    /// Opens what was kept, then what is at the front of `wire`, into `space`, and takes what it used off `wire`. The bytes
    /// made; 0: more must come from the wire, or state() tells that nothing will.
    virtual std::size_t open(std::string_view& wire, std::span<char> space) noexcept = 0;
    /// Keeps what open() had no space for. A stream reads no more from the wire until that is used up.
    virtual void keep(std::string_view wire) = 0;
    /// More can be opened without another byte from the wire.
    virtual bool has_more() const noexcept = 0;
    virtual state incoming() const noexcept = 0;

    /// Appends to `wire` what both pieces become; false: it cannot, and nothing can be sent any more.
    virtual bool seal(std::string_view first, std::string_view second, std::string& wire) = 0;
    /// Appends what tells the peer that nothing follows.
    virtual void seal_end(std::string& wire) = 0;
    /// Appends what the layer itself has to tell the peer after an open(), an alert for instance.
    virtual void append_own(std::string& wire) = 0;

    /// Has the kernel seal what is sent to `descriptor`, for good (kernel_tls.hpp): seal() and seal_end() are not called any
    /// more, append_own() sends what it has to tell itself. False: it cannot, and nothing has changed.
    virtual bool seal_in_kernel(int /*descriptor*/) noexcept { return false; }
    /// The kernel has sealed about as much as it should with one key: end the connection when it can be done.
    virtual bool is_worn() const noexcept { return false; }
};

}  // namespace weir
