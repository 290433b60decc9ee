package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestParse_AsGetoptLong(t *testing.T) {
	cases := []struct{ args, want string }{
		{"-Q -o resources", "Q o=resources"},
		{"-Qoresources", "Q o=resources"},
		{"--query --scope=status", "Q o=status"},
		{"--query --scope status", "Q o=status"},
		{"--qu x y", "Q |x y"},
		{"x -Q -- -o", "Q |x -o"},
		{"--color -Q", "color= Q"},
		{"--color=auto", "color=auto"},
		{"-o", "error: option -o needs a value"},
		{"--nope", "error: unknown option --nope"},
		{"-z", "error: unknown option -z"},
		{"--s x", "error: option --s is ambiguous: --scope or --sync"},
		{"--query=1", "error: option --query takes no value"},
	}
	for _, c := range cases {
		var got []string
		note := func(name string) func(string) error {
			return func(v string) error { got = append(got, name+v); return nil }
		}
		options := []Option{
			{Long: "query", Short: 'Q', Do: note("Q")},
			{Long: "scope", Short: 'o', Arg: NeedArg, Do: note("o=")},
			{Long: "sync", Do: note("sync")},
			{Long: "color", Arg: MayArg, Do: note("color=")},
		}
		ops, err := Parse(options, strings.Fields(c.args))
		if len(ops) > 0 {
			got = append(got, "|"+strings.Join(ops, " "))
		}
		if err != nil {
			got = []string{"error: " + err.Error()}
		}
		if s := strings.Join(slices.DeleteFunc(got, func(s string) bool { return s == "" }), " "); s != c.want {
			t.Errorf("%q: got %q, want %q", c.args, s, c.want)
		}
	}
}
