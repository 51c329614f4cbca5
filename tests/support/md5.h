// MD5 by OpenSSL, for comparing decoded pictures with published digests.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string>

#include "sotto/identity.h"

namespace sotto::test {

class Md5 {
  public:
    Md5() { EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr); }
    void update(const void* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
    std::string hex() {
        std::array<std::byte, 16> digest{};
        EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
        return to_hex(digest);
    }

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

}  // namespace sotto::test
