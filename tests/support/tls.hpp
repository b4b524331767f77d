// Distributed under the Boost Software License, Version 1.0. See LICENSE.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace test {

/// The server's side of TLS, with a certificate for 127.0.0.1 that it made and signed itself.
class TlsServer {
 public:
  TlsServer() {
    const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
    X509_set_version(certificate_.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 86'400);
    X509_NAME* const name = X509_get_subject_name(certificate_.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate_.get(), name);
    X509_set_pubkey(certificate_.get(), key.get());
    const std::unique_ptr<X509_EXTENSION, Free> names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1"));
    X509_add_ext(certificate_.get(), names.get(), -1);
    if (X509_sign(certificate_.get(), key.get(), EVP_sha256()) == 0 ||
        SSL_CTX_use_certificate(context_.get(), certificate_.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context_.get(), key.get()) != 1) {
      throw std::runtime_error("OpenSSL makes no certificate");
    }
  }

  /// The certificate in PEM.
  [[nodiscard]] std::string certificate() const {
    const std::unique_ptr<BIO, Free> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate_.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return std::string(text, static_cast<std::size_t>(size));
  }

  /// Sends `records`, each in a record of its own, to each request on the connected socket `fd` whose head ends in its
  /// last piece of at most 16 KiB, until the peer ends it; `limit` times at most. SIGPIPE stays blocked in the calling
  /// thread.
  void serve(int fd, const std::vector<std::string>& records, int limit = 1000) const {
    sigset_t sigpipe;
    ::sigemptyset(&sigpipe);
    ::sigaddset(&sigpipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr);
    const std::unique_ptr<SSL, Free> ssl(SSL_new(context_.get()));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    std::string received;
    char piece[16384];
    for (int i = 0; i != limit;) {
      const int size = SSL_read(ssl.get(), piece, sizeof piece);
      if (size <= 0) return;
      received.append(piece, static_cast<std::size_t>(size));
      if (received.find("\r\n\r\n") == std::string::npos || received.back() != '}') continue;
      received.clear();
      for (const std::string& record : records) {
        if (SSL_write(ssl.get(), record.data(), static_cast<int>(record.size())) <= 0) return;
      }
      ++i;
    }
  }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
  };

  std::unique_ptr<SSL_CTX, Free> context_{SSL_CTX_new(TLS_server_method())};
  std::unique_ptr<X509, Free> certificate_{X509_new()};
};

}  // namespace test
