// checkpoint/hugging_face_names.h - which rows of which parameter a tensor of transformers holds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/hugging_face_form.h"
#include "model/config.h"

namespace isogloss {

/// Rows [first, first + rows) of a parameter of this program; zeros where it has no name.
struct ParameterRows {
    std::string parameter;
    std::int64_t first = 0;
    std::int64_t rows = 0;
};

/// A tensor as a class of transformers calls it. Its rows are those of `from`, one after the other,
/// or `values` where there are any.
struct ForeignParameter {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<ParameterRows> from;
    bool is_router = false;  ///< float here, of the model's type there
    std::vector<float> values = {};

    /// Does it hold anything of the model?
    [[nodiscard]] bool is_part_of_model() const;
};

/// Every tensor of a model in this form, in the order of its layers. One table serves both ways, so
/// what comes in goes out as it was.
///
/// ernie4_5_moe gives all layers as many experts: what a layer lacks is closed by a bias of its
/// choice that no probability makes up for, and the gates of the open ones are those of the layer.
/// A layer with one expert becomes K open copies with gates 1 / K.
std::vector<ForeignParameter> foreign_parameters(ForeignForm form, ModelConfig const& config);

/// Rows of a foreign tensor that become rows of a parameter.
struct ForeignRows {
    std::string tensor;
    std::int64_t first = 0;      ///< row of the tensor
    std::int64_t own_first = 0;  ///< row of the parameter
    std::int64_t rows = 0;
};

/// The table read the other way: for each parameter its rows, ascending, none missing.
/// @throws Error  (internal) when a parameter of the model is not filled, once and whole
std::map<std::string, std::vector<ForeignRows>> sources_of_parameters(
    std::vector<ForeignParameter> const& foreign, ModelConfig const& config
);

/// The name without what classes without a head leave out ("model.", "transformer.").
std::string without_base_prefix(std::string const& name);

}  // namespace isogloss
