#include "call/rekeying.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sotto::call {
namespace {

constexpr std::uint16_t last_generation = std::numeric_limits<std::uint16_t>::max();

Duration generation_of(crypto::Role role) {
    return role == crypto::Role::caller ? caller_generation : callee_generation;
}

}  // namespace

Rekeying::Rekeying(crypto::Role ours, Instant now) : ours_(ours), began_(now), due_(now + generation_of(ours)) {}

void Rekeying::want() {
    wanted_ = true;
    due_ = Instant::min();
}

std::optional<Result<std::uint16_t>> Rekeying::due(std::uint16_t receiving, Instant now) {
    if (now < due_) return std::nullopt;
    if (crossed_ && receiving >= *crossed_) {
        crossed_.reset();
        due_ = began_ + generation_of(ours_);
        return std::nullopt;
    }
    const std::uint32_t number = std::max({sent_, theirs_, agreed_}) + 1U;
    if (number > last_generation || number >= receiving + generations_ahead) return Failure(Error::key_exhausted);
    return static_cast<std::uint16_t>(number);
}

void Rekeying::asked(std::uint16_t number, crypto::ExportSecret&& request, bool stepped, Instant now) {
    const bool for_client = wanted_ || (request_ && request_->again);
    sent_ = number;
    request_ = Request{.number = number, .secret = std::move(request), .sent = now, .again = for_client && !stepped};
    wanted_ = false;
    due_ = now + retry_;
    retry_ = std::min(2 * retry_, longest_retry);
}

void Rekeying::failed(Instant now) { due_ = now + retry_; }

Result<crypto::ExportSecret> Rekeying::answered(std::uint32_t number, Instant now) {
    if (!request_ || request_->number != number) return Failure(Error::wrong_state);
    Request request = std::move(*request_);
    request_.reset();
    agreed(request.number, now);
    // The answer lets our next message step (Double Ratchet §2.3).
    if (request.again) want();
    return std::move(request.secret);
}

Result<std::uint16_t> Rekeying::may_answer(std::uint32_t number, std::uint16_t receiving, Instant now) {
    if (number <= std::max(theirs_, agreed_)) return Failure(Error::replayed);
    if (number > last_generation) return Failure(Error::key_exhausted);
    if (number >= receiving + generations_ahead) return Failure(Error::malformed);
    theirs_ = static_cast<std::uint16_t>(number);
    // After that long ours was lost, and must not stand in the way of theirs.
    const bool under_way = request_ && now - request_->sent < first_retry;
    if (under_way && ours_ == crypto::Role::caller) return Failure(Error::wrong_state);
    return theirs_;
}

void Rekeying::agreed(std::uint16_t number, Instant now) {
    agreed_ = number;
    began_ = now;
    retry_ = first_retry;
    // If the two requests crossed, both sides may have given up their own: then we ask again.
    crossed_ = request_ ? std::optional(number) : std::nullopt;
    request_.reset();
    if (!wanted_) due_ = now + (crossed_ ? first_retry : generation_of(ours_));
}

}  // namespace sotto::call
