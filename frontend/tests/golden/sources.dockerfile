FROM scratch
ADD https://example.org/a%20b.tar?x=1 /dl/
ADD --unpack https://example.org/c.tar.gz /c
ADD --checksum=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa https://example.org/d /d
ADD --keep-git-dir https://example.org/r.git#v1:docs /docs
ADD --unpack=false local.tar /plain/
ADD git@example.org:o/r?branch=main /scp
COPY --parents --exclude=*.md src/./lib/**/*.rs /out/
