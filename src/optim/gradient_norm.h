// optim/gradient_norm.h - one number for all gradients of a model, each parameter counted once.
#pragma once

#include <span>

#include "comm/mpi_comm.h"
#include "optim/sharded_adamw.h"

namespace isogloss {

/// sqrt(sum over parameters of gradient^2), of what begin_squares has added up and is in `stream`:
/// every rank adds what it owns, so a parameter with several holders counts once. In double.
/// Collective over `world`.
double gradient_norm(std::span<ShardedAdamw> optimizers, MpiComm const& world, Stream stream);

/// Factor that brings a gradient of length `norm` to at most `limit`: min(1, limit / norm).
/// limit <= 0: no limit, 1. A step whose norm is not finite must not be applied at all.
float clip_factor(double norm, double limit);

}  // namespace isogloss
