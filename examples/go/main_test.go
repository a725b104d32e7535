package main

import (
	"strings"
	"testing"
)

func TestWordsAreSeparatedBySpace(t *testing.T) {
	words, err := CountWords(strings.NewReader("one  two\nthree"))
	if words != 3 || err != nil {
		t.Errorf("got %d, %v", words, err)
	}
}
