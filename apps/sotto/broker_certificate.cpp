#include "apps/sotto/broker_certificate.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <span>

#include "crypto/durable_file.h"

namespace sotto::app {
namespace {

template <auto free>
struct Free {
    void operator()(auto* pointer) const { free(pointer); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;  // what it held in memory is wiped
using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

constexpr long authority_days = 3650, broker_days = 397, renewed_days = 30;
constexpr long day = 24 * 3600;

File open_file(const std::string& path, const char* mode) { return {std::fopen(path.c_str(), mode), std::fclose}; }

Certificate read_certificate(const std::string& path) {
    const File file = open_file(path, "r");
    return Certificate(file ? PEM_read_X509(file.get(), nullptr, nullptr, nullptr) : nullptr);
}

Key read_key(const std::string& path) {
    const File file = open_file(path, "r");
    return Key(file ? PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr) : nullptr);
}

Bytes bytes_of(const Bio& memory) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &text);
    return std::as_bytes(std::span(text, static_cast<std::size_t>(size)));
}

// The key first: a certificate without its key would never be made again. By names of their own, and no link is
// followed: the folder may be mosquitto's.
bool write_pair(const std::string& stem, EVP_PKEY* key, X509* certificate) {
    const Bio keys(BIO_new(BIO_s_mem())), certificates(BIO_new(BIO_s_mem()));
    return keys && certificates &&
           PEM_write_bio_PrivateKey(keys.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
           PEM_write_bio_X509(certificates.get(), certificate) == 1 &&
           crypto::replace_file(stem + ".key", bytes_of(keys)) &&
           crypto::replace_file(stem + ".pem", bytes_of(certificates));
}

bool add_extension(X509* certificate, X509* issuer, int which, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str());
    const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

// What all certificates have; nothing is signed yet.
Certificate blank(EVP_PKEY* key, const std::string& name, long days) {
    Certificate made(X509_new());
    std::uint64_t serial = 0;
    if (!made || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) != 1) return nullptr;
    const auto text = reinterpret_cast<const unsigned char*>(name.c_str());
    const bool filled =
        X509_set_version(made.get(), X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial | 1) == 1 &&  // not 0, RFC 5280 §4.1.2.2
        X509_gmtime_adj(X509_getm_notBefore(made.get()), -day) != nullptr &&            // for clocks that are behind
        X509_gmtime_adj(X509_getm_notAfter(made.get()), days * day) != nullptr &&
        X509_set_pubkey(made.get(), key) == 1 &&
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1;
    return filled ? std::move(made) : nullptr;
}

bool sign(X509* certificate, X509* issuer, EVP_PKEY* key) {
    return X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
           X509_sign(certificate, key, EVP_sha256()) != 0;
}

bool make_authority(const std::string& folder) {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate made = key ? blank(key.get(), "Sotto broker's authority", authority_days) : nullptr;
    return made && add_extension(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(made.get(), made.get(), NID_key_usage, "critical,keyCertSign") &&
           add_extension(made.get(), made.get(), NID_subject_key_identifier, "hash") &&
           sign(made.get(), made.get(), key.get()) && write_pair(folder + "/ca", key.get(), made.get());
}

bool is_numeric(const std::string& host) {
    ASN1_OCTET_STRING* const address = a2i_IPADDRESS(host.c_str());
    ASN1_OCTET_STRING_free(address);
    return address != nullptr;
}

bool make_broker(const std::string& folder, const std::vector<std::string>& hosts) {
    const Certificate authority = read_certificate(folder + "/ca.pem");
    const Key authority_key = read_key(folder + "/ca.key");
    const Key key(EVP_EC_gen("P-256"));
    if (!authority || !authority_key || !key) return false;
    const Certificate made = blank(key.get(), "Sotto broker", broker_days);
    std::string names;
    for (const std::string& host : hosts) {
        if (!names.empty()) names += ',';
        names += is_numeric(host) ? "IP:" : "DNS:";
        names += host;
    }
    return made && add_extension(made.get(), authority.get(), NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(made.get(), authority.get(), NID_ext_key_usage, "serverAuth") &&
           add_extension(made.get(), authority.get(), NID_subject_alt_name, names) &&
           sign(made.get(), authority.get(), authority_key.get()) &&
           write_pair(folder + "/broker", key.get(), made.get());
}

bool serves(X509* certificate, const std::vector<std::string>& hosts) {
    std::time_t soon = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()) + renewed_days * day;
    if (X509_cmp_time(X509_get0_notAfter(certificate), &soon) < 0) return false;
    return std::ranges::all_of(hosts, [&](const std::string& host) {
        return is_numeric(host) ? X509_check_ip_asc(certificate, host.c_str(), 0) == 1
                                : X509_check_host(certificate, host.c_str(), host.size(), 0, nullptr) == 1;
    });
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

Expected<void> keep_certificates(const std::string& folder, const std::vector<std::string>& hosts) {
    const Certificate present = read_certificate(folder + "/broker.pem");
    if (present && !exists(folder + "/ca.key")) return {};
    if (!exists(folder + "/ca.key") && !make_authority(folder)) {
        return std::unexpected("cannot make an authority in " + folder);
    }
    const Key key = read_key(folder + "/broker.key");
    const bool pair = present && key && X509_check_private_key(present.get(), key.get()) == 1;
    const bool good = pair && serves(present.get(), hosts);
    if (!good && !make_broker(folder, hosts)) return std::unexpected("cannot make a certificate in " + folder);
    return {};
}

}  // namespace sotto::app
