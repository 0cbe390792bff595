//! The machine words of the verdicts.

use super::Status;
use core::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal [$($status:ident)+],)+) => {
        /// Why a verdict is what it is, in one stable word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All of them, in the order of their documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What it means, for the API's documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }

            /// The statuses it can come with.
            #[must_use]
            pub fn statuses(self) -> &'static [Status] {
                match self { $(Self::$variant => &[$(Status::$status),+]),+ }
            }
        }
    };
}

codes! {
    /// The record has not been looked at, or its expected value was reissued since.
    Unchecked = "unchecked" [Unchecked],
    /// The record does what it is for.
    Ok = "ok" [Pass],
    /// No name server of the zone gave an answer in time.
    Timeout = "timeout" [NetworkError],
    /// The name servers could not be reached.
    Unreachable = "unreachable" [NetworkError],
    /// The name servers answered SERVFAIL.
    Servfail = "servfail" [NetworkError],
    /// The name servers answered REFUSED.
    Refused = "refused" [NetworkError],
    /// The servers the delegation lists do not serve the zone.
    Lame = "lame" [NetworkError],
    /// A resolver on the way filters the name, so nothing can be said about it.
    Filtered = "filtered" [NetworkError],
    /// A configured resolver refuses to answer, so that nothing is known of the zone.
    ResolverRefused = "resolver_refused" [NetworkError],
    /// The answer was too long for UDP and could not be fetched over TCP.
    Truncated = "truncated" [NetworkError],
    /// The answer could not be understood.
    BadAnswer = "bad_answer" [NetworkError],
    /// The zone's name servers have private addresses, which are not asked.
    PrivateAddress = "private_address" [NetworkError],
    /// The zone's name servers answer differently.
    ServersDisagree = "servers_disagree" [NetworkError],
    /// The zone's name servers have answered differently for a day.
    ServersSplit = "servers_split" [Fail],
    /// Every name server of the zone has refused to serve it for a day, while others answer.
    ZoneDead = "zone_dead" [Fail],
    /// Two validating resolvers refuse the zone because its DNSSEC signatures do not hold.
    DnssecBogus = "dnssec_bogus" [Fail],
    /// A validating resolver refuses the zone because of DNSSEC; a second one would be proof.
    DnssecSuspect = "dnssec_suspect" [NetworkError],
    /// Nothing is published under the name (NXDOMAIN).
    NameNotFound = "name_not_found" [Missing],
    /// The name has no record of the type (NODATA).
    NoRecord = "no_record" [Missing],
    /// The domain is not delegated: not registered, expired or on hold.
    NotDelegated = "not_delegated" [Missing],
    /// The answer comes from a wildcard and would be the same for any name.
    Wildcard = "wildcard" [Missing],
    /// The record was entered with the domain at its end, and the DNS host appended the domain again.
    NameDoubled = "name_doubled" [Missing],
    /// The record was entered at the organizational domain instead of the sending domain.
    NameAtApex = "name_at_apex" [Missing],
    /// The target lost its final dot, and the DNS host appended the zone to it.
    TargetAppended = "target_appended" [Fail],
    /// The CNAME points somewhere else.
    WrongTarget = "wrong_target" [Fail],
    /// A record of another kind stands where the CNAME belongs.
    WrongType = "wrong_type" [Fail],
    /// Other records stand beside the CNAME, or several CNAMEs do; resolvers may take either.
    CnameWithOthers = "cname_with_others" [Fail],
    /// The CNAME leads in a circle or through too many others.
    CnameLoop = "cname_loop" [Fail],
    /// A proxy answers in place of the CNAME.
    Proxied = "proxied" [Fail],
    /// The DNS host replaced the CNAME by the addresses behind it, which breaks when they change.
    Flattened = "flattened" [Softfail],
    /// Our key was copied as TXT instead of the CNAME; it breaks at the next rotation.
    Copied = "copied" [Softfail],
    /// A key that is not ours stands where ours belongs.
    OtherKey = "other_key" [Fail],
    /// The right CNAME is reached through another one.
    Indirect = "indirect" [Pass],
    /// A CNAME stands at the apex of the zone, beside its SOA and NS records, which is not allowed.
    CnameAtApex = "cname_at_apex" [Fail],
    /// The sending domain is itself a CNAME and cannot carry a TXT record.
    NameIsCname = "name_is_cname" [Fail],
    /// Text plainly meant to be this record does not start as one.
    Malformed = "malformed" [Fail],
    /// There is more than one SPF record, which is a permanent error for receivers.
    SpfMultiple = "spf_multiple" [Fail],
    /// The SPF record has a syntax error.
    SpfSyntax = "spf_syntax" [Fail],
    /// Evaluating the SPF record takes more than ten look-ups.
    SpfTooManyLookups = "spf_too_many_lookups" [Fail Softfail],
    /// Evaluating the SPF record meets more than two names that do not exist.
    SpfTooManyVoidLookups = "spf_too_many_void_lookups" [Fail Softfail],
    /// The SPF record includes itself.
    SpfLoop = "spf_loop" [Fail Softfail],
    /// The SPF record includes a name that has no valid SPF record.
    SpfBrokenInclude = "spf_broken_include" [Fail Softfail],
    /// The SPF record needs another party's record that cannot be reached now.
    SpfIncludeUnreachable = "spf_include_unreachable" [NetworkError Softfail Fail],
    /// Nine or ten of the ten look-ups are used up.
    SpfNearLimit = "spf_near_limit" [Softfail],
    /// The SPF record does not cover our sending addresses.
    SpfNotIncluded = "spf_not_included" [Fail],
    /// The SPF record covers some of our sending addresses only.
    SpfPartial = "spf_partial" [Softfail],
    /// The SPF record lists our addresses literally, and breaks when they change.
    Pinned = "pinned" [Softfail],
    /// The SPF record lets anybody send.
    SpfAllowsAnyone = "spf_allows_anyone" [Fail],
    /// Ours stands after `all`, where receivers do not look.
    SpfAfterAll = "spf_after_all" [Fail],
    /// The SPF record has no opinion on other senders (`?all`, or no `all`).
    SpfNeutral = "spf_neutral" [Softfail],
    /// The SPF record uses `ptr`, which many receivers ignore (RFC 7208 §5.5).
    SpfPtr = "spf_ptr" [Softfail],
    /// The SPF record has the type SPF (99), which receivers do not ask for (RFC 7208 §3.1).
    SpfType99 = "spf_type99" [Missing],
    /// The SPF record was entered at `_spf` or `spf` below the domain instead of at the domain.
    SpfWrongName = "spf_wrong_name" [Missing],
    /// The DKIM key is revoked: `p=` is empty.
    Revoked = "revoked" [Fail],
    /// The DKIM key record has a syntax error, or one that only some receivers overlook.
    DkimSyntax = "dkim_syntax" [Fail Softfail],
    /// The DKIM key record has a `v` that is not first or not `DKIM1`.
    DkimVersion = "dkim_version" [Fail],
    /// There is more than one TXT record at the DKIM selector; receivers may take any.
    DkimMultiple = "dkim_multiple" [Fail],
    /// The DKIM key type `k` is unknown, or another than that of the key.
    DkimKeyType = "dkim_key_type" [Fail],
    /// The DKIM key may not be used with sha256 (`h`), the only hash receivers accept.
    DkimHash = "dkim_hash" [Fail],
    /// The DKIM key is not for e-mail (`s`).
    DkimService = "dkim_service" [Fail],
    /// What stands in `p` of the DKIM key record is not a public key in base64.
    DkimKeyInvalid = "dkim_key_invalid" [Fail],
    /// The DKIM key was cut off, mostly after the 255 characters of one string.
    DkimKeyTruncated = "dkim_key_truncated" [Fail],
    /// A private key is published in place of the public one.
    DkimKeyPrivate = "dkim_key_private" [Fail],
    /// The RSA key has less than 1,024 bits, which no receiver accepts.
    DkimKeyShort = "dkim_key_short" [Fail],
    /// The RSA key has less than the 2,048 bits that are recommended.
    DkimKeyWeak = "dkim_key_weak" [Softfail],
    /// The RSA key has more than 4,096 bits, which receivers need not accept.
    DkimKeyLong = "dkim_key_long" [Softfail],
    /// The only DKIM key is an Ed25519 key, which many receivers do not know.
    DkimEd25519Alone = "dkim_ed25519_alone" [Softfail],
    /// The DKIM key says that the domain is only testing (`t=y`).
    DkimTesting = "dkim_testing" [Softfail],
    /// The name above the record is answered with NXDOMAIN, from which resolvers may conclude that nothing is below it.
    NxdomainAbove = "nxdomain_above" [Softfail],
    /// The DMARC record has a syntax error or no usable policy.
    DmarcSyntax = "dmarc_syntax" [Fail Softfail],
    /// There is more than one DMARC record, so receivers discard all of them.
    DmarcMultiple = "dmarc_multiple" [Fail Softfail],
    /// The policy of the organizational domain applies.
    Inherited = "inherited" [Pass],
    /// Reports go to a domain that has not agreed to receive them.
    DmarcReportConsent = "dmarc_report_consent" [Softfail],
}

impl Code {
    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
