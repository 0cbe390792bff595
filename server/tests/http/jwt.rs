//! Bearer JWTs of a configured issuer: three algorithms, keys from a file and
//! from a URL, and everything a forger would try.

use crate::api::{Api, Reply};
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa,
    signature::{self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "signet";

/// An issuer with a key of each kind.
struct Issuer {
    rsa: signature::RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let rsa = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let rsa: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            rsa: signature::RsaKeyPair::from_pkcs8(rsa.as_ref()).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref()).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    fn jwks(&self) -> Value {
        let n = self.rsa.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let e = self.rsa.public_key().exponent().big_endian_without_leading_zero().to_vec();
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "n": b64(n), "e": b64(e)},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": b64(self.ed.public_key().as_ref())},
        ]})
    }

    /// A token with this header and these claims, signed as `alg` says.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = match header["alg"].as_str().unwrap() {
            "RS256" => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                let scheme = &signature::RSA_PKCS1_SHA256;
                self.rsa.sign(scheme, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
                signature
            }
            "ES256" => self.ec.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            _ => Vec::new(),
        };
        format!("{message}.{}", b64(signature))
    }
}

/// An API that takes the issuer's tokens, keys in a file.
async fn api(issuer: &Issuer, directory: &Path) -> Api {
    let file = directory.join("jwks.json");
    std::fs::write(&file, issuer.jwks().to_string()).unwrap();
    with_keys_at(file.to_str().unwrap()).await
}

async fn with_keys_at(jwks: &str) -> Api {
    let settings =
        [("SIGNET_JWT_ISSUER", ISSUER), ("SIGNET_JWT_AUDIENCE", AUDIENCE), ("SIGNET_JWT_JWKS", jwks)];
    Api::with(&settings).await
}

fn claims(api: &Api) -> Value {
    let exp = api.ops.clock.now().as_second() + 600;
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": exp,
        "signet_account": api.account.0, "signet_access": "admin",
    })
}

async fn list(api: &Api, token: &str) -> Reply {
    api.get("/api/domains").without_token().header("authorization", format!("Bearer {token}")).send().await
}

#[tokio::test]
async fn each_algorithm_is_taken() {
    let (issuer, directory) = (Issuer::new(), tempfile::tempdir().unwrap());
    let api = api(&issuer, directory.path()).await;
    for (alg, kid) in [("RS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")] {
        let header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
        assert_eq!(list(&api, &issuer.sign(&header, &claims(&api))).await.status, 200, "{alg}");
        // Without a key id the only key that fits is taken.
        let header = json!({"alg": alg});
        assert_eq!(list(&api, &issuer.sign(&header, &claims(&api))).await.status, 200, "{alg} without kid");
    }
}

#[tokio::test]
async fn claims_are_the_rights() {
    let (issuer, directory) = (Issuer::new(), tempfile::tempdir().unwrap());
    let api = api(&issuer, directory.path()).await;
    let header = json!({"alg": "EdDSA", "kid": "ed"});
    let create = async |access: Value, name: &str| {
        let mut claims = claims(&api);
        claims["signet_access"] = access;
        let token = format!("Bearer {}", issuer.sign(&header, &claims));
        let body = json!({"domain": {"domain_name": name}});
        api.post("/api/domains").without_token().header("authorization", token).json(&body).send().await
    };
    // What the operator does is for the operator's own tokens: no issuer gives it.
    for access in [json!("operator"), json!(1000)] {
        assert_eq!(create(access.clone(), "o.example").await.status, 401, "{access}");
    }
    let created = create("admin".into(), "a.example").await;
    assert_eq!(created.status, 200);
    assert_eq!(create(100.into(), "b.example").await.status, 200);
    assert_eq!(create("viewer".into(), "c.example").await.status, 403);
    assert_eq!(create(10.into(), "c.example").await.status, 403);
    assert_eq!(create(11.into(), "c.example").await.status, 401);
    assert_eq!(create("root".into(), "c.example").await.status, 401);
    let id = created.json()["id"].as_i64().unwrap();
    let events = api.get(&format!("/api/domains/{id}/events")).send().await.json();
    assert_eq!(events["data"][0]["actor"], "jwt:alice");
}

