//! Profiles that lie on a web server, which the host serves to itself here.

use super::support::{PROFILE, assert_no_op, extents};
use crate::harness::{Disk, Host};

/// Serves /srv/www over TLS on port 443, with the certificate that was made for it.
const SERVER: &str = "
import http.server, ssl
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/elsewhere.yaml':
            self.send_response(302)
            self.send_header('Location', 'http://files.example.com/base.yaml')
            self.end_headers()
        else: super().do_GET()
    def __init__(self, *args): super().__init__(*args, directory='/root/www')
server = http.server.HTTPServer(('127.0.0.1', 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('/root/tls.pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";
const BASE: &str = "version: 1\nlvm:\n  volume_group: atomicos\n  volumes: {root: {size: 3200M}}\n";
const KEPT: &str = "/var/lib/atomhost/profiles";

#[test]
fn a_profile_from_a_web_server() {
    let host = Host::builder("remote").disk(Disk::blank("5G").serial("DATA1")).start();
    host.ok("echo '127.0.0.1 files.example.com' >>/etc/hosts; mkdir /root/www");
    host.write("/root/www/base.yaml", BASE);
    host.write("/root/server.py", SERVER);
    host.ok("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /root/tls.pem -out /root/cert.pem \
             -days 2 -subj /CN=files.example.com -addext subjectAltName=DNS:files.example.com 2>/dev/null && \
             cat /root/cert.pem >>/root/tls.pem");
    let address = |name: &str| {
        let digest = host.ok(&format!("sha256sum /root/www/{name}"));
        format!("https://files.example.com/{name}#sha256={}", &digest[..64])
    };
    let base = address("base.yaml");
    let refused = |command: &str, code: i32, expected: &str| {
        let output = host.run(command);
        assert!(
            output.code == code && output.stderr.contains(expected),
            "{command}: {} {}",
            output.code,
            output.stderr
        );
    };
    // Nobody there; there, but nobody knows the certificate; known.
    refused(&format!("atomhost plan '{base}'"), 75, "try again");
    host.ok("systemd-run -q --unit=www python3 /root/server.py; for _ in $(seq 50); do \
             curl -sk https://files.example.com/base.yaml >/dev/null && exit; sleep 0.2; done; exit 1");
    refused(&format!("atomhost plan '{base}'"), 66, "certificate");
    host.ok("cp /root/cert.pem /usr/local/share/ca-certificates/files.crt && update-ca-certificates >/dev/null 2>&1");
    // A look keeps nothing.
    host.ok(&format!("atomhost plan '{base}' && test ! -e {KEPT}"));
    host.write(PROFILE, format!("extends: {base}\nlvm: {{disks: [{{serial: DATA1}}]}}\n"));
    host.ok("atomhost apply");
    assert_eq!((extents(&host, "atomicos/root"), host.ok(&format!("stat -c %a {KEPT}/*")).trim()), (800, "600"));
    assert!(host.ok("atomhost render").contains("# https://files.example.com/base.yaml:4"));
    the_server_has_no_say(&host, &refused);
    // Without the server nothing is missed, until another profile is wanted.
    host.ok("systemctl stop www.service");
    assert_no_op(&host);
    host.write("/root/www/base.yaml", BASE.replace("3200M", "3240M"));
    let newer = address("base.yaml");
    host.write(PROFILE, format!("extends: {newer}\nlvm: {{disks: [{{serial: DATA1}}]}}\n"));
    for command in ["plan", "apply", "check"] {
        refused(&format!("atomhost {command}"), 75, "try again");
    }
    // What is kept was changed by somebody: it is as good as not there.
    host.write(PROFILE, format!("extends: {base}\nlvm: {{disks: [{{serial: DATA1}}]}}\n"));
    host.ok(&format!("sed -i s/3200M/9G/ {KEPT}/*"));
    refused("atomhost apply", 75, "try again");
    assert_eq!(extents(&host, "atomicos/root"), 800);
}

/// Another file, one that leads to plain http, one that is not there, a secret that all could fetch.
#[track_caller]
fn the_server_has_no_say(host: &Host, refused: &dyn Fn(&str, i32, &str)) {
    let none = "0".repeat(64);
    refused(
        &format!("atomhost plan 'https://files.example.com/base.yaml#sha256={none}'"),
        65,
        "is not the profile that was asked for",
    );
    refused(&format!("atomhost plan 'https://files.example.com/elsewhere.yaml#sha256={none}'"), 66, "http");
    refused(&format!("atomhost plan 'https://files.example.com/none.yaml#sha256={none}'"), 66, "404");
    refused("atomhost plan https://files.example.com/base.yaml", 65, "curl -fsS https://files.example.com/base.yaml");
    host.write("/root/www/secret.yaml", "version: 1\nusers: {root: {password_hash: \"$6$saltsalt$abc\"}}\n");
    let digest = host.ok("sha256sum /root/www/secret.yaml");
    refused(
        &format!("atomhost apply 'https://files.example.com/secret.yaml#sha256={}'", &digest[..64]),
        65,
        "which others can fetch as well",
    );
}
