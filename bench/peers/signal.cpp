// libsignal-protocol-c: X3DH and a double ratchet without header encryption. Its interface loads and stores the whole
// session for each message; the store here is a buffer in memory.
#include <key_helper.h>
#include <protocol.h>
#include <session_builder.h>
#include <session_cipher.h>
#include <signal_protocol.h>

#include <array>
#include <cstdint>

#include "bench/measure.h"
#include "bench/peers/peer.h"
#include "bench/peers/signal_provider.h"

namespace sotto::bench {
namespace {

void done(int result, const char* what) { require(result >= 0, what); }

// Frees each of the library's types by its own function.
struct Free {
    void operator()(signal_context* value) const { signal_context_destroy(value); }
    void operator()(signal_protocol_store_context* value) const { signal_protocol_store_context_destroy(value); }
    void operator()(session_builder* value) const { session_builder_free(value); }
    void operator()(session_cipher* value) const { session_cipher_free(value); }
    void operator()(signal_buffer* value) const { signal_buffer_free(value); }
    template <class Counted>
    void operator()(Counted* value) const {
        signal_type_unref(reinterpret_cast<signal_type_base*>(value));
    }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// What a function of the library makes by its first parameter.
template <class T, class Make, class... Arguments>
Owned<T> made(const char* what, Make make, Arguments... arguments) {
    T* value = nullptr;
    done(make(&value, arguments...), what);
    return Owned<T>(value);
}

using Record = std::vector<std::uint8_t>;

int load(signal_buffer** out, const Record& record) {
    *out = signal_buffer_create(record.data(), record.size());
    return *out != nullptr ? 1 : SG_ERR_NOMEM;
}

// One end: its identity, its only session, its only prekey, and the library's view of them.
class SignalEnd {
  public:
    SignalEnd(signal_context* context, const char* peer) : context_(context), address_{peer, 1, 1} {
        identity_ = made<ratchet_identity_key_pair>("libsignal: no identity",
                                                    signal_protocol_key_helper_generate_identity_key_pair, context);
        store_ =
            made<signal_protocol_store_context>("libsignal: no store", signal_protocol_store_context_create, context);
        set_stores();
        cipher_ = made<session_cipher>("libsignal: no cipher", session_cipher_create, store_.get(), &address_, context);
    }
    SignalEnd(const SignalEnd&) = delete;
    SignalEnd& operator=(const SignalEnd&) = delete;

    // A bundle without a one-time prekey, as it is when they have run out.
    Owned<session_pre_key_bundle> publish() {
        const auto key = made<session_signed_pre_key>("libsignal: no signed prekey",
                                                      signal_protocol_key_helper_generate_signed_pre_key,
                                                      identity_.get(), prekey_id, std::uint64_t{0}, context_);
        done(signal_protocol_signed_pre_key_store_key(store_.get(), key.get()), "libsignal: cannot store");
        return made<session_pre_key_bundle>(
            "libsignal: no bundle", session_pre_key_bundle_create, registration_id, 1, 0u, nullptr, prekey_id,
            ec_key_pair_get_public(session_signed_pre_key_get_key_pair(key.get())),
            session_signed_pre_key_get_signature(key.get()), session_signed_pre_key_get_signature_len(key.get()),
            ratchet_identity_key_pair_get_public(identity_.get()));
    }
    void begin(session_pre_key_bundle* bundle) {
        const auto builder =
            made<session_builder>("libsignal: no builder", session_builder_create, store_.get(), &address_, context_);
        done(session_builder_process_pre_key_bundle(builder.get(), bundle), "libsignal: bundle refused");
    }

    Owned<ciphertext_message> encrypt(Bytes plaintext) {
        ciphertext_message* message = nullptr;
        done(session_cipher_encrypt(cipher_.get(), reinterpret_cast<const std::uint8_t*>(plaintext.data()),
                                    plaintext.size(), &message),
             "libsignal: cannot encrypt");
        return Owned<ciphertext_message>(message);
    }
    // Gives the plaintext's size.
    std::size_t decrypt(const ciphertext_message* message) {
        signal_buffer* const bytes = ciphertext_message_get_serialized(message);
        const std::uint8_t* const data = signal_buffer_data(bytes);
        const std::size_t size = signal_buffer_len(bytes);
        signal_buffer* plaintext = nullptr;
        if (ciphertext_message_get_type(message) == CIPHERTEXT_PREKEY_TYPE) {
            const auto parsed = made<pre_key_signal_message>("libsignal: malformed", pre_key_signal_message_deserialize,
                                                             data, size, context_);
            done(session_cipher_decrypt_pre_key_signal_message(cipher_.get(), parsed.get(), nullptr, &plaintext),
                 "libsignal: cannot decrypt");
        } else {
            const auto parsed =
                made<signal_message>("libsignal: malformed", signal_message_deserialize, data, size, context_);
            done(session_cipher_decrypt_signal_message(cipher_.get(), parsed.get(), nullptr, &plaintext),
                 "libsignal: cannot decrypt");
        }
        return signal_buffer_len(Owned<signal_buffer>(plaintext).get());
    }