#[tokio::test]
async fn forgeries_are_401() {
    let (issuer, stranger, directory) = (Issuer::new(), Issuer::new(), tempfile::tempdir().unwrap());
    let api = api(&issuer, directory.path()).await;
    let header = json!({"alg": "RS256", "kid": "rsa"});
    let now = api.ops.clock.now().as_second();
    let with = |name: &str, value: Value| {
        let mut claims = claims(&api);
        claims[name] = value;
        issuer.sign(&header, &claims)
    };
    let without = |name: &str| {
        let mut claims = claims(&api);
        claims.as_object_mut().unwrap().remove(name);
        issuer.sign(&header, &claims)
    };
    let good = issuer.sign(&header, &claims(&api));
    let public = issuer.jwks()["keys"][0]["n"].as_str().unwrap().to_string();
    let hmac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes());
    let signed = format!("{}.{}", b64(r#"{"alg":"HS256","kid":"rsa"}"#), b64(claims(&api).to_string()));
    let hs256 = format!("{signed}.{}", b64(aws_lc_rs::hmac::sign(&hmac, signed.as_bytes())));
    let cases = [
        ("another's key", stranger.sign(&header, &claims(&api))),
        ("no signature", issuer.sign(&json!({"alg": "none"}), &claims(&api))),
        ("the public key as a secret", hs256),
        ("another key's algorithm", issuer.sign(&json!({"alg": "ES256", "kid": "rsa"}), &claims(&api))),
        ("an unknown key", issuer.sign(&json!({"alg": "RS256", "kid": "new"}), &claims(&api))),
        ("expired", with("exp", (now - 60).into())),
        ("never expires", without("exp")),
        ("not valid yet", with("nbf", (now + 600).into())),
        ("another issuer", with("iss", "https://evil.example".into())),
        ("another audience", with("aud", "mail".into())),
        ("no audience", without("aud")),
        ("no account", without("signet_account")),
        ("an account that is not there", with("signet_account", 999_999.into())),
        ("no access", without("signet_access")),
        ("a changed claim", {
            let parts: Vec<&str> = good.split('.').collect();
            let mut claims = claims(&api);
            claims["signet_account"] = 2.into();
            format!("{}.{}.{}", parts[0], b64(claims.to_string()), parts[2])
        }),
        ("cut", good[..good.len() - 2].to_string()),
        ("no JSON", format!("{}.{}.{}", b64("{"), b64("}"), b64("x"))),
    ];
    assert_eq!(list(&api, &good).await.status, 200);
    for (what, token) in cases {
        let reply = list(&api, &token).await;
        assert_eq!(reply.status, 401, "{what}: {}", reply.text);
    }
    // The good one goes the way of all tokens.
    api.ops.clock.advance(SignedDuration::from_mins(11));
    assert_eq!(list(&api, &good).await.status, 401);
}

#[tokio::test]
async fn without_an_issuer_none_is_taken() {
    let api = Api::start().await;
    let token = Issuer::new().sign(&json!({"alg": "RS256", "kid": "rsa"}), &claims(&api));
    assert_eq!(list(&api, &token).await.status, 401);
}

#[tokio::test]
async fn keys_come_from_a_url_too() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let issuer = Arc::new(Issuer::new());
    let keys = issuer.jwks().to_string();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/jwks", axum::routing::get(move || async move { keys }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let api = with_keys_at(&url).await;
    let token = issuer.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims(&api));
    assert_eq!(list(&api, &token).await.status, 200);
}

#[tokio::test]
async fn keys_that_cannot_be_read_let_nobody_in() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let issuer = Issuer::new();
    for jwks in ["/nonexistent/jwks.json", "http://127.0.0.1:1/jwks"] {
        let api = with_keys_at(jwks).await;
        let token = issuer.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims(&api));
        assert_eq!(list(&api, &token).await.status, 401, "{jwks}");
        assert_eq!(api.get("/api/domains").send().await.status, 200, "opaque tokens go on working");
    }
}
