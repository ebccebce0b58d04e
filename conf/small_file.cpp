#include "conf/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace weir::conf {
namespace {

std::string reason() { return std::generic_category().message(errno); }

class descriptor {
public:
    explicit descriptor(int number) : number_{number} {}
    ~descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int number() const noexcept { return number_; }

private:
    int number_;
};

}  // namespace

reading<std::string> read_small_file(const std::string& path, std::size_t most) {
    // Without O_NONBLOCK a FIFO would hold us here until somebody writes to it.
    const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.number() < 0) return std::unexpected{reason()};
    struct stat facts{};
    if (::fstat(file.number(), &facts) != 0) return std::unexpected{reason()};
    if (S_ISDIR(facts.st_mode)) return std::unexpected{std::string{"it is a directory"}};
    if (!S_ISREG(facts.st_mode)) return std::unexpected{std::string{"it is not a regular file"}};

    std::string text(most + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto got = ::read(file.number(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::unexpected{reason()};
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > most) return std::unexpected{"it is larger than " + write_bytes(most)};
    text.resize(size);
    return text;
}

}  // namespace weir::conf
