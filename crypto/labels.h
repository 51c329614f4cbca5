// Every domain-separation string. docs/protocol.md, "Labels", lists those of the protocol.
#pragma once

#include <cstdint>
#include <string_view>

namespace sotto::crypto::labels {

inline constexpr std::string_view device = "Sotto_v1_device";                        // signature input
inline constexpr std::string_view device_list = "Sotto_v1_device_list";              // signature input
inline constexpr std::string_view signed_prekey = "Sotto_v1_signed_prekey";          // signature input
inline constexpr std::string_view kem_prekey = "Sotto_v1_kem_prekey";                // signature input
inline constexpr std::string_view pqxdh = "Sotto_v1_CURVE25519_SHA-512_ML-KEM-768";  // info, PQXDH §2.2
inline constexpr std::string_view root = "Sotto_v1_ratchet_root";                    // info of KDF_RK
inline constexpr std::string_view chain = "Sotto_v1_kdf";                            // nonce of KDF_CK, 12 bytes
inline constexpr std::string_view call = "Sotto_v1_call";                            // info of the call secret
inline constexpr std::string_view rekey_salt = "Sotto_v1_rekey_salt";                // info of a call's rekey salt
inline constexpr std::string_view rekey = "Sotto_v1_rekey";                          // info of a generation secret
inline constexpr std::string_view epoch = "Sotto_v1_epoch";                          // info of an epoch secret
inline constexpr std::string_view srtp = "Sotto_v1_srtp";                            // info of an SRTP key
inline constexpr std::string_view safety_number = "Sotto_v1_safety_number";          // hash input
inline constexpr std::string_view sas_commitment = "Sotto_v1_sas_commitment";        // hash input
inline constexpr std::string_view sas = "Sotto_v1_sas";                              // info of the SAS and of its key
inline constexpr std::string_view capability = "Sotto_v1_capability";                // hash input

// Of the store alone: docs/storage.md.
inline constexpr std::string_view store_records = "Sotto_v1_store_records";  // info of the key that seals records
inline constexpr std::string_view store_names = "Sotto_v1_store_names";      // info of the key that hides names
inline constexpr std::string_view store_marks = "Sotto_v1_store_marks";      // info of the key of header and anchor

// Of the command line alone: docs/protocol.md, "The MQTT carrier".
inline constexpr std::string_view mqtt_client = "Sotto_v1_mqtt_client";  // hash input

// One byte before each encoded public key, so that no two kinds share an encoding (PQXDH §2.2: disjoint ranges).
inline constexpr std::uint8_t x25519_type = 0x01;
inline constexpr std::uint8_t ml_kem_768_type = 0x02;
inline constexpr std::uint8_t ed25519_type = 0x03;  // an identity
inline constexpr std::uint8_t device_type = 0x04;   // Ed25519, too

}  // namespace sotto::crypto::labels
