"""Postfix in a folder of its own, on loopback only, asking a policy server about everything."""

import os
import pwd
import smtplib
import time

from .processes import free_port, run, tool

# What is answered when nobody is at the policy port; Postfix's own words are
# a server configuration problem.
AWAY = "451 4.3.0 The sending gate cannot be reached"

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /dev/stdout
mail_owner = postfix
myhostname = mail.signet.test
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtputf8_enable = no
relayhost = [127.0.0.1]:{sink}
biff = no
# Tests of rules at RCPT: who has authenticated is said by XCLIENT.
smtpd_authorized_xclient_hosts = 127.0.0.1
# A refusal is not to cost a second each.
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_relay_restrictions = permit_mynetworks, reject
"""

MASTER = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""


def asking(*services):
    """`check_policy_service` for each, as README has it."""
    return ", ".join(f"check_policy_service {{ {service}, {{ default_action = {AWAY} }} }}" for service in services)


class Postfix:
    """One instance with an SMTP port for each of `gates`, by name, which are the policy servers it asks there."""

    def __init__(self, processes, sink, gates):
        if os.geteuid() != 0:
            raise RuntimeError("Postfix starts as root only: run this story as root")
        self.folder = processes.folder / "postfix"
        self.folder.mkdir()
        self.config = self.folder / "etc"
        for name in ("etc", "queue", "data"):
            (self.folder / name).mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(self.folder / "data", owner.pw_uid, owner.pw_gid)
        self.ports = {}
        main, master = MAIN.format(folder=self.folder, sink=sink), MASTER
        for name, services in gates.items():
            self.ports[name] = free_port()
            main += f"signet_gate_{name} = {asking(*services)}\n"
            master += f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd\n"
            master += f"  -o {{ smtpd_recipient_restrictions = $signet_gate_{name}, permit }}\n"
            master += f"  -o {{ smtpd_end_of_data_restrictions = $signet_gate_{name} }}\n"
        (self.config / "main.cf").write_text(main)
        (self.config / "master.cf").write_text(master)
        self.processes = processes
        self.process = None

    def start(self):
        # What `postfix start-fg` does, but for the shell in between: a child of
        # ours, so that it ends with the story whatever happens.
        run([tool("postfix"), "-c", self.config, "check"])
        [daemons] = run([tool("postconf"), "-c", self.config, "-h", "daemon_directory"]).stdout.split()
        self.process = self.processes.start("postfix", [f"{daemons}/master", "-c", self.config, "-s"])
        deadline = time.monotonic() + 180
        for port in self.ports.values():
            while True:
                try:
                    smtplib.SMTP("127.0.0.1", port, timeout=5).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
        return self

    def stop(self):
        self.processes.end(self.process)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def submit(self, gate, sender, recipients, user=None, name="message"):
        """Hands a message in by SMTP: a reply per recipient, and the one at the end of the data if it gets so far."""
        with smtplib.SMTP("127.0.0.1", self.ports[gate], timeout=40) as smtp:
            smtp.ehlo("client.example.net")
            if user is not None:
                smtp.docmd("XCLIENT", f"LOGIN={user}")
                smtp.ehlo("client.example.net")
            smtp.mail(sender)
            replies = [reply(*smtp.rcpt(recipient)) for recipient in recipients]
            if all(line.startswith("250") for line in replies):
                text = f"From: {sender or 'bounces@example.net'}\r\nSubject: {name}\r\n\r\n{name}\r\n"
                replies.append(reply(*smtp.data(text)))
            return replies


def reply(code, text):
    return f"{code} {text.decode()}"
