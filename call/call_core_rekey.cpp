// New media keys during a call: signals out and in, and what they derive.
#include "call/call_core.h"

namespace sotto::detail {

Result<void> CallCore::rekey() {
    if (!call::talking(state_)) return Failure(Error::wrong_state);
    rekeying_->want();
    return {};
}

void CallCore::request_due_rekey(Instant now) {
    if (!call::talking(state_)) return;
    const auto number = rekeying_->due(rtp_->receiving_generation(), now);
    if (!number) return;
    if (*number) {
        auto request = queue_signal(call::Rekey{**number});
        if (request) return rekeying_->asked(**number, std::move(*request), stepped_, now);
        ++refused_[request.error()];
    } else {
        ++refused_[number->error()];
    }
    rekeying_->failed(now);
}

Result<void> CallCore::receive_rekey(const call::Rekey& rekey, crypto::ExportSecret&& request, Instant now) {
    if (!call::talking(state_)) return Failure(Error::wrong_state);
    const auto number = rekeying_->may_answer(rekey.generation, rtp_->receiving_generation(), now);
    if (!number) return Failure(number.error());
    auto response = queue_signal(call::Rekeyed{*number});
    if (!response) return Failure(response.error());
    rekeying_->agreed(*number, now);
    return begin_generation(*number, std::move(request), std::move(*response), call::MediaEpochs::Side::answered, now);
}

Result<void> CallCore::receive_rekeyed(const call::Rekeyed& rekeyed, crypto::ExportSecret&& response, Instant now) {
    if (!call::talking(state_)) return Failure(Error::wrong_state);
    auto request = rekeying_->answered(rekeyed.generation, now);
    if (!request) return Failure(request.error());
    return begin_generation(static_cast<std::uint16_t>(rekeyed.generation), std::move(*request), std::move(response),
                            call::MediaEpochs::Side::asked, now);
}

Result<void> CallCore::begin_generation(std::uint16_t number, crypto::ExportSecret&& request,
                                        crypto::ExportSecret&& response, call::MediaEpochs::Side side, Instant now) {
    auto secret =
        crypto::derive_generation_secret(*rekey_salt_, std::move(request), std::move(response), number, binding_);
    return rtp_->agree({std::move(secret), number, binding_, role_}, side, now);
}

}  // namespace sotto::detail
