FROM busybox
RUN <<EOF
echo one # kept
# kept, too
echo two \
  three
EOF
RUN cat <<A > /a && cat <<-'B' 3<<"C D"
$a
A
	b
	B
c
C D
COPY <<x.txt file <<"y.txt" /dest/
x $v
x.txt
y $v
y.txt
ONBUILD RUN <<EOF
later
EOF
CMD <<EOF
