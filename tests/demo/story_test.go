package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab/probe"
)

// complete is a failover of which nothing is missing.
func complete() facts {
	cut := time.UnixMilli(1_700_000_000_000)
	at := func(ms int64) int64 { return cut.UnixMilli() + ms }
	return facts{
		victim: "n3", resources: []string{"vip", "site"}, cut: cut,
		last:  probe.Answer{At: cut.Add(-3 * time.Millisecond), Text: "hello from n3"},
		first: probe.Answer{At: cut.Add(1130 * time.Millisecond), Text: "hello from n1"},
		events: []api.TimelineEvent{
			{At: at(-5000), Node: "n1", Kind: "op-start", Subject: "vip", Text: "vip_start_0 on n3"},
			{At: at(1004), Node: "n2", Kind: "lost", Subject: "n3", Text: "n3 lost: silent for 1000 ms on 1 of 1 links"},
			{At: at(1001), Node: "n1", Kind: "lost", Subject: "n3", Text: "n3 lost: silent for 1000 ms on 1 of 1 links"},
			{At: at(1020), Node: "n1", Kind: "fence-asked", Subject: "n3", Text: "reboot of n3 is asked for: n3 is lost"},
			{At: at(1030), Node: "n1", Kind: "fence-done", Subject: "n3", Text: "reboot of n3 is confirmed by n1 after 8 ms"},
			{At: at(1031), Node: "n1", Kind: "op-start", Subject: "other", Text: "other_start_0 on n2"},
			{At: at(1040), Node: "n1", Kind: "op-start", Subject: "vip", Text: "vip_start_0 on n1"},
			{At: at(1090), Node: "n1", Kind: "op-start", Subject: "site", Text: "site_start_0 on n1"},
		},
	}
}

func TestTell_PutsBothSidesInOrder(t *testing.T) {
	steps, err := tell(complete())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	write(&out, steps)
	want := `      -3 ms  last answer      hello from n3
       0 ms  power cut        of n3
    1001 ms  loss declared    n3 lost: silent for 1000 ms on 1 of 1 links (n1)
    1020 ms  fence asked      reboot of n3 is asked for: n3 is lost (n1)
    1030 ms  fence confirmed  reboot of n3 is confirmed by n1 after 8 ms (n1)
    1040 ms  start            vip_start_0 on n1 (n1)
    1130 ms  first answer     hello from n1
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestTell_SaysWhatIsMissing(t *testing.T) {
	drop := func(kind string) func(*facts) {
		return func(f *facts) {
			var rest []api.TimelineEvent
			for _, e := range f.events {
				if e.Kind != kind {
					rest = append(rest, e)
				}
			}
			f.events = rest
		}
	}
	for _, c := range []struct {
		name string
		edit func(*facts)
		want string
	}{
		{"no loss", drop("lost"), `"loss declared"`},
		{"no fence", drop("fence-asked"), `"fence asked"`},
		{"not confirmed", drop("fence-done"), `"fence confirmed"`},
		{"no start", drop("op-start"), `"start"`},
		{"start before the fence is confirmed", func(f *facts) { f.events[4].At += 5000 }, `"start"`},
		{"no answer", func(f *facts) { f.first = probe.Answer{} }, "does not answer"},
		{"answer of the dead", func(f *facts) { f.first.Text = "hello from n3" }, "which is off"},
		{"never answered", func(f *facts) { f.last = probe.Answer{} }, "never answered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := complete()
			c.edit(&f)
			if _, err := tell(f); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %s", err, c.want)
			}
		})
	}
}
