FROM scratch
LABEL a="äöü" \
	b=‮ \
	c=${d:?ö}
