//! TLS towards others: whose certificates are trusted, and what to say when one isn't. It knows no
//! protocol above, so that database drivers take their configuration from here, too.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use lockkeeper_core::Network;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Whose certificates are trusted.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// Those of the system are left out.
    pub only_files: bool,
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`, which stand in for the system's.
    pub system_file: Option<PathBuf>,
    /// The directory of the two.
    pub system_directory: Option<PathBuf>,
    /// More of them: files in PEM format that the server's settings name.
    pub files: Vec<PathBuf>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Nobody is trusted.
    #[error(
        "this machine has no trusted certificates: install ca-certificates, or set SSL_CERT_FILE"
    )]
    NoRoots,
    /// A file of certificates that the settings name.
    #[error("no certificates can be read from `{}`", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The library refuses its own defaults.
    #[error("TLS can't be set up")]
    Library(#[source] rustls::Error),
}

impl Roots {
    /// The system's, or what the environment names in their place.
    pub fn system(network: &Network) -> Self {
        Self {
            system_file: network.certificate_file.clone(),
            system_directory: network.certificate_directory.clone(),
            ..Self::default()
        }
    }

    /// The files to be read, for the sandbox.
    pub fn reach(&self) -> Vec<PathBuf> {
        let system = self.system_file.iter().chain(&self.system_directory);
        system.chain(&self.files).cloned().collect()
    }

    /// A configuration that trusts them. It reads files, and blocks for some milliseconds.
    pub fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Library)?;
        Ok(builder.with_root_certificates(self.load()?).with_no_client_auth())
    }

    fn load(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        if !self.only_files {
            let (file, directory) = (self.system_file.as_deref(), self.system_directory.as_deref());
            let found = if file.is_some() || directory.is_some() {
                rustls_native_certs::load_certs_from_paths(file, directory)
            } else {
                rustls_native_certs::load_native_certs()
            };
            for error in &found.errors {
                tracing::debug!(%error, "certificates that can't be read");
            }
            let (_, ignored) = roots.add_parsable_certificates(found.certs);
            if ignored > 0 {
                tracing::debug!(ignored, "certificates that can't be used");
            }
        }
        for file in &self.files {
            let error = |source| TlsError::File { file: file.clone(), source };
            let certificates = CertificateDer::pem_file_iter(file).map_err(error)?;
            let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(error)?;
            let (added, _) = roots.add_parsable_certificates(certificates);
            if added == 0 {
                return Err(error(rustls::pki_types::pem::Error::NoItemsFound));
            }
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        Ok(roots)
    }
}

/// What is wrong with a handshake, in words for who has to repair it.
pub fn explain(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let text = match cause {
        None => "the connection broke during the TLS handshake",
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; this machine's clock may be wrong"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            CertificateError::UnknownIssuer => {
                "its certificate is signed by nobody that this machine trusts; if it is a company's \
                 own, name the issuer's file in SSL_CERT_FILE"
            }
            CertificateError::Revoked => "its certificate was revoked",
            other => return format!("its certificate is not valid ({other:?})"),
        },
        Some(rustls::Error::InvalidMessage(_)) => "what answered doesn't speak TLS",
        Some(rustls::Error::AlertReceived(alert)) => {
            return format!("it refuses the TLS handshake ({alert:?})");
        }
        Some(_) => "no TLS version or cipher in common",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_roots_it_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let roots =
            Roots { system_directory: Some(directory.path().to_owned()), ..Roots::default() };
        let error = roots.client_config().unwrap_err();
        assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        for (text, is_there) in [("", false), ("no certificate", true)] {
            if is_there {
                std::fs::write(&file, text).unwrap();
            }
            let roots = Roots { only_files: true, files: vec![file.clone()], ..Roots::default() };
            let error = roots.client_config().unwrap_err();
            assert!(error.to_string().contains("ca.pem"), "{error}");
        }
    }
}
