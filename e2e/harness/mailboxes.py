"""A Postfix that delivers into mailboxes of its own, on loopback."""

import os
import pwd

from .postfix import MASTER, Postfix
from .processes import free_port

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /dev/stdout
mail_owner = postfix
myhostname = mail.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtpd_tls_security_level = none
smtpd_recipient_restrictions = permit_auth_destination, reject
biff = no
# Whoever is written to has a mailbox.
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all/
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
# No message is ever changed on its way, not even its ends of lines.
disable_mime_output_conversion = yes
"""


class Mailboxes(Postfix):
    """Everything that it takes for delivery is one Maildir."""

    def __init__(self, processes):
        super().__init__(processes, sink=free_port(), gates={})
        owner = pwd.getpwnam("nobody")
        mail = self.folder / "mail"
        mail.mkdir()
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        self.port = free_port()
        self.ports = {"": self.port}
        main = MAIN.format(folder=self.folder, uid=owner.pw_uid, gid=owner.pw_gid)
        (self.config / "main.cf").write_text(main)
        services = f"127.0.0.1:{self.port} inet n - n - - smtpd\nvirtual unix - n n - - virtual\n"
        (self.config / "master.cf").write_text(MASTER + services)
        self.mail = mail

    def messages(self):
        """What has arrived, oldest first, as bytes."""
        files = sorted(self.mail.glob("all/new/*"), key=lambda file: file.stat().st_mtime_ns)
        return [file.read_bytes() for file in files]
