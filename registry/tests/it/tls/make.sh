#!/bin/sh
# Makes the certificates of this folder anew. They are for tests only, and their keys are public.
#
# The names of servers are those of this machine. ::ffff:127.0.0.1 is the one that the client does not take for this
# machine itself, so that it verifies the server there.
set -eu
cd "$(dirname "$0")"
names='subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1,IP:::ffff:127.0.0.1'
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
touch "$work/index"
cat > "$work/config" <<EOF
[ca]
default_ca = test
[test]
database = $work/index
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
EOF

# make NAME END EXTENSIONS [-selfsign | -cert FILE]: a certificate that is valid from 2020 to END.
make() {
    name=$1 end=$2
    printf '%s\n' "$3" > "$work/extensions"
    shift 3
    openssl req -config "$work/config" -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
        -keyout "$name.key" -out "$work/request"
    openssl ca -batch -notext -config "$work/config" -startdate 20200101000000Z -enddate "$end" \
        -extfile "$work/extensions" -in "$work/request" -out "$name.crt" "$@"
}
later=21200101000000Z

# An authority, and a server and a client that it vouches for.
make ca $later 'basicConstraints=critical,CA:TRUE' -selfsign -keyfile ca.key
make server $later "$names
basicConstraints=CA:FALSE" -cert ca.crt -keyfile ca.key
make client $later 'basicConstraints=CA:FALSE' -cert ca.crt -keyfile ca.key
rm ca.key

# Servers that vouch for themselves, made as the registry's documentation makes them: CA:TRUE.
make own $later "$names
basicConstraints=critical,CA:TRUE" -selfsign -keyfile own.key
make other $later 'subjectAltName=DNS:other.example
basicConstraints=critical,CA:TRUE' -selfsign -keyfile other.key
make expired 20200201000000Z "$names
basicConstraints=critical,CA:TRUE" -selfsign -keyfile expired.key
