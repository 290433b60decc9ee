package sbd

import (
	"flag"
	"testing"
)

// TestMain lets the tests run side by side on a small machine too: they wait much and compute little.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "16")
	m.Run()
}
