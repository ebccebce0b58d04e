#pragma once
/// What no single argument can tell: the parts of a block against each other, and blocks against blocks.
///
/// Errors are contradictions; warnings are legal but probably not meant. Presence is judged by what stands in the file,
/// so that one slip is reported once: a route whose backend is misspelt is not said to lack one. Pure.
#include <span>
#include <string_view>
#include <vector>

#include "conf/diagnostic.hpp"
#include "conf/load.hpp"
#include "conf/schema.hpp"

namespace weir::conf {

/// Where the parts of one block stand.
struct written {
    struct entry {
        const directive* what;
        const argument* part;  // null: the directive itself; where it makes something, `where` is its first argument
        span where;
    };
    span self;  // of the block: what names it
    std::vector<entry> entries = {};
    bool sound = true;                 // no error within; then the values may be compared
    const directive* made = nullptr;   // what the block is of; null: of the file
    std::vector<written> blocks = {};  // those within, in the order of the file

    const span* find(std::string_view name, std::string_view part = {}) const;
    /// The places of a directive that may repeat, in the order of what it made.
    std::vector<span> all(std::string_view name) const;
    /// The blocks of such a directive, in the order of what it made.
    std::vector<const written*> all_blocks(std::string_view name) const;
};

/// For what `made` has just made (a listener, a route, a header action, ...), once all of it is read.
void check(const directive& made, target what, const written& where, const environment& machine, diagnostics& problems);

/// For the whole file.
void check(config& whole, const written& top, const environment& machine, diagnostics& problems);

}  // namespace weir::conf
