FROM settled
ENV who=me
RUN <<EOF
echo one
echo two
EOF
RUN <<-SCRIPT
	#!/usr/bin/env python3
	print("x")
	SCRIPT
RUN cat <<A | tr a b; cat 3<<-'B'
body $a
A
	body b
	B
COPY a.txt <<one.conf <<'two.conf' conf/
user=$who "$who"
one.conf
user=$who
two.conf
