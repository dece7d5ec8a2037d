// cli/model_parts.cpp
#include "cli/model_parts.h"

#include "base/table.h"
#include "base/text.h"

namespace isogloss {

Json to_json(PartSize const& size) {
    return Json{
        {"parameters", size.total},
        {"active", size.active},
        {"trainable", size.trainable},
        {"bytes", size.bytes}};
}

std::string parts_table(ModelSize const& size) {
    Table table({"part", "parameters", "active", "trainable", "size"});
    auto const add = [&](char const* name, PartSize const& part) {
        table.add_row(
            {name, count_text(static_cast<double>(part.total)),
             count_text(static_cast<double>(part.active)),
             count_text(static_cast<double>(part.trainable)), bytes_text(part.bytes)}
        );
    };
    add("backbone", size.backbone);
    add("routers", size.routers);
    add("experts", size.experts);
    table.add_rule();
    add("all", size.all);
    return table.text();
}

}  // namespace isogloss
