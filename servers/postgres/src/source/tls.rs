//! TLS to the database: the modes of libpq (<https://www.postgresql.org/docs/current/libpq-ssl.html>)
//! on rustls. The driver itself knows three of them and verifies nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::bounded::{Bounded, Overlong};

/// `sslmode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TlsMode {
    /// Never.
    Disable,
    /// If the server can, whoever it is.
    #[default]
    Prefer,
    /// Always, whoever the server is, unless there is a root certificate to check it by.
    Require,
    /// Always, with a server whose certificate comes from a known authority.
    VerifyCa,
    /// The same, and the certificate names the host.
    VerifyFull,
}

impl TlsMode {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "disable" => Self::Disable,
            // libpq tries without TLS first; the other way round loses nothing.
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// `sslrootcert`: the authorities of the system, in place of a file.
pub(crate) const SYSTEM: &str = "system";

/// How to speak TLS with one database.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) mode: TlsMode,
    /// Certificates of authorities, PEM; without it, those of the system.
    pub(crate) root: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

/// What is wrong with the settings or their files.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{}: {problem}", path.display())]
    File { path: PathBuf, problem: String },
    #[error("this system has no certificates of authorities: name a file by sslrootcert")]
    NoRoots,
    #[error("a client certificate needs its key: name both sslcert and sslkey")]
    NoKey,
    #[error("{0}")]
    Settings(String),
}

impl TlsSettings {
    /// The settings as rustls takes them; reads the files that they name.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let settings = |error: RustlsError| TlsError::Settings(error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(settings)?;
        let checks = self.mode >= TlsMode::VerifyCa || self.root.is_some();
        let verifier: Arc<dyn ServerCertVerifier> = if checks {
            let (roots, named) = self.roots()?;
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(|error| TlsError::Settings(error.to_string()))?;
            Arc::new(Known { verifier, named, checks_name: self.mode == TlsMode::VerifyFull })
        } else {
            Arc::new(Anyone(provider))
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match (&self.certificate, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                let bytes = read(key)?;
                let is_encrypted = bytes.windows(9).any(|word| word == b"ENCRYPTED");
                let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
                    let encrypted = "the private key is encrypted: decrypt it";
                    file(key, if is_encrypted { encrypted } else { "no private key in PEM" })
                })?;
                builder.with_client_auth_cert(chain, key).map_err(settings)?
            }
            _ => return Err(TlsError::NoKey),
        };
        // A rejected ticket costs a round trip more than none, and connections live long.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// Whom to trust, and the certificates that the settings themselves name.
    fn roots(&self) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), TlsError> {
        let mut roots = RootCertStore::empty();
        let mut named = Vec::new();
        match &self.root {
            Some(path) if path.as_os_str() != SYSTEM => {
                named = certificates(path)?;
                for certificate in named.iter().cloned() {
                    roots.add(certificate).map_err(|error| file(path, error.to_string()))?;
                }
            }
            _ => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
        }
        if roots.is_empty() { Err(TlsError::NoRoots) } else { Ok((roots, named)) }
    }

    /// The files that are read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let root = self.root.as_ref().filter(|path| path.as_os_str() != SYSTEM);
        [root, self.certificate.as_ref(), self.key.as_ref()].into_iter().flatten().map(Path::new)
    }
}

fn file(path: &Path, problem: impl Into<String>) -> TlsError {
    TlsError::File { path: path.to_owned(), problem: problem.into() }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    #[expect(clippy::disallowed_methods, reason = "a file that the server's owner named")]
    std::fs::read(path).map_err(|error| file(path, error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(file(path, "no certificate in PEM")),
    }
}

/// `verify-ca`, and `verify-full`, which checks the name as well.
#[derive(Debug)]
struct Known {
    verifier: Arc<WebPkiServerVerifier>,
    /// What `sslrootcert` holds. A server that made its own certificate may be named by it.
    named: Vec<CertificateDer<'static>>,
    checks_name: bool,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        let verified =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp, now);
        match verified {
            // The chain is checked before the name.
            Err(RustlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            // Mostly it calls itself an authority, which webpki takes for a server's in no case. That
            // is seen after the times of its validity, which have errors of their own.
            Err(RustlsError::InvalidCertificate(CertificateError::Other(_)))
                if self.named.contains(end_entity) =>
            {
                if self.checks_name {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// `prefer` and `require`: against listeners, not against impostors, as libpq has it.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// `SSLRequest`: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Asks the server for TLS; whether it agrees.
pub(crate) async fn ask(stream: &mut Raw) -> io::Result<bool> {
    stream.write_all(&SSL_REQUEST).await?;
    match stream.read_u8().await? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        // An error, perhaps of whoever stands between: nothing that is not encrypted is believed.
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no answer to the request for TLS")),
    }
}

/// A socket of any kind.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// A socket before TLS.
pub(crate) type Raw = Box<dyn Socket>;

/// What is handed to the driver: a stream that stays as it is, or one on which the server has just
/// agreed to TLS.
pub(crate) enum Wire {
    Plain(Bounded<Raw>),
    Agreed(Raw, Overlong),
}

/// The handshake, as the driver calls it once the server has agreed.
pub(crate) struct Handshake {
    pub(crate) config: Option<Arc<ClientConfig>>,
    pub(crate) name: Option<ServerName<'static>>,
}

impl Handshake {
    /// For a connection without TLS.
    pub(crate) fn none() -> Self {
        Self { config: None, name: None }
    }
}

impl TlsConnect<Wire> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Encrypted>>;

    fn connect(self, wire: Wire) -> Self::Future {
        Box::pin(async move {
            let (Wire::Agreed(stream, overlong), Some(config), Some(name)) =
                (wire, self.config, self.name)
            else {
                return Err(io::Error::other("TLS was not agreed on"));
            };
            let connector = tokio_rustls::TlsConnector::from(config);
            let stream = connector.connect(name, stream).await?;
            Ok(Encrypted(Bounded::new(stream, overlong)))
        })
    }
}

/// A connection that is encrypted.
pub(crate) struct Encrypted(Bounded<tokio_rustls::client::TlsStream<Raw>>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        let (_, session) = self.0.stream().get_ref();
        match session.peer_certificates().and_then(<[_]>::first) {
            Some(certificate) => ChannelBinding::tls_server_end_point(end_point(certificate)),
            None => ChannelBinding::none(),
        }
    }
}

/// `tls-server-end-point` (RFC 5929 §4.1): the certificate's hash, by the hash of its signature.
fn end_point(certificate: &[u8]) -> Vec<u8> {
    match signature_algorithm(certificate) {
        // ecdsa-with-SHA384, sha384WithRSAEncryption
        Some(
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]
            | [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12],
        ) => Sha384::digest(certificate).to_vec(),
        // ecdsa-with-SHA512, sha512WithRSAEncryption
        Some(
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4]
            | [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13],
        ) => Sha512::digest(certificate).to_vec(),
        _ => Sha256::digest(certificate).to_vec(),
    }
}

/// The object identifier of a certificate's signature algorithm (RFC 5280 §4.1).
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(certificate)?;
    let (_, after_contents) = element(certificate)?;
    let (algorithm, _) = element(after_contents)?;
    let (identifier, _) = element(algorithm)?;
    Some(identifier)
}

/// The contents of the first DER element, and what follows it.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f).min(4))?;
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
    };
    rest.split_at_checked(length)
}

impl AsyncRead for Encrypted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Agreed(stream, _) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Agreed(stream, _) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Agreed(stream, _) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Agreed(stream, _) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests;
