ARG IMAGE=scratch
FROM $IMGAE
FROM --platform=$TARGETPLATFROM scratch
