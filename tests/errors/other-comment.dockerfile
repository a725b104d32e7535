FROM scratch
// a comment of other languages
