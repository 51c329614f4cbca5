// libolm: X3DH and a double ratchet without header encryption; messages in base64.
#include <olm/olm.h>
#include <sodium.h>

#include <nlohmann/json.hpp>

#include "bench/measure.h"
#include "bench/peers/peer.h"

namespace sotto::bench {
namespace {

using Text = std::vector<char>;

std::size_t done(std::size_t result, const char* what) {
    require(result != olm_error(), what);
    return result;
}

Text random_text(std::size_t size) {
    Text text(size);
    randombytes_buf(text.data(), text.size());
    return text;
}

class Account {
  public:
    Account() {
        Text random = random_text(olm_create_account_random_length(account_));
        done(olm_create_account(account_, random.data(), random.size()), "libolm: no account");
        random = random_text(olm_account_generate_one_time_keys_random_length(account_, 1));
        done(olm_account_generate_one_time_keys(account_, 1, random.data(), random.size()), "libolm: no one-time key");
    }

    std::string identity_key() {
        Text json(olm_account_identity_keys_length(account_));
        done(olm_account_identity_keys(account_, json.data(), json.size()), "libolm: no identity keys");
        return nlohmann::json::parse(json).at("curve25519");
    }
    std::string one_time_key() {
        Text json(olm_account_one_time_keys_length(account_));
        done(olm_account_one_time_keys(account_, json.data(), json.size()), "libolm: no one-time keys");
        return nlohmann::json::parse(json).at("curve25519").begin().value();
    }
    OlmAccount* get() { return account_; }

  private:
    Text memory_ = Text(olm_account_size());
    OlmAccount* account_ = olm_account(memory_.data());
};

class OlmPeer final : public Peer {
  public:
    OlmPeer() {
        Account alice, bob;
        const std::string identity = bob.identity_key(), one_time = bob.one_time_key();
        Text random = random_text(olm_create_outbound_session_random_length(alice_));
        done(olm_create_outbound_session(alice_, alice.get(), identity.data(), identity.size(), one_time.data(),
                                         one_time.size(), random.data(), random.size()),
             "libolm: no outbound session");
        encrypt(alice_, {});
        Text first = message_;  // decoded in place
        done(olm_create_inbound_session(bob_, bob.get(), first.data(), first.size()), "libolm: no inbound session");
        decrypt(bob_);
        send(End::bob, {});
    }

    void send(End from, Bytes plaintext) override {
        encrypt(from == End::alice ? alice_ : bob_, plaintext);
        require(decrypt(from == End::alice ? bob_ : alice_) == plaintext.size(), "libolm: another plaintext");
    }

  private:
    void encrypt(OlmSession* session, Bytes plaintext) {
        type_ = done(olm_encrypt_message_type(session), "libolm: no type");
        std::array<char, 32> random;
        const std::size_t needed = olm_encrypt_random_length(session);
        require(needed <= random.size(), "libolm: more randomness than a key");
        randombytes_buf(random.data(), needed);
        message_.resize(olm_encrypt_message_length(session, plaintext.size()));
        message_.resize(done(olm_encrypt(session, plaintext.data(), plaintext.size(), random.data(), needed,
                                         message_.data(), message_.size()),
                             "libolm: cannot encrypt"));
    }
    // Asks for no plaintext length, which would decode the message once more.
    std::size_t decrypt(OlmSession* session) {
        opened_.resize(message_.size());
        return done(olm_decrypt(session, type_, message_.data(), message_.size(), opened_.data(), opened_.size()),
                    "libolm: cannot decrypt");
    }

    Text alice_memory_ = Text(olm_session_size()), bob_memory_ = Text(olm_session_size());
    OlmSession* alice_ = olm_session(alice_memory_.data());
    OlmSession* bob_ = olm_session(bob_memory_.data());
    Text message_, opened_;
    std::size_t type_ = 0;
};

}  // namespace

std::unique_ptr<Peer> meet_by_olm() { return std::make_unique<OlmPeer>(); }

}  // namespace sotto::bench
