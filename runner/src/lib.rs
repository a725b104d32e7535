//! A finished image to a running process: containers in `<store>/containers/<id>`. Knows no Dockerfile.
