//! The machine words of what is found, each with how much it matters.

use core::fmt;

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// Works, and is worth knowing or doing better.
    Remark,
    /// Could not be looked at, which proves nothing.
    Unknown,
    /// Wrong.
    Problem,
}

impl Level {
    /// One stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Remark => "remark",
            Self::Unknown => "unknown",
            Self::Problem => "problem",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal $level:ident,)+) => {
        /// What was found, in one stable word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// How much it matters.
            #[must_use]
            pub fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level),+ }
            }
        }
    };
}

codes! {
    /// As it should be.
    Ok = "ok" Good,
    /// Nobody gave an answer that says anything.
    Unanswered = "unanswered" Unknown,
    /// The zone above does not know of our zone.
    NotDelegated = "not_delegated" Problem,
    /// Our names are kept in the zone above instead of in one of their own.
    NoZoneCut = "no_zone_cut" Remark,
    /// The zone above and our zone list different name servers.
    DelegationDiffers = "delegation_differs" Problem,
    /// The zone above does not tell the address of a name server inside our zone.
    GlueMissing = "glue_missing" Problem,
    /// The zone above tells another address of a name server than our zone does.
    GlueDiffers = "glue_differs" Problem,
    /// The zone above leaves out some of a name server's addresses.
    GlueIncomplete = "glue_incomplete" Remark,
    /// Whoever checks signatures refuses our zone.
    DnssecBogus = "dnssec_bogus" Problem,
    /// A name server answers, and not for our zone.
    ServerLame = "server_lame" Problem,
    /// A name server stays silent while others answer.
    ServerSilent = "server_silent" Problem,
    /// A name server has no address, or none the world can reach.
    ServerAddress = "server_address" Problem,
    /// A name server does not answer over TCP.
    NoTcp = "no_tcp" Problem,
    /// A name server answers without authority.
    NotAuthoritative = "not_authoritative" Problem,
    /// A name server offers to look up other people's names for anybody.
    RecursionOffered = "recursion_offered" Remark,
    /// Name servers have different versions of the zone, at this moment.
    SerialsDiffer = "serials_differ" Remark,
    /// A name server still has an old version of the zone after it had time.
    ServerBehind = "server_behind" Problem,
    /// There is only one name server.
    OneServer = "one_server" Remark,
    /// The name servers themselves were not asked.
    ServersUnchecked = "servers_unchecked" Remark,
    /// Name servers answer differently.
    ServersDisagree = "servers_disagree" Problem,
    /// A host of ours has no address.
    NoAddress = "no_address" Problem,
    /// Bounces have nowhere to go.
    NoMailExchanger = "no_mail_exchanger" Problem,
    /// SPF does not let one of our own addresses send.
    SpfNotPassed = "spf_not_passed" Problem,
    /// SPF lets anybody send.
    SpfOpen = "spf_open" Problem,
    /// An SPF record of ours is too long to reach everybody.
    SpfTooLong = "spf_too_long" Problem,
    /// An SPF record of ours costs customers look-ups they need themselves.
    SpfCostly = "spf_costly" Remark,
    /// No certification authority may issue for the tracking host.
    CaaForbids = "caa_forbids" Problem,
    /// A domain's DKIM key is not there.
    KeyMissing = "key_missing" Problem,
    /// Another key is there than the database has.
    KeyDiffers = "key_differs" Problem,
    /// A key is there that the database does not have.
    KeyUnexpected = "key_unexpected" Problem,
    /// A key has no address beside it, by which flattened aliases are recognised.
    KeyBare = "key_bare" Remark,
    /// Our consent to receive customers' DMARC reports is not there.
    ConsentMissing = "consent_missing" Problem,
    /// The address that DMARC reports are sent to takes no mail.
    ReportsLost = "reports_lost" Problem,
    /// A record of a demo domain is not as it was planned.
    DemoDiffers = "demo_differs" Problem,
    /// A sending address is one that nobody outside can reach.
    AddressNotPublic = "address_not_public" Remark,
    /// A sending address has no name.
    PtrMissing = "ptr_missing" Problem,
    /// The name of a sending address does not have that address.
    PtrUnconfirmed = "ptr_unconfirmed" Problem,
    /// The name of a sending address looks like one made by a machine.
    PtrGeneric = "ptr_generic" Remark,
    /// The name our mail servers greet with does not have the sending address.
    HeloUnconfirmed = "helo_unconfirmed" Problem,
    /// SPF at the name our mail servers greet with refuses the address.
    HeloSpfFails = "helo_spf_fails" Problem,
    /// SPF at the name our mail servers greet with does not pass.
    HeloSpfNotPassed = "helo_spf_not_passed" Remark,
    /// The key file cannot be used.
    KeyFileUnusable = "key_file_unusable" Problem,
    /// The key file is not the one this database was made with.
    KeyFileOther = "key_file_other" Problem,
    /// The database cannot be used.
    DatabaseUnusable = "database_unusable" Problem,
    /// The database has nothing in it yet.
    DatabaseEmpty = "database_empty" Remark,
    /// This machine's clock and the database's differ.
    ClockSkewed = "clock_skewed" Problem,
    /// A configured resolver does not answer.
    ResolverSilent = "resolver_silent" Problem,
    /// No configured resolver checks signatures.
    ResolverNotValidating = "resolver_not_validating" Remark,
    /// Links in our messages are not https.
    PublicUrlPlain = "public_url_plain" Remark,
    /// Links in our messages lead nowhere, as far as can be seen from here.
    PublicUrlUnreachable = "public_url_unreachable" Remark,
    /// Our own messages are files in a directory.
    MailToFiles = "mail_to_files" Remark,
    /// The SMTP server for our own messages does not take them.
    SmtpUnusable = "smtp_unusable" Problem,
    /// The SMTP server for our own messages offers no encryption.
    SmtpPlain = "smtp_plain" Remark,
    /// Our own zone server does not answer where it should listen.
    ZoneServerSilent = "zone_server_silent" Problem,
    /// The world sees another version of the zone than our own zone server has.
    ZoneServerDiffers = "zone_server_differs" Remark,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
