// model/parameters.h - the table of a model's parameters: what each is, who holds it, does it
// train.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/math.h"
#include "comm/mpi_comm.h"
#include "device/buffer.h"
#include "device/view.h"
#include "kernels/gradient_sum.h"
#include "model/config.h"
#include "moe/placement.h"

namespace isogloss {

enum class Part : std::uint8_t { backbone, router, expert };

/// One parameter of the whole model, the same on every rank.
struct ParameterSpec {
    std::string name;  ///< "layers.3.experts.5.down.weight"
    std::vector<std::int64_t> shape;
    Part part = Part::backbone;
    std::int32_t layer = -1;   ///< -1: outside the blocks
    std::int32_t expert = -1;  ///< only for Part::expert
    DType dtype = DType::f32;
    bool decays = true;  ///< weight decay applies (matrices, not gains and biases)
    bool trainable = true;
    /// The first of a step that is added to its gradient is a whole product: it can replace.
    bool begins_by_product = false;

    [[nodiscard]] std::int64_t size() const;
};

/// All parameters of a model, in the one order that files and buffers use. A pure function.
std::vector<ParameterSpec> parameter_specs(ModelConfig const& config);

/// Parameters that the same ranks hold, with one type, all trainable or all frozen: contiguous
/// memory, so that one collective serves them all.
struct ParameterGroup {
    std::vector<int>
        ranks;     ///< world ranks that hold these parameters, ascending; this one included
    MpiComm comm;  ///< those ranks
    DType dtype = DType::f32;
    bool trainable = true;
    std::vector<std::size_t> members;   ///< indices into the table, ascending
    std::vector<std::int64_t> offsets;  ///< of each member, in elements
    std::int64_t size = 0;              ///< elements, with each member padded to 64 bytes
    Memory values;                      ///< size elements of dtype
    Buffer<float> gradients;            ///< [size]; empty when frozen
};

/// The parameters that this rank holds.
class ParameterTable {
public:
    /// Collective over `world`: makes the groups' communicators. Memory is zeroed.
    ParameterTable(
        ModelConfig const& config, Placement const& placement, MpiComm const& world, Device device
    );

    /// All of the model, held here or not.
    [[nodiscard]] std::span<ParameterSpec const> specs() const { return specs_; }
    /// @throws Error  when there is no parameter of this name
    [[nodiscard]] std::size_t index_of(std::string const& name) const;

    [[nodiscard]] bool is_held(std::size_t index) const;
    /// World ranks that hold parameter `index`, ascending, for every parameter of the model.
    [[nodiscard]] std::span<int const> holders(std::size_t index) const;

    /// Values as one run of elements, none of them on its way. @throws Error  when T is not its
    /// type or it is not held here
    template <class T>
    [[nodiscard]] View<T, 1> values(std::size_t index) const;
    /// Values as [rows, columns]: the first extent and the product of the others.
    template <class T>
    [[nodiscard]] View<T, 2> matrix(std::size_t index) const;
    /// Gradient, of the same shape, in float; a view whose data is null when frozen.
    [[nodiscard]] View<float, 1> gradient(std::size_t index) const;
    [[nodiscard]] View<float, 2> gradient_matrix(std::size_t index) const;
    /// The same for who adds products to it.
    [[nodiscard]] GradientSum gradient_sum(std::size_t index) const;

    [[nodiscard]] Device device() const { return device_; }
    [[nodiscard]] std::span<ParameterGroup> groups() { return groups_; }
    [[nodiscard]] std::span<ParameterGroup const> groups() const { return groups_; }

    [[nodiscard]] std::int32_t num_blocks() const {
        return static_cast<std::int32_t>(first_of_block_.size()) - 1;
    }
    /// Index of the first parameter of block `block`, with what comes before the blocks for block
    /// 0; block num_blocks() is what comes after them.
    [[nodiscard]] std::size_t first_of_block(std::int32_t block) const {
        return first_of_block_.at(index(block));
    }

    /// Values may be on their way, block after block: await(block) is called before those of
    /// `block` and of the blocks before it are read. Null: nothing is on its way any more.
    void set_awaiting(std::function<void(std::int32_t)> await) { await_ = std::move(await); }
    /// What is queued from now on finds the values of all blocks up to `block`.
    void await_values(std::int32_t block) const {
        if (await_) {
            await_(block);
        }
    }

    /// New sums begin: what is there does not count any more. The host goes on: zeros are written
    /// when a pass comes to the block, and only where the first addition is not a whole product.
    void restart_gradients();
    /// A training pass comes to `block`: its values are there and its gradients can be added to.
    void begin_block(std::int32_t block);
    /// Zeros where a sum was restarted and nothing was added, so that all gradients may be read.
    void settle_gradients();
    /// The same for these parameters of the table alone, held here or not.
    void settle_gradients(Range parameters);

private:
    struct Place {
        std::int32_t group = -1;  ///< -1: not held here
        std::int64_t offset = 0;
    };

    [[nodiscard]] ParameterGroup const& group_of(std::size_t index) const;
    void settle(std::size_t index);

    std::vector<ParameterSpec> specs_;
    std::unordered_map<std::string, std::size_t> index_;  ///< for finding only
    std::vector<std::vector<int>> holders_;
    std::vector<Place> places_;
    std::vector<ParameterGroup> groups_;
    std::vector<std::size_t> first_of_block_;  ///< [num_blocks + 1]
    std::function<void(std::int32_t)> await_;
    std::unique_ptr<bool[]> is_empty_;  ///< of each parameter: nothing was added since the restart
    Device device_;
};

}  // namespace isogloss
