package value

import "testing"

func TestDuration(t *testing.T) {
	good := map[string]int64{"20": 20000, "20s": 20000, "15min": 900000, "1h": 3600000, "250ms": 250, "1500us": 1, "0": 0,
		"PT15M": 900000, "P1DT1H": 90000000, "10 s": 10000}
	for in, want := range good {
		if got, err := Duration(in); err != nil || got != want {
			t.Errorf("%q: %d %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "10 parsecs", "-5s", "P", "PT", "P5", "99999999999999"} {
		if got, err := Duration(in); err == nil {
			t.Errorf("%q gave %d", in, got)
		}
	}
}

func TestScore(t *testing.T) {
	for in, want := range map[string]int{"5": 5, "INFINITY": Infinity, "-infinity": -Infinity, "+INFINITY": Infinity, "99999999": Infinity} {
		if got, err := Score(in); err != nil || got != want {
			t.Errorf("%q: %d %v", in, got, err)
		}
	}
	if _, err := Score("much"); err == nil {
		t.Error("a word was taken for a score")
	}
}