  private:
    static constexpr std::uint32_t registration_id = 1, prekey_id = 1;

    static SignalEnd& self(void* user) { return *static_cast<SignalEnd*>(user); }

    void set_stores() {
        const signal_protocol_session_store sessions{
            .load_session_func =
                [](signal_buffer** record, signal_buffer**, const signal_protocol_address*, void* user) {
                    return self(user).session_.empty() ? 0 : load(record, self(user).session_);
                },
            .get_sub_device_sessions_func = nullptr,
            .store_session_func =
                [](const signal_protocol_address*, std::uint8_t* record, std::size_t size, std::uint8_t*, std::size_t,
                   void* user) {
                    self(user).session_.assign(record, record + size);
                    return SG_SUCCESS;
                },
            .contains_session_func = [](const signal_protocol_address*,
                                        void* user) { return self(user).session_.empty() ? 0 : 1; },
            .delete_session_func = nullptr,
            .delete_all_sessions_func = nullptr,
            .destroy_func = nullptr,
            .user_data = this};
        const signal_protocol_signed_pre_key_store prekeys{
            .load_signed_pre_key = [](signal_buffer** record, std::uint32_t,
                                      void* user) { return load(record, self(user).prekey_); },
            .store_signed_pre_key =
                [](std::uint32_t, std::uint8_t* record, std::size_t size, void* user) {
                    self(user).prekey_.assign(record, record + size);
                    return SG_SUCCESS;
                },
            .contains_signed_pre_key = nullptr,
            .remove_signed_pre_key = nullptr,
            .destroy_func = nullptr,
            .user_data = this};
        const signal_protocol_identity_key_store identities{
            .get_identity_key_pair =
                [](signal_buffer** shared, signal_buffer** secret, void* user) {
                    const ratchet_identity_key_pair* const pair = self(user).identity_.get();
                    const int result = ec_public_key_serialize(shared, ratchet_identity_key_pair_get_public(pair));
                    return result < 0 ? result
                                      : ec_private_key_serialize(secret, ratchet_identity_key_pair_get_private(pair));
                },
            .get_local_registration_id =
                [](void*, std::uint32_t* id) {
                    *id = registration_id;
                    return SG_SUCCESS;
                },
            .save_identity = [](const signal_protocol_address*, std::uint8_t*, std::size_t,
                                void*) { return SG_SUCCESS; },
            .is_trusted_identity = [](const signal_protocol_address*, std::uint8_t*, std::size_t, void*) { return 1; },
            .destroy_func = nullptr,
            .user_data = this};
        done(signal_protocol_store_context_set_session_store(store_.get(), &sessions), "libsignal: no session store");
        done(signal_protocol_store_context_set_signed_pre_key_store(store_.get(), &prekeys),
             "libsignal: no prekey store");
        done(signal_protocol_store_context_set_identity_key_store(store_.get(), &identities),
             "libsignal: no identity store");
    }

    signal_context* context_;
    signal_protocol_address address_;
    Record session_, prekey_;
    Owned<ratchet_identity_key_pair> identity_;
    Owned<signal_protocol_store_context> store_;
    Owned<session_cipher> cipher_;
};

Owned<signal_context> make_context() {
    const signal_crypto_provider provider = openssl_provider();
    auto context = made<signal_context>("libsignal: no context", signal_context_create, nullptr);
    done(signal_context_set_crypto_provider(context.get(), &provider), "libsignal: no provider");
    return context;
}

class SignalPeer final : public Peer {
  public:
    SignalPeer() {
        alice_.begin(bob_.publish().get());
        send(End::alice, {});
        send(End::bob, {});
    }
    void send(End from, Bytes plaintext) override {
        const bool alice = from == End::alice;
        const auto message = (alice ? alice_ : bob_).encrypt(plaintext);
        require((alice ? bob_ : alice_).decrypt(message.get()) == plaintext.size(), "libsignal: another plaintext");
    }

  private:
    Owned<signal_context> context_ = make_context();
    SignalEnd alice_{context_.get(), "b"};
    SignalEnd bob_{context_.get(), "a"};
};

}  // namespace

std::unique_ptr<Peer> meet_by_signal() { return std::make_unique<SignalPeer>(); }

}  // namespace sotto::bench
