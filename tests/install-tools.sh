#!/bin/sh
# What the tests need beyond Python: redis-server, a C compiler, curl, faketime, openssl, rsyslog, podman with runc, nginx, Caddy,
# HAProxy, a Chromium, npm, Maven, PHP with Monolog. On Debian as root they are installed, else named. From npm comes axe-core,
# which looks for what keeps people out of the page.
set -eu

missing=""
command -v redis-server >/dev/null || missing="redis-server"
command -v cc >/dev/null || command -v gcc >/dev/null || missing="$missing gcc libc6-dev"
command -v curl >/dev/null || missing="$missing curl"
command -v faketime >/dev/null || missing="$missing faketime"
command -v podman >/dev/null || missing="$missing podman"
command -v runc >/dev/null || missing="$missing runc"
for proxy in nginx caddy haproxy; do
    PATH=$PATH:/usr/sbin command -v $proxy >/dev/null || missing="$missing $proxy"
done
command -v openssl >/dev/null || missing="$missing openssl"
ls /usr/lib/*/rsyslog/omhiredis.so >/dev/null 2>&1 || missing="$missing rsyslog rsyslog-hiredis"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    missing="$missing chromium"
command -v npm >/dev/null || missing="$missing npm"
command -v mvn >/dev/null || missing="$missing maven default-jdk-headless"
[ -e /usr/share/php/Monolog/autoload.php ] && php -m | grep -qx redis || missing="$missing php-cli php-redis php-monolog"
missing=${missing# }
for tool in go cargo; do
    command -v $tool >/dev/null ||
        { echo "The tests need $tool: Go 1.26 (go.dev) and Rust 1.95 (rustup.rs) or newer, which Debian does not have." >&2; exit 1; }
done

get_axe() (
    cd "$(dirname "$0")/browser"
    [ node_modules/axe-core/axe.min.js -nt package-lock.json ] ||
        { npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules/axe-core/axe.min.js; }
)
[ -n "$missing" ] || { get_axe; exit 0; }

fail() {
    echo "The tests need: $missing. Install it (Debian: sudo apt-get install $missing) and run this again." >&2
    exit 1
}
command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ] || fail

echo "Installing $missing"
# Without this, Debian would start a Redis service of its own on port 6379.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
# A source that can't be read need not be the one with these packages.
apt-get update -qq || true
# A new machine may be busy with its first upgrades, hence the time-out.
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >/dev/null ||
    fail
get_axe
